"""Background work never stops silently: what is raised is told wherever people look, and tried
again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.keystore.file import Unlocking
from ledger.adapters.node.partner import Partners
from ledger.adapters.web.client import Answer
from ledger.app import bootstrap, metrics, settings
from ledger.domain.errors import ChainError, FrozenError, NetworkError, StorageError
from ledger.domain.ports.node_answers import WorkerStatus
from ledger.domain.untrusted.hosts import HERE
from ledger.rows.agencies import PartnerRow
from ledger.services.audit import self_check
from ledger.services.handovers import sync
from ledger.services.node import supervision
from ledger.services.node.duty_board import Board
from ledger.services.node.supervision import Duty, Loop, Round, Worker, describe
from ledger.services.onchain import checkpoint_anchoring
from ledger.services.registration import agency_statements
from ledger.services.storage import garbage_collection
from ledger.services.workers.anchoring_worker import AnchoringPolicy, AnchoringWorker
from ledger.services.workers.handover_worker import HandoverWorker
from tests.support.desk import PASSPHRASE, Desk
from tests.support.hostile import KINDS, answer, hostile, says


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses as short as a test can bear."""
    monkeypatch.setattr(supervision, "_LONGEST", 0.05)


@pytest.fixture
def working(desk: Desk) -> Iterator[Callable[[Any], Any]]:
    with ExitStack() as stack:

        def begin(work: Any) -> Any:
            work.start()
            stack.callback(work.stop)
            return work

        yield begin


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


def standing(desk: Desk, worker: str) -> WorkerStatus:
    idle = WorkerStatus(worker, 0, None, "", "", None, None)
    found = desk.client.status(chain=False).workers or ()
    return next((one for one in found if one.worker == worker), idle)


