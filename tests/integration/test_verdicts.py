"""A verdict says what was judged and no more: nothing, what waits to be anchored, and what could
not be read are never verified.

Each test is a report that said too much, in one of the states that a home goes through on any day.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from cli.files import measured_file
from cli.terminal import output
from ledger.adapters.audit_state import SqliteAuditState
from ledger.adapters.logfiles import FolderFiles
from ledger.app.open_audit import about
from ledger.domain.audit.checklist import Status
from ledger.domain.audit.report import AuditReport
from ledger.domain.errors import UnreadableError, VerificationError
from ledger.domain.verify import Verdict
from ledger.services.audit import self_check, self_check_findings
from ledger.services.audit.monitor import Limits as MonitorLimits
from ledger.services.audit.monitor import Round, check
from tests.integration.test_audit_inside import audit as inside
from tests.support.commands import within
from tests.support.desk import Desk
from tests.support.malice import World
from tests.support.malice_agency import DELAY

_OUTSIDE = ("log", "files", "entries", "people", "custody", "handovers", "time")


def statuses(report: AuditReport, *checks: str) -> set[Status]:
    return {report.status(check) for check in checks}


# A home from inside, day by day


def examined(desk: Desk) -> Verdict:
    return self_check_findings.verdict(list(self_check.examine(desk.node, deep=True)))


def test_a_home_is_verified_by_audit_and_doctor_only_while_all_of_it_is_anchored(
    desk: Desk, tmp_path: Path
) -> None:
    fresh = inside(desk)
    assert (fresh.verdict, fresh.codes()) == (Verdict.INCOMPLETE, {"nothing-anchored"}), (
        fresh.as_json()
    )
    assert statuses(
        fresh, *_OUTSIDE, "documents", "keys", "duties", "copies", "content", "cases"
    ) == {Status.NOTHING}
    assert examined(desk) is Verdict.INCOMPLETE
    (tmp_path / "a").write_bytes(b"a" * 5000)
    (item,) = desk.upload(tmp_path / "a")
    none = inside(desk)
    assert (none.verdict, none.codes()) == (Verdict.INCOMPLETE, {"nothing-anchored"}), (
        none.as_json()
    )
    assert statuses(none, "entries", "custody") == {Status.NOTHING}
    assert statuses(none, "documents", "keys", "content") == {
        Status.PASSED
    }  # these follow from the log, anchored or not
    assert examined(desk) is Verdict.INCOMPLETE
    desk.anchor()
    whole = inside(desk)
    assert (whole.verdict, whole.codes()) == (Verdict.VERIFIED, set()), whole.as_json()
    assert statuses(whole, "entries", "custody", "content", "anchored") == {Status.PASSED}
    assert statuses(whole, "handovers") == {Status.NOTHING}
    assert examined(desk) is Verdict.VERIFIED
    desk.record(item.evidence, "note", {"text": "later"})
    tail = inside(desk)
    assert (tail.verdict, tail.codes()) == (Verdict.INCOMPLETE, {"waiting"}), tail.as_json()
    assert tail.facts["waiting"] == 1
    assert statuses(tail, "entries", "custody") == {Status.PASSED}
    assert statuses(tail, "anchored") == {Status.NOT_CHECKED}
    waiting = [
        one
        for one in self_check.examine(desk.node, deep=False)
        if isinstance(one, self_check.EntriesWaiting)
    ]
    assert [pending.count for pending in waiting] == [1]
    assert examined(desk) is Verdict.INCOMPLETE


def test_a_sample_of_nothing_is_not_called_content_that_was_rehashed(
    desk: Desk, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"a" * 5000)
    desk.upload(tmp_path / "a")
    desk.anchor()
    report = inside(desk, share=0.0)
    assert (report.verdict, report.status("content")) == (Verdict.VERIFIED, Status.NOT_ASKED)
    assert "nothing was to be re-hashed" in report.details["content"]


def test_the_hint_of_an_audit_of_a_fresh_home_runs_as_printed_and_then_it_is_verified(
    home_path: Path,
) -> None:
    home = home_path.rename(home_path.with_name("a home"))
    code, printed, _ = within("audit", "--workers", 1, home=home)
    assert (code, "verdict: incomplete" in printed) == (3, True)
    assert "ok          " in printed  # the chain
    assert "none here   Content re-hashed" in printed
    [command] = re.findall(r"whoever keeps the log: (custody [^)]*)\)", " ".join(printed.split()))
    words = shlex.split(command)
    assert words == ["custody", "--home", str(home), "anchor"]
    assert within(*words[1:])[0] == 0
    code, printed, _ = within("--json", "audit", "--workers", 1, home=home)
    value = json.loads(printed)
    assert (code, value["verdict"], value["facts"]["waiting"]) == (0, "verified", 0)
    assert {
        one["status"]
        for one in value["checks"]
        if one["check"] in ("custody", "handovers", "content")
    } == {"nothing to check"}


def test_status_and_doctor_say_how_much_waits_and_what_to_do(home_path: Path) -> None:
    anchor = f"custody --home {home_path} anchor"
    code, printed, _ = within("status", home=home_path)
    assert code == 0
    assert re.search(
        rf"waiting +(?:1 entry is|\d+ entries are) not final, proven to nobody yet: {re.escape(anchor)}",
        " ".join(printed.replace("\\\n", " ").split()),
    )
    code, printed, _ = within("doctor", home=home_path)
    assert code == 3
    assert "nothing checkpoints: nothing to check" in printed
    assert f"what to do: {anchor}" in printed
    assert "verdict: incomplete" in printed.splitlines()[-4:]
    code, printed, _ = within("fixity", "--all", home=home_path)
    assert (code, "nothing was read: no IPFS node keeps an item yet" in printed) == (3, True)
    code, printed, _ = within("collect", "--dry-run", home=home_path)
    assert (code, printed.startswith("nothing to remove")) == (0, True)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UnreadableError("bad sector"), Verdict.UNREADABLE),
        (VerificationError(9, "other bytes"), Verdict.FAILED),
    ],
)
def test_doctor_tells_what_differs_from_what_could_not_be_read(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, expected: Verdict
) -> None:
    (tmp_path / "a").write_bytes(b"a" * 5000)
    desk.upload(tmp_path / "a")
    desk.anchor()

    def broken(cid: bytes) -> bytes:
        raise error

    monkeypatch.setattr(desk.node.blocks, "get", broken)
    assert examined(desk) is expected


# Logs from outside


def test_a_log_with_nothing_anchored_is_judged_in_nothing(world: World) -> None:
    report = world.audit_all()
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"nothing-anchored"}), (
        report.as_json()
    )
    assert statuses(report, *_OUTSIDE) == {Status.NOTHING}


def test_a_log_without_items_and_handovers_says_that_none_were_checked(world: World) -> None:
    world.settle()
    report = world.audit_all()
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()
    assert statuses(report, "custody", "handovers") == {Status.NOTHING}
    assert statuses(report, "log", "anchored", "entries", "people", "time") == {Status.PASSED}


def test_one_whole_log_does_not_hide_that_another_one_waits(world: World) -> None:
    world.settle()
    world["RO-DIICOT"].open()
    report = world.audit_all()
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"waiting"}), report.as_json()
    assert report.facts["waiting"] == 1
    [found] = [finding for finding in report.findings if finding.code == "waiting"]
    assert found.place == "log of RO-DIICOT"


def test_a_file_that_others_saw_and_that_could_not_be_compared_is_not_called_compared(
    world: World,
) -> None:
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    nl.open()
    world.settle()
    folder = nl.write(world.folder / "log")
    seen = (folder / "checkpoint").read_bytes()
    assert world.audit(folder, seen=[seen]).status("seen") is Status.PASSED
    other = (ro.write(world.folder / "ro") / "checkpoint").read_bytes()
    report = world.audit(folder, seen=[other])
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"view-other"}), (
        report.as_json()
    )
    nl.open()
    longer = (nl.write(world.folder / "longer") / "checkpoint").read_bytes()
    report = world.audit(
        folder, seen=[longer]
    )  # an older export, or a log that hides its tail: it cannot be told
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"view-longer"}), (
        report.as_json()
    )


def test_a_folder_that_is_no_log_is_unreadable_and_accuses_nobody(
    world: World, tmp_path: Path
) -> None:
    from ledger.app.open_audit import files_at

    (tmp_path / "photos").mkdir()
    with pytest.raises(UnreadableError, match="no exported log"):
        files_at(str(tmp_path / "photos"), [])


# The monitor


def watched(world: World) -> Round:
    world.clock.time += 1
    trees = [
        FolderFiles(agency.write(world.folder / code)) for code, agency in world.agencies.items()
    ]
    state = SqliteAuditState(world.folder / "seen.audit", about(world.root))
    try:
        return check(world.contracts, world.root, trees, state, world.clock, MonitorLimits())
    finally:
        state.close()


def test_the_monitor_says_what_waits_and_raises_an_alarm_only_when_it_waits_too_long(
    world: World,
) -> None:
    fresh = watched(world)
    assert (fresh.report.verdict, fresh.fresh, fresh.ages) == (
        Verdict.INCOMPLETE,
        [],
        {},
    )  # not silent: opened a minute ago
    world.settle()
    world["NL-POL"].open()
    found = watched(world)
    assert (found.report.verdict, found.fresh, found.report.facts["waiting"]) == (
        Verdict.INCOMPLETE,
        [],
        1,
    )
    world.clock.time += DELAY + 60
    late = watched(world)
    assert [finding.code for finding in late.fresh] == ["overdue"]
    assert late.report.verdict is Verdict.INCOMPLETE
    world.settle()


def test_a_log_that_never_had_a_checkpoint_is_silent_only_after_its_time(world: World) -> None:
    assert watched(world).fresh == []
    world.clock.time += MonitorLimits().silence + 1
    found = watched(world)
    assert "silence" in {finding.code for finding in found.fresh}
    assert found.report.verdict is Verdict.INCOMPLETE  # nobody contradicted himself


# Folders, physical items, readings


def test_the_manifest_of_a_folder_is_said_to_be_a_list_and_not_the_files(
    home_path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a b.txt").write_bytes(b"first")
    (folder / "-x\x1b[31m").write_bytes(b"second")
    _, printed, _ = within("--json", "upload", folder, home=home_path)
    gathered = json.loads(printed)["items"][-1]["evidence"]
    code, printed, _ = within(
        *("get", gathered, "--manifest", "-o", tmp_path / "list", "--basis", "court"),
        home=home_path,
    )
    assert code == 0
    assert "the manifest of the folder 'notes'" in printed
    assert "a list of its 2 files, not the files" in printed
    assert "same sha-256" not in printed


def test_a_file_that_is_written_to_while_it_is_verified_refutes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that was still under way was called another file than the one that was recorded."""
    file = tmp_path / "copy.bin"
    file.write_bytes(bytes(3 << 20))

    @contextmanager
    def writing(*_: object, **__: object) -> Iterator[Callable[[int], None]]:
        def advance(_: int) -> None:
            with file.open("ab") as end:
                end.write(b"more")

        yield advance

    with monkeypatch.context() as patched:
        patched.setattr(output, "progress", writing)
        with pytest.raises(UnreadableError, match="changed while it was read"):
            measured_file.measure(None, file)
    size = file.stat().st_size
    assert measured_file.measure(None, file)[0].size == size
    kept = file.stat()

    @contextmanager
    def in_place(*_: object, **__: object) -> Iterator[Callable[[int], None]]:
        def advance(_: int) -> None:
            with file.open("r+b") as same:
                same.write(b"other")
            os.utime(file, ns=(kept.st_atime_ns, kept.st_mtime_ns))

        yield advance

    with monkeypatch.context() as patched:
        patched.setattr(output, "progress", in_place)
        with pytest.raises(UnreadableError, match="changed while it was read"):
            measured_file.measure(None, file)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=lambda: pipe.write_bytes(b"x" * (1 << 20)))
    writer.start()
    assert measured_file.measure(None, pipe)[0].size == 1 << 20
    writer.join()


def test_rechecking_an_item_without_content_records_nothing(home_path: Path) -> None:
    _, printed, _ = within(
        "--json", "seize", "phone, black", "--basis", "warrant 117", home=home_path
    )
    item = json.loads(printed)["evidence"]
    code, _, said = within("recheck", item, "--basis", "yearly", home=home_path)
    assert (code, "no content" in said) == (2, True), said
    _, printed, _ = within("--json", "show", item, home=home_path)
    assert json.loads(printed)["item"]["events"] == 1
