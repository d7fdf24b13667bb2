"""One look after another, with a state that is kept in between: what one found the next one finds,
and the file is tried before it is believed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.audit_state import SqliteAuditState
from ledger.adapters.logfiles import FolderFiles
from ledger.domain.errors import NetworkError, StorageError, UsageError
from ledger.domain.verify.report import Verdict
from tests.support.attacks import caught, history
from tests.support.malice import World

# What one look found, the next one finds


@pytest.mark.parametrize("withheld", ["documents", "checkpoints"])
def test_a_file_withheld_once_is_not_passed_over_at_the_next_look(
    world: World, withheld: str
) -> None:
    state = world.folder / "kept.audit"
    history(world)
    folder = world["NL-POL"].write(world.folder / "log")
    (folder / withheld).rename(folder / "elsewhere")
    for _ in range(2):
        report = world.audit(folder, state=state)
        assert (report.verdict, report.codes()) == (Verdict.FAILED, {"withheld"}), report.as_json()
    (folder / "elsewhere").rename(folder / withheld)
    report = world.audit(folder, state=state)
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()


def test_checkpoints_and_tiles_that_are_not_the_logs_are_found_at_every_look(world: World) -> None:
    state = world.folder / "kept.audit"
    nl = world["NL-POL"]
    history(world)
    folder = nl.write(world.folder / "log")
    [tile] = (folder / "tile/0/000.p").iterdir()
    for lie, code in (
        (folder / f"checkpoints/{nl.anchored}", "note-unsigned"),
        (tile, "tile-differs"),
    ):
        true = lie.read_bytes()
        lie.write_bytes(bytes(32) + true[32:])
        for _ in range(2):
            report = world.audit(folder, state=state)
            assert (report.verdict, code in report.codes()) == (Verdict.FAILED, True), (
                report.as_json()
            )
        lie.write_bytes(true)
    assert world.audit(folder, state=state).verdict is Verdict.VERIFIED


def test_a_list_that_forgot_a_revocation_is_told_at_every_look(world: World) -> None:
    state = world.folder / "kept.audit"
    nl = world["NL-POL"]
    nl.publish_crl(nl.people["examiner"])
    world.settle()
    assert world.audit_all(state=state).verdict is Verdict.VERIFIED
    nl.crl = b""
    nl.publish_crl()
    world.settle(publish=False)
    for _ in range(2):
        caught(world, "crl-dropped", state=state)


def test_a_clock_that_was_ahead_drops_no_revocation(world: World) -> None:
    """A list is newer by its number: the next one, made when the clock was right again, names what
    the one before named.
    """
    state = world.folder / "kept.audit"
    nl = world["NL-POL"]
    world.settle()
    real = world.clock.time
    world.clock.time += 86400
    nl.publish_crl()
    world.clock.time = real
    assert world.audit_all(state=state).verdict is Verdict.INCOMPLETE
    nl.publish_crl(nl.people["examiner"])
    world.settle(publish=False)
    assert "crl-dropped" not in world.audit_all(state=state).codes()


def test_a_chain_that_falls_silent_in_the_middle_accuses_no_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = world.folder / "kept.audit"
    history(world)
    folder = world["NL-POL"].write(world.folder / "log")
    with monkeypatch.context() as silent:

        def busy(log: bytes, size: int) -> bytes:
            raise NetworkError("too many requests")

        silent.setattr(world.contracts, "checkpoint_commitment", busy)
        report = world.audit(folder, state=state)
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"chain-silent"}), (
        report.as_json()
    )
    assert world.audit(folder, state=state).verdict is Verdict.VERIFIED


def test_a_guest_is_judged_when_the_descriptor_of_their_agency_comes_later(world: World) -> None:
    state = world.folder / "kept.audit"
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    guest = ro.people["examiner"]
    nl.say(nl.open(), "none", issuer=ro.code, who=guest)
    world.settle()
    folder = nl.write(world.folder / "log")
    descriptor = folder / f"descriptors/{ro.descriptor.digest.hex()}"
    away = descriptor.rename(world.folder / "away")
    for _ in range(2):
        report = world.audit(folder, state=state)
        assert (report.verdict, report.codes()) == (
            Verdict.INCOMPLETE,
            {"descriptor-missing"},
        ), report.as_json()
    away.rename(descriptor)
    report = world.audit(folder, state=state)
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()


# The file --state


def test_a_state_that_was_emptied_cut_or_altered_is_not_believed(world: World) -> None:
    state = world.folder / "kept.audit"
    nl = world["NL-POL"]
    history(world)
    folder = nl.write(world.folder / "log")
    assert world.audit(folder, state=state).verdict is Verdict.VERIFIED
    whole = state.read_bytes()
    for left, what in ((b"", "is empty"), (whole[: len(whole) // 2], "was cut")):
        state.write_bytes(left)
        with pytest.raises(StorageError, match=what):
            world.audit(folder, state=state)
    state.write_bytes(whole)
    with closing(sqlite3.connect(state)) as database, database:
        database.execute("UPDATE log SET frontier = zeroblob(length(frontier))")
    report = world.audit(folder, state=state)
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()
    assert "22 of them new" in report.details["log"], "it was read from its beginning"


def test_a_state_of_another_version_chain_or_program_is_refused(world: World) -> None:
    state = world.folder / "kept.audit"
    SqliteAuditState(state, b"chain").close()
    with pytest.raises(StorageError, match="about another chain"):
        SqliteAuditState(state, b"other")
    with closing(sqlite3.connect(state)) as database, database:
        database.execute("PRAGMA user_version = 1")
    with pytest.raises(StorageError, match="is of version 1, expected 3"):
        SqliteAuditState(state, b"chain")
    with closing(sqlite3.connect(state)) as database, database:
        database.execute("PRAGMA application_id = 7")
    with pytest.raises(UsageError, match="database of something else"):
        SqliteAuditState(state, b"chain")


def test_a_copy_that_lags_behind_hides_nothing_that_was_found_before(world: World) -> None:
    state = world.folder / "kept.audit"
    nl = world["NL-POL"]
    item = nl.open()
    nl.log(nl.statement(item, "none"))
    nl.log(nl.statement(item, "none"))
    world.settle()
    caught(world, "item-branch", state=state)
    older = nl.write(world.folder / "older")
    nl.open()
    world.settle()
    assert world.audit(older, state=state, kind=FolderFiles).verdict is Verdict.FAILED


# Copies that something happened to


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGE: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "emptied": lambda path: path.write_bytes(b""),
    "cut": cut,
    "overwritten": lambda path: path.write_bytes(b"\x00" * path.stat().st_size),
}


@pytest.mark.parametrize("damage", ["gone", "emptied", "cut"])
def test_a_damaged_copy_refutes_nothing_whichever_file_it_lacks(world: World, damage: str) -> None:
    nl = world["NL-POL"]
    history(world)
    folder = nl.write(world.folder / "log")
    report = world.audit(folder, kind=FolderFiles)
    assert report.verdict is Verdict.VERIFIED, report.as_json()
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        whole = path.read_bytes()
        DAMAGE[damage](path)
        report = world.audit(folder, kind=FolderFiles)
        path.write_bytes(whole)
        found = [finding.as_json() for finding in report.findings]
        assert report.verdict is not Verdict.FAILED, (str(path), found)