def test_an_exception_that_nobody_expected_in_anchoring_is_told_and_tried_again(
    desk: Desk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    working: Callable[[Any], Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    measured = metrics.NodeMetrics()
    measured.follow(desk.node)
    desk.node.telemetry = measured
    (tmp_path / "x").write_bytes(b"x")
    desk.upload(tmp_path / "x")
    real, broken = checkpoint_anchoring.step, threading.Event()

    def step(node: Any) -> None:
        if not broken.is_set():
            raise ZeroDivisionError("case 2026-117, victim Jane")
        real(node)

    monkeypatch.setattr(checkpoint_anchoring, "step", step)
    working(AnchoringWorker(desk.node, AnchoringPolicy(growth=1, age=0)))
    until(lambda: standing(desk, "anchoring").failures >= 3)
    told = standing(desk, "anchoring")
    assert told.problem.startswith("unexpected ZeroDivisionError at test_supervision.step:")
    assert told.since
    assert told.next
    assert readiness(desk).json({}) == {"status": "ready", "failing": "anchoring"}
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in measured.registry.collect()
        for sample in family.samples
    }
    assert samples["custody_worker_failures", "anchoring"] >= 3
    assert samples["custody_worker_runs_total", "anchoring", "failed"] >= 3
    assert [
        one.message
        for one in self_check.examine(desk.node, deep=False)
        if isinstance(one, self_check.SelfCheckFinding)
    ][0].startswith("anchoring failed")
    broken.set()
    until(lambda: not standing(desk, "anchoring").failures and anchoring_is_done(desk))
    until(lambda: "anchoring: works again" in caplog.text)  # logged just after it is shown
    assert "Jane" not in caplog.text + str(told)


def readiness(desk: Desk) -> Answer:
    return desk.client._web.call("GET", "/readyz", limit=1 << 16)


def anchoring_is_done(desk: Desk) -> bool:
    with desk.node.records.read() as unit:
        reached = checkpoint_anchoring.progress(desk.node, unit)
    return reached.final == reached.integrated


@pytest.mark.parametrize("error", [NetworkError("no answer"), ChainError("refused"), RecursionError(), MemoryError(), SystemExit(1), KeyError("result"), AssertionError()])  # fmt: skip
def test_whatever_a_step_raises_the_loop_goes_on(
    desk: Desk, error: BaseException, working: Callable[[Any], Any]
) -> None:
    seen = []

    def step() -> Round:
        seen.append(time.monotonic())
        if len(seen) < 4:
            raise error
        return Round(60.0)

    [loop] = working(Worker(desk.node, [Duty("duty", step, pause=0.01)]))._loops
    until(lambda: len(seen) >= 4)
    until(lambda: not desk.node.workers.failing())
    assert loop.is_alive()


def test_pauses_grow_to_their_limit_and_are_never_the_same_for_all(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "_LONGEST", 60.0)
    duty = Duty("duty", lambda: 1 / 0, pause=1.0)  # type: ignore[arg-type, return-value]
    loop = Loop(desk.node, duty, threading.Event())
    waits = [loop.once() for _ in range(40)]
    assert all(
        0.5 * min(2.0**number, 60) <= wait <= min(2.0**number, 60)
        for number, wait in enumerate(waits)
    )
    assert len(set(waits)) > 30


def test_telling_that_fails_ends_no_work(
    desk: Desk, working: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    seen: list[int] = []
    desk.node.workers = Board(keep=full)
    failing = Duty("duty", lambda: seen.append(1) or 1 / 0, pause=0.01)  # type: ignore[arg-type, return-value, func-returns-value]
    working(Worker(desk.node, [failing]))
    until(lambda: len(seen) >= 3)


def test_a_frozen_log_is_shown_everywhere_anchors_nothing_and_is_looked_at_again(
    desk: Desk, tmp_path: Path, working: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "x").write_bytes(b"x")
    desk.upload(tmp_path / "x")
    freeze(desk, "entries and tiles give different roots")
    working(AnchoringWorker(desk.node, AnchoringPolicy(growth=1, age=0)))
    until(lambda: standing(desk, "anchoring").failures >= 3)
    assert "frozen" in standing(desk, "anchoring").problem
    assert any(record.levelno == logging.CRITICAL for record in caplog.records)
    assert readiness(desk).status == 503
    assert any(
        "frozen" in one.message
        for one in self_check.examine(desk.node, deep=False)
        if isinstance(one, self_check.SelfCheckFinding)
    )
    with desk.node.records.read() as unit:
        assert checkpoint_anchoring.progress(desk.node, unit).submitted == 0
    freeze(desk, "")  # mended, under the running node
    until(lambda: anchoring_is_done(desk))
    assert standing(desk, "anchoring").failures == 0


def freeze(desk: Desk, reason: str) -> None:
    with desk.node.records.write() as unit:
        log = unit.logs.get(desk.node.log_id)
        assert log is not None
        unit.logs.put(replace(log, frozen=reason))


def test_a_frozen_log_is_told_also_while_nothing_waits(
    desk: Desk, working: Callable[[Any], Any]
) -> None:
    desk.anchor()
    freeze(desk, "entries and tiles give different roots")
    working(AnchoringWorker(desk.node, AnchoringPolicy()))
    until(lambda: standing(desk, "anchoring").failures)


def test_a_revocation_list_that_cannot_be_issued_keeps_nothing_from_being_anchored(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, working: Callable[[Any], Any]
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(agency_statements, "publish_crl", fail)
    monkeypatch.setattr(garbage_collection, "collect", fail)
    (tmp_path / "x").write_bytes(b"x")
    desk.upload(tmp_path / "x")
    monkeypatch.setattr("ledger.services.workers.anchoring_worker._DAY", 0)
    monkeypatch.setattr("ledger.services.workers.anchoring_worker._CHECK", 0.01)
    working(AnchoringWorker(desk.node, AnchoringPolicy(growth=1, age=0)))
    until(
        lambda: (
            standing(desk, "revocation").failures
            and standing(desk, "clearing").failures
            and anchoring_is_done(desk)
        )
    )


KINDS_OF_PARTNERS = ["an empty object", "null", "a list", "a gzip bomb", "HTML with code 200", "come again before now", "closed in the head", "deep lists", "a redirect"]  # fmt: skip


def test_nonsense_of_one_partner_holds_up_no_other_and_ends_no_exchange(desk: Desk, working: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr("ledger.services.workers.handover_worker._IDLE", 0.05)
    keys = desk.node.keys
    desk.node.reach = reach = Partners(lambda: (keys.service, keys.service_certificate.der))
    with ExitStack() as stack:
        stack.callback(reach.close)
        servers = {
            f"RO-A{number}": stack.enter_context(hostile(KINDS[kind]))
            for number, kind in enumerate(KINDS_OF_PARTNERS)
        }
        last = stack.enter_context(hostile(says(answer(b"{}"))))
        with desk.node.records.write() as unit:
            for code, server in servers.items():
                unit.partners.put(PartnerRow(code, server.url, b"list", desk.clock.now()))
            unit.partners.put(PartnerRow("US-LAST", last.url, b"list", desk.clock.now()))
        # As if the registry had said just now that they are active.
        monkeypatch.setattr("ledger.services.onchain.agency_standing._FRESH", 10**9)
        desk.node.standings |= dict.fromkeys([*servers, "US-LAST"], desk.clock.now())
        exchanger = working(HandoverWorker(desk.node))
        until(lambda: len(last.seen) >= 4, 60)
        until(lambda: all(code in standing(desk, "exchange").problem for code in servers), 60)
        assert all(loop.is_alive() for loop in exchanger._loops)
        exchanger.stop()


def test_an_answer_that_makes_our_own_code_fail_is_a_problem_of_that_partner(desk: Desk) -> None:
    class Odd:
        def exchanged(self) -> Any:
            raise KeyError("case 117")

        def disposals(self) -> Any:
            return []

    desk.node.reach = lambda url: Odd()
    with desk.node.records.write() as unit:
        unit.partners.put(PartnerRow("RO-POL", "https://ro.example", b"list", desk.clock.now()))
    desk.node.standings["RO-POL"] = desk.clock.now()
    problems = sync.sync(desk.node).problems
    assert problems["RO-POL"].startswith("unexpected KeyError at test_supervision.exchanged")
    assert "117" not in str(problems)


def test_what_was_told_last_survives_the_process_for_doctor(desk: Desk, home_path: Path) -> None:
    def silent() -> Round:
        raise NetworkError("RO-POL does not answer", hint="ask them")

    Loop(desk.node, Duty("exchange", silent), threading.Event()).once()
    [row] = settings.read_workers(home_path)
    assert (row.worker, row.failures, row.problem, row.hint) == (
        "exchange",
        1,
        "RO-POL does not answer",
        "ask them",
    )
    again = bootstrap.settings.read_workers(home_path)
    assert Board(lambda: again).last_known() == again
    (home_path / settings.WORKERS).write_bytes(b"[7]")
    assert settings.read_workers(home_path) == []


def test_what_is_told_of_an_unexpected_exception_quotes_nothing() -> None:
    try:
        {}["victim Jane"]
    except KeyError as error:
        problem, hint = describe(error)
    assert "Jane" not in problem + hint
    assert problem.startswith("unexpected KeyError at test_supervision.test_what_is_told")
    assert describe(FrozenError("frozen", hint="look")) == ("frozen", "look")


def test_networks_of_a_home_are_its_settings_and_damage_in_them_is_told(home_path: Path) -> None:
    config = settings.read(home_path)
    assert config.networks == ()
    settings.write(home_path, replace(config, networks=HERE))
    assert settings.read(home_path).networks == HERE
    home = bootstrap.open_home(home_path, Unlocking(home_path / settings.KEYRING, PASSPHRASE))
    try:
        home.node.reach("http://127.0.0.1:9").close()
    finally:
        home.close()
    settings.write(home_path, replace(config, networks=("10.0.0.1/8",)))
    with pytest.raises(StorageError, match="cannot be read"):
        settings.read(home_path)


def test_many_workers_that_hang_hold_up_the_end_no_longer_than_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each was told to end once the one before had, and a service manager had killed them long
    before that.
    """
    monkeypatch.setattr(supervision, "_JOIN", 0.5)
    hangs, begun = threading.Event(), threading.Semaphore(0)

    def hang() -> Round:
        begun.release()
        hangs.wait(30)
        return Round(60)

    workers = [Worker(desk.node, (Duty(f"hangs-{number}", hang),)) for number in range(4)]
    for worker in workers:
        worker.start()
    for _ in workers:
        assert begun.acquire(timeout=10)
    since = time.monotonic()
    supervision.stop_all(workers)
    assert time.monotonic() - since < 1.5
    assert all(worker.stopping.is_set() for worker in workers)
    hangs.set()
    supervision.stop_all(workers)
