"""An agency that is accused of what another one did, or of what only the order of things explains;
and deeds that hide behind the moment at which an audit looked.
"""

from __future__ import annotations

import random
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.adapters.logfiles import FolderFiles
from ledger.domain.bundle.bundle import Bundle, BundledCheckpoint, BundledStatement, LogRef
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.log import merkle
from ledger.domain.log import receipt as receipts
from ledger.domain.log.statement import Statement
from ledger.domain.verify.report import Verdict
from tests.support.attacks import history
from tests.support.log_trees import reader
from tests.support.malice import Agency, Item, World
from tests.support.recovering import recover, retire

#: What stands before a certificate's digest in an entry.
NAMED = b"\x18\x22\x82\x2f\x58\x20"


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
    checkpoint = BundledCheckpoint(
        0, 0, size, bytes(32), bytes(32), 1, 0, 0, agency.note(size, entries)
    )
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
    found = [finding.place for finding in report.findings if finding.code == "crl-unlogged"]
    assert found == ["revocation list of NL-POL"], report.as_json()


def test_a_list_dated_years_ahead_speaks_for_no_time_after_it_was_announced(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    real = world.clock.time
    world.clock.time += 5 * 365 * 86400
    nl.publish_crl(announce=False)
    world.clock.time = real
    body = {
        "number": revocation_lists.crl_number(nl.crl),
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
    assert all("RO-DIICOT" in finding.place for finding in report.findings), report.as_json()


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
    recover(nl, nl.anchored)
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
    recover(nl, fork)
    nl.open()
    world.settle()
    report = world.audit_all()
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"handover-unread"}), (
        report.as_json()
    )
    world.audit(given_up, state=state)
    assert "handover-unread" not in world.audit_all(state=state).codes()


def test_a_log_that_does_not_begin_with_what_it_is(world: World) -> None:
    """Nobody would know its policy, and nothing says that it is its beginning."""
    nl = world["NL-POL"]
    nl.entries.clear()
    nl.statements.clear()
    nl.open()
    world.settle()
    assert "agency-statements" in world.audit(nl.write(world.folder / "log")).codes()


def test_a_signer_who_writes_what_looks_like_a_certificates_digest_spoils_no_copy(
    world: World,
) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    bait = Item(
        item.urn[:-1] + ("0" if item.urn[-1] != "0" else "1"), NAMED.rjust(32, b"x"), nl.code
    )
    nl.say(bait, "open")
    world.settle()
    folder = nl.write(world.folder / "log")
    report = world.audit(folder, kind=FolderFiles)
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()
    (folder / f"certs/{nl.people['officer'].digest.hex()}").unlink()
    report = world.audit(folder, kind=FolderFiles)
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"copy-lacks"}), (
        report.as_json()
    )


def test_a_successor_that_goes_on_with_the_items_of_a_retired_agency_is_not_accused(
    tmp_path: Path, rng: random.Random
) -> None:
    world = World(tmp_path, rng, "NL-POL", "RO-DIICOT", "US-HSI")
    try:
        nl, ro, us = world.agencies.values()
        kept, offered = nl.open(), nl.open()
        nl.offer(offered, us)
        world.settle()
        retire(nl, ro)
        ro.say(kept, "none")
        ro.conclude(offered, "withdraw")
        del world.agencies[nl.code]
        world.settle()
        world.agencies[nl.code] = nl
        report = world.audit_all()
        assert (report.verdict, report.codes()) == (
            Verdict.INCOMPLETE,
            {"item-inherited", "handover-unread"},
        ), report.as_json()
        ro.log(ro.statement(kept, "none", seq=kept.seq, prev=nl.entries and bytes(32)))
        ro.anchor()
        assert "item-branch" in world.audit_all().codes(), "from here on it is judged"
    finally:
        world.close()


def test_a_log_that_the_registry_does_not_know_yet_is_not_judged(world: World) -> None:
    """Its agency may have been admitted a moment ago, or the auditor took the wrong address."""
    nl = world["NL-POL"]
    nl.log_id = bytes(31) + b"1"
    nl.open()
    report = world.audit(nl.write(world.folder / "log"))
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"log-unknown"}), (
        report.as_json()
    )


# What others saw


@pytest.mark.parametrize("kind", ["checkpoint", "receipt"])
def test_a_thief_of_a_log_key_that_was_replaced_accuses_nobody_alone(
    world: World, kind: str
) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    world.settle()
    forged, stolen, entries = nl.statement(item, "none"), nl.log_key, list(nl.entries)
    seen = (
        receipted(nl, forged, stolen)
        if kind == "receipt"
        else nl.note(len(entries), [*entries[:-1], forged.entry])
    )
    honest = nl.note(len(entries))
    folder = nl.write(world.folder / "before")
    assert world.audit(folder, seen=[seen]).verdict is Verdict.FAILED
    nl.publish_descriptor(log_key=bytes(range(32)))
    world.settle()
    folder = nl.write(world.folder / "after")
    report = world.audit(folder, seen=[seen])
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"view-replaced"}), (
        report.as_json()
    )
    assert world.audit(folder, seen=[honest]).verdict is Verdict.VERIFIED


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
