"""An agency that is accused of what another one did, or of what only the order of things explains;
and deeds that hide behind the moment at which an audit looked.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.adapters.audit_state import SqliteAuditState
from ledger.adapters.logfiles import FolderFiles
from ledger.domain.bundle.bundle import Bundle, BundledCheckpoint, BundledStatement, LogRef
from ledger.domain.errors import NetworkError, StorageError, UsageError
from ledger.domain.identity import certificate as certificates
from ledger.domain.log import merkle
from ledger.domain.log import receipt as receipts
from ledger.domain.log.statement import Statement
from ledger.domain.verify.report import Verdict
from tests.support.attacks import caught, history
from tests.support.log_trees import reader
from tests.support.malice import Agency, World


def receipted(agency: Agency, statement: Statement, key: Ed25519PrivateKey) -> bytes:
    """A bundle with a receipt for a statement in the place of the log's newest entry."""
    entries = [*agency.entries[:-1], statement.entry]
    size, read = len(entries), reader(agency.leaves(entries))
    receipt = receipts.issue(
        key,
        log_id=agency.log_id,
        subject=statement.claims.subject,
        size=size,
        index=size - 1,
        path=merkle.inclusion_proof(size - 1, size, read),
        root=merkle.root_of(size, read),
    )
    shown = BundledStatement(0, size - 1, statement.entry, None, (), receipt.encode(), 0)
    checkpoint = BundledCheckpoint(0, 0, size, bytes(32), 1, 0, 0, agency.note(size, entries))
    logs = (LogRef(agency.code, 0),)
    return Bundle(
        statement.claims.subject,
        agency.code,
        logs,
        (shown,),
        (statement.chain[0],),
        (),
        (checkpoint,),
        (),
        (),
        None,
    ).encode()


def test_a_revocation_list_laid_beside_the_announced_one(world: World) -> None:
    """The list that judges the signers is the one that must be announced."""
    nl = world["NL-POL"]
    thief = nl.people["officer"]
    nl.open()
    nl.publish_crl(thief, time=world.clock.now() - 1)
    announced = nl.crl
    world.settle(publish=False)
    world.clock.time += 60
    nl.crl = b""
    nl.publish_crl(announce=False)
    folder = nl.write(world.folder / "log")
    (folder / "crl").write_bytes(announced)
    report = world.audit(folder)
    assert "crl-unlogged" in report.codes(), report.as_json()


def test_the_newest_announced_list_is_kept_back(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    older = nl.crl
    nl.publish_crl(nl.people["officer"], time=world.clock.now() - 3600)
    nl.anchor()
    nl.crl = older
    report = world.audit(nl.write(world.folder / "log"))
    assert (report.verdict, report.codes()) == (Verdict.FAILED, {"withheld"}), report.as_json()


def test_a_list_that_was_announced_only_in_another_agencys_log(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    world.settle()
    nl.publish_crl(announce=False)
    body = {
        "number": 99,
        "digest": sha256(nl.crl).hexdigest(),
        "issued": "2026-09-21T14:13:20Z",
        "revoked": 0,
    }
    ro.publish("crl-published", body)
    world.settle(publish=False)
    report = world.audit_all()
    found = [one.place for one in report.findings if one.code == "crl-unlogged"]
    assert found == ["revocation list of NL-POL"], report.as_json()


def test_a_list_dated_years_ahead_speaks_for_no_time_after_it_was_announced(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    real = world.clock.time
    world.clock.time += 5 * 365 * 86400
    nl.publish_crl(announce=False)
    world.clock.time = real
    body = {
        "number": certificates.crl_number(nl.crl),
        "digest": sha256(nl.crl).hexdigest(),
        "issued": "2031-09-21T14:13:20Z",
        "revoked": 0,
    }
    nl.publish("crl-published", body)
    nl.anchor()
    world.clock.time += 4 * 86400
    nl.open()
    nl.anchor()
    report = world.audit(nl.write(world.folder / "log"))
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"crl-stale"}), report.as_json()


def test_a_copy_made_while_a_list_was_new_accuses_nobody(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    folder = nl.write(world.folder / "log")
    nl.publish_crl()
    (folder / f"crls/{nl.code}").write_bytes(nl.crl)
    report = world.audit(folder, kind=FolderFiles)
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"crl-unseen"}), (
        report.as_json()
    )


