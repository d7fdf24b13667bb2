"""The monitor: what it saw once it holds against everybody later, and metrics that say nothing
about cases.
"""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from api.app import create_app
from cli.local import InProcess
from ledger.adapters import webhook
from ledger.adapters.audit_state import SqliteAuditState
from ledger.adapters.logfiles import FolderFiles, WebFiles
from ledger.app import metrics, metrics_server
from ledger.app.open_audit import about
from ledger.domain.errors import NetworkError, UsageError
from ledger.services.audit.monitor import Limits, Round, check, mark_sent
from ledger.services.node import context, transfer_progress
from tests.support.desk import Desk
from tests.support.malice import AsANode, World


def watch(
    world: World,
    limits: Limits | None = None,
    kind: type[FolderFiles] = AsANode,
    *,
    delivered: bool = True,
    **lies: list[bytes],
) -> Round:
    world.clock.time += 1
    trees = [
        kind(one.write(world.folder / code, entries=lies.get(code.replace("-", "_"))))
        for code, one in world.agencies.items()
    ]
    state = SqliteAuditState(world.folder / "seen.audit", about(world.root))
    try:
        found = check(world.contracts, world.root, trees, state, world.clock, limits or Limits())
        if delivered:
            mark_sent(state, found)
        return found
    finally:
        state.close()


def codes(found: Round) -> set[str]:
    return {one.code for one in found.fresh}


def test_an_honest_consortium_raises_no_alarm(world: World) -> None:
    for _ in range(3):
        world["NL-POL"].open()
        world.settle()
        found = watch(world)
        assert codes(found) == set(), found.report.as_json()
        assert set(found.ages) == {"NL-POL", "RO-DIICOT"}


def test_a_log_that_forgets_what_the_monitor_was_shown(world: World) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    world.settle()
    watch(world, NL_POL=[*nl.entries, nl.statement(item, "none").entry])
    nl.say(item, "none")
    world.settle()
    assert codes(watch(world)) == {"view-differs"}


