"""Handovers that logs and chain tell differently, and those that only look so."""

from __future__ import annotations

from ledger.domain.chain import contract_layout
from ledger.domain.chain.contract_layout import Hop
from ledger.domain.identity.names import agency_id
from ledger.domain.verify.report import Verdict
from tests.support.attacks import caught
from tests.support.malice import World


def test_an_item_offered_to_two_agencies(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    item = nl.open()
    second = nl.statement(item, "offer", to="US-HSI", who=nl.people["custodian"])
    nl.offer(item, ro)
    nl.log(second)
    world.settle()
    caught(world, "item-branch")


def test_an_acceptance_of_an_offer_that_nobody_made(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    item = nl.open()
    ro.log(ro.statement(item, "accept", who=ro.people["custodian"]))
    world.settle()
    caught(world, "handover-unknown")


def test_an_acceptance_that_names_another_item_in_the_log_than_on_the_chain(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    item, other = nl.open(), nl.open()
    nl.offer(item, ro)
    accepted = ro.statement(item, "accept", who=ro.people["custodian"], subject=other.urn)
    ro.log(accepted)
    ro.anchor()
    ro.tell(item, "accept", accepted)
    world.settle()
    caught(world, "handover-differs")


def test_an_offer_to_one_in_the_log_and_to_another_on_the_chain(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    item = nl.open()
    statement = nl.say(item, "offer", to="US-HSI", who=nl.people["custodian"])
    nl.anchor()
    expires = world.clock.now() + 1000
    nl.hop(
        item,
        Hop(
            agency_id("NL-POL"),
            agency_id("RO-DIICOT"),
            statement.digest,
            0,
            expires,
            contract_layout.OPEN,
            bytes(32),
            0,
        ),
        statement.digest,
    )
    world.settle()
    assert ro.code in world.agencies
    caught(world, "handover-differs")


def test_an_outcome_that_lost_the_race_is_void_and_no_failure(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    item = nl.open()
    nl.offer(item, ro)
    withdrawal = nl.statement(item, "withdraw", who=nl.people["custodian"])
    nl.log(withdrawal)
    nl.anchor()
    ro.conclude(item, "accept")
    ro.say(item, "none")
    world.settle()
    report = world.audit_all()
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, {"handover-void"}), (
        report.as_json()
    )


def test_a_handover_that_the_chain_has_not_decided_goes_on_in_the_next_audit(world: World) -> None:
    state = world.folder / "kept.audit"
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    item = nl.open()
    nl.offer(item, ro)
    statement = ro.conclude(item, "accept", on_chain=False)
    world.settle()
    assert world.audit_all(state=state).codes() == set()
    ro.tell(item, "accept", statement)
    ro.say(item, "none")
    world.settle()
    report = world.audit_all(state=state)
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()


def test_an_offer_whose_chain_entry_is_another_items(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    item, other = nl.open(), nl.open()
    statement = nl.say(item, "offer", to=ro.code, who=nl.people["custodian"])
    nl.anchor()
    expires = world.clock.now() + 1000
    hop = Hop(
        agency_id(nl.code),
        agency_id(ro.code),
        statement.digest,
        0,
        expires,
        contract_layout.OPEN,
        bytes(32),
        0,
    )
    nl.hop(other, hop, statement.digest)
    world.settle()
    caught(world, "handover-differs")