def test_a_node_that_publishes_a_list_while_it_is_audited_is_not_accused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    folder, real = nl.write(world.folder / "log"), FolderFiles.get

    def meanwhile(self: FolderFiles, path: str) -> bytes:
        if path == "crl":
            monkeypatch.setattr(FolderFiles, "get", real)
            nl.publish_crl()
            nl.write(folder)
        return real(self, path)

    monkeypatch.setattr(FolderFiles, "get", meanwhile)
    report = world.audit(folder)
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"waiting"}), report.as_json()


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


# Handovers, and logs of one agency


def test_an_offer_that_the_contract_takes_after_it_was_withdrawn_in_the_log(world: World) -> None:
    """The item goes on in two logs; a state that was kept in between hides it no more than none."""
    state = world.folder / "kept.audit"
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    item = nl.open()
    offered = nl.offer(item, ro, on_chain=False)
    nl.conclude(item, "withdraw", on_chain=False)
    nl.say(item, "none")
    world.settle()
    assert world.audit_all(state=state).verdict is Verdict.VERIFIED
    mine = replace(item)
    nl.put_on_chain(item, ro, offered)
    item.seq, item.head = offered.claims.seq, offered.digest
    ro.conclude(item, "accept")
    nl.say(mine, "none")
    world.settle()
    for kept in (state, None):
        report = world.audit_all(state=kept)
        assert (report.verdict, "item-branch" in report.codes()) == (Verdict.FAILED, True), (
            report.as_json()
        )


def test_an_agency_that_names_anothers_offer_to_the_contract_accuses_itself(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    item, bait = nl.open(), ro.open()
    offered = nl.offer(item, ro)
    ro.log(offered)
    ro.anchor()
    ro.put_on_chain(bait, nl, offered)
    ro.conclude(item, "accept")
    world.settle()
    report = world.audit(nl.write(world.folder / "log"))
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()
    report = world.audit_all()
    assert report.verdict is Verdict.FAILED
    assert all("RO-DIICOT" in one.place for one in report.findings), report.as_json()


def test_one_statement_that_offers_an_item_twice(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    item = nl.open()
    offered = nl.offer(item, ro)
    ro.conclude(item, "decline")
    nl.put_on_chain(item, ro, offered)
    item.seq, item.head = offered.claims.seq, offered.digest
    ro.conclude(item, "accept")
    world.settle()
    report = world.audit(nl.write(world.folder / "log"))
    assert "handover-differs" in report.codes(), report.as_json()


def test_a_recovered_agency_has_not_opened_its_items_twice(world: World) -> None:
    state = world.folder / "kept.audit"
    nl = world["NL-POL"]
    history(world)
    assert world.audit_all(state=state).verdict is Verdict.VERIFIED
    nl.recover(nl.anchored)
    nl.say(nl.open(), "none")
    world.settle()
    for kept in (state, None):
        report = world.audit_all(state=kept)
        assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()


def test_a_handover_of_a_log_that_was_given_up_is_not_judged_without_it(world: World) -> None:
    state = world.folder / "kept.audit"
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    item = nl.open()
    world.settle()
    fork = nl.anchored
    nl.offer(item, ro)
    ro.conclude(item, "decline")
    given_up = nl.write(world.folder / "given-up")
    nl.recover(fork)
    nl.open()
    world.settle()
    report = world.audit_all()
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"handover-unread"}), (
        report.as_json()
    )
    world.audit(given_up, state=state)
    assert "handover-unread" not in world.audit_all(state=state).codes()


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
    with pytest.raises(StorageError, match="is of version 1, expected 2"):
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


# What others saw


def test_a_receipt_that_no_log_key_signed_accuses_nobody(world: World) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    world.settle()
    folder = nl.write(world.folder / "log")
    forged, key = nl.statement(item, "none"), Ed25519PrivateKey.generate()
    for signer, code, verdict in (
        (key, "view-unsigned", Verdict.INCOMPLETE),
        (nl.log_key, "statement-dropped", Verdict.FAILED),
    ):
        seen = receipted(nl, forged, signer)
        report = world.audit(folder, seen=[seen])
        assert (report.verdict, report.codes()) == (verdict, {code}), report.as_json()