def test_an_alarm_is_told_once_and_again_after_it_was_gone(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    assert codes(watch(world)) == set()
    assert codes(watch(world, NL_POL=nl.entries[:-1])) == {"log-truncated"}
    assert codes(watch(world, NL_POL=nl.entries[:-1])) == set()
    assert codes(watch(world)) == set()
    assert codes(watch(world, NL_POL=nl.entries[:-1])) == {"log-truncated"}


def test_an_alarm_that_nobody_took_is_due_again_and_what_stands_is_named(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    assert codes(watch(world, NL_POL=nl.entries[:-1], delivered=False)) == {"log-truncated"}
    assert codes(watch(world, NL_POL=nl.entries[:-1])) == {"log-truncated"}
    found = watch(world, NL_POL=nl.entries[:-1])
    assert (codes(found), [one.code for one in found.standing]) == (set(), ["log-truncated"])


def test_a_second_contradiction_in_the_place_of_one_that_was_told_is_told_too(
    world: World,
) -> None:
    """Whoever keeps the log made a harmless one, and had every later one passed over."""
    nl = world["NL-POL"]
    item = nl.open()
    world.settle()
    one, two, three, more = (nl.statement(item, "none").entry for _ in range(4))
    assert codes(watch(world, NL_POL=[*nl.entries, one])) == set()
    assert codes(watch(world, NL_POL=[*nl.entries, two])) == {"view-differs"}
    assert codes(watch(world, NL_POL=[*nl.entries, two])) == set()
    found = watch(world, NL_POL=[*nl.entries, three])
    assert codes(found) == {"view-differs"}
    assert [each.code for each in found.standing] == ["view-differs"]
    assert {each.place for each in found.fresh} == {each.place for each in found.standing}
    assert codes(watch(world, NL_POL=[*nl.entries, three, more])) == set(), "they are the same"


def test_a_copy_that_lags_behind_its_node_is_no_contradiction(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    assert codes(watch(world, kind=FolderFiles)) == set()
    found = watch(world, kind=FolderFiles, NL_POL=nl.entries[:-1])
    assert (found.report.verdict.value, codes(found), [one.code for one in found.standing]) == (
        "incomplete",
        set(),
        ["log-older"],
    )
    assert codes(watch(world, kind=FolderFiles, NL_POL=nl.entries[:-1])) == {
        "log-older"
    }  # still so at the next look: somebody must look


@pytest.mark.parametrize("prefix", ["", "/v1/log"])
def test_a_node_is_told_from_a_copy_by_its_address_and_not_by_what_it_serves(
    world: World, prefix: str
) -> None:
    """A node that withholds would answer as a plain web server does, and be called a copy."""
    tree = world["NL-POL"].write(world.folder / "tree")

    def answer(request: httpx.Request) -> httpx.Response:
        path = tree / request.url.path.removeprefix(f"{prefix}/")
        there = request.url.path.startswith(f"{prefix}/") and path.is_file()
        return httpx.Response(200, content=path.read_bytes()) if there else httpx.Response(404)

    shown = WebFiles("http://127.0.0.1:1", transport=httpx.MockTransport(answer))
    shown.get("checkpoint")
    assert shown.is_node
    shown.known_at({"http://127.0.0.1:1", "https://elsewhere.example"})
    assert shown.is_node
    shown.known_at({"https://nl.example"})
    assert not shown.is_node


def test_an_agency_that_falls_silent(world: World) -> None:
    world.settle()
    assert codes(watch(world)) == set()
    world.clock.time += 3 * 86400
    world["RO-DIICOT"].publish_crl()
    world["RO-DIICOT"].anchor()
    assert "silence" in codes(watch(world))


def test_somebody_who_opens_very_much_at_once(world: World) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    for _ in range(30):
        nl.say(item, "none")
    world.settle()
    assert codes(watch(world, Limits(volume=31))) == set()
    assert codes(watch(world, Limits(volume=30))) == {"volume"}


def test_a_file_that_is_missing_for_a_moment_is_no_alarm_before_it_is_missing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settle()
    assert codes(watch(world)) == set()

    def dead(self: FolderFiles, path: str) -> bytes:
        raise NetworkError("no answer")

    monkeypatch.setattr(FolderFiles, "get", dead)
    assert codes(watch(world)) == set()
    assert codes(watch(world)) == {"unreachable"}


@contextmanager
def listener(status: int) -> Iterator[tuple[str, list[bytes]]]:
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_alarms_are_posted_with_what_to_do(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    found = watch(world, NL_POL=nl.entries[:-1])
    with listener(204) as (url, got):
        webhook.send(url, found.fresh, 7)
    [posted] = json.loads(got[0])["alarms"]
    assert (posted["code"], posted["promise"]) == ("log-truncated", 3)
    assert posted["todo"]
    with listener(500) as (url, _), pytest.raises(NetworkError, match="answered 500"):
        webhook.send(url, found.fresh, 7)
    with pytest.raises(UsageError):
        webhook.send("http://somewhere.example/", found.fresh, 7)


def test_metrics_of_a_node_count_its_work_and_name_no_case(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "victim-name.jpg"
    file.write_bytes(b"evidence" * 99)
    measured = metrics.NodeMetrics()
    desk.node.telemetry = measured
    measured.follow(desk.node)
    [done] = desk.upload(file)
    desk.get(done.evidence)
    app = create_app(desk.node, sealers=[], confirmations=0)
    with (
        InProcess(app) as transport,
        httpx.Client(transport=transport, base_url="http://home") as client,
    ):
        client.get("/v1/status")
        client.get(f"/v1/evidence/{done.evidence}")
        client.get("/v1/no/such/thing")
    text = generate_latest(measured.registry).decode()
    found = {one.name: one for one in text_string_to_metric_families(text)}
    states = {
        sample.labels["state"]: sample.value for sample in found["custody_log_entries"].samples
    }
    assert states["integrated"] > states["anchored"]
    assert found["custody_releases"].samples[0].value == 2
    operations = {sample.labels["operation"] for sample in found["custody_http_requests"].samples}
    assert {"status", "show_evidence", "unknown"} <= operations
    for secret in (
        done.evidence,
        done.evidence[9:17],
        "victim",
        "4711",
        desk.person.certificate.pseudonym,
    ):
        assert secret not in text


def test_a_chain_that_is_silent_takes_no_metric_with_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collector waits for ten seconds: while the chain hung, nothing at all was told, a frozen
    log neither.
    """
    hanging = threading.Event()
    measured = metrics.NodeMetrics()
    measured.follow(desk.node)
    monkeypatch.setattr(context, "_PROBE", 0.2)
    with monkeypatch.context() as silent:
        silent.setattr(type(desk.node.contracts.chain), "head", lambda self: hanging.wait(60))
        pages = [generate_latest(measured.registry).decode() for _ in range(2)]
        answer = desk.client._web.call("GET", "/readyz", limit=1 << 16)
        hanging.set()
    assert all(
        "custody_chain_up 0.0" in page and "custody_log_frozen 0.0" in page for page in pages
    )
    assert answer.status == 504


def test_metrics_of_the_monitor_are_served_on_an_address_of_their_own(world: World) -> None:
    world.settle()
    measured = metrics.MonitorMetrics()
    measured.saw(watch(world))
    with pytest.raises(UsageError):
        metrics.serve(measured.registry, "nonsense")
    server = metrics.serve(measured.registry, "127.0.0.1:0")
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{server.server_port}/metrics", timeout=5
        ) as answer:
            text = answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
    assert 'custody_monitor_rounds_total{verdict="verified"} 1.0' in text
    assert 'custody_monitor_checkpoint_age_seconds{agency="NL-POL"}' in text


def test_a_log_that_is_followed_no_longer_has_no_age(world: World) -> None:
    world.settle()
    measured = metrics.MonitorMetrics()
    found = watch(world)
    measured.saw(found)
    del found.ages["NL-POL"]
    measured.saw(found)
    text = generate_latest(measured.registry).decode()
    assert 'age_seconds{agency="RO-DIICOT"}' in text
    assert 'age_seconds{agency="NL-POL"}' not in text


def test_a_log_that_changes_what_is_not_anchored_yet_is_found_at_once(world: World) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    world.settle()
    first, second = nl.statement(item, "none").entry, nl.statement(item, "close").entry
    assert codes(watch(world, NL_POL=[*nl.entries, first])) == set()
    assert codes(watch(world, NL_POL=[*nl.entries, second, first])) == {"view-differs"}


def test_a_log_that_answers_slowly_keeps_nobody_elses_alarm_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    assert codes(watch(world)) == set()
    monkeypatch.setattr(transfer_progress, "GRACE", 0.3)
    real, asked = FolderFiles.get, []

    def trickling(self: FolderFiles, path: str) -> bytes:
        if "RO-DIICOT" in self.where:
            asked.append(path)
            time.sleep(0.2)
        return real(self, path)

    with monkeypatch.context() as slow:
        slow.setattr(FolderFiles, "get", trickling)
        found = watch(world, NL_POL=nl.entries[:-1])
    assert codes(found) == {"log-truncated"}
    assert [one.code for one in found.standing] == ["unreachable"]
    assert len(asked) < 6


def test_silent_connections_to_the_metrics_take_no_place_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics_server, "_SECONDS", 0.5)
    server = metrics.serve(metrics.MonitorMetrics().registry, "127.0.0.1:0")
    try:
        held = [socket.create_connection(server.server_address[:2], 5) for _ in range(40)]
        begun = time.monotonic()
        for one in held:
            one.settimeout(5)
            assert one.recv(1) == b""  # hung up
            one.close()
        assert time.monotonic() - begun < 5
        with urllib.request.urlopen(
            f"http://127.0.0.1:{server.server_port}/metrics", timeout=5
        ) as answer:
            assert b"custody_monitor" in answer.read()
    finally:
        server.shutdown()
        server.server_close()


def test_a_log_that_fails_at_another_file_each_time_is_an_alarm_and_a_silent_chain_ends_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    real, failing = FolderFiles.get, ["crl"]

    def broken(self: FolderFiles, path: str) -> bytes:
        if "NL-POL" in self.where and path.startswith(failing[0]):
            raise NetworkError("no answer")
        return real(self, path)

    monkeypatch.setattr(FolderFiles, "get", broken)
    assert codes(watch(world)) == set()
    failing[0] = "tile/entries"
    nl.say(nl.open(), "none")
    world.settle()
    assert codes(watch(world)) == {"unreachable"}
    with monkeypatch.context() as silent:
        silent.setattr(type(world.contracts.chain), "final", lambda self: broken_chain())
        assert codes(watch(world)) == set()
    assert codes(watch(world)) == set()


def broken_chain() -> int:
    raise NetworkError("the chain did not answer")
