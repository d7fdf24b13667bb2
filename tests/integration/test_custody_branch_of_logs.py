"""The custody branch of statements that are really signed, in logs that are really anchored, with
handovers that a real contract took.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.domain.item.custody_branch import derive
from ledger.domain.item.sequenced_statement import LogHolder, SequencedStatement
from ledger.domain.item.statement_standings import CustodyBranch
from ledger.domain.log import statement as statements
from ledger.domain.verify import Verdict
from tests.support.lying_bundles import LyingItem, file_body, prepare
from tests.support.malice import World
from tests.support.malice_agency import Agency, Item


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = prepare(World(tmp_path, random.Random(2), "NL-POL", "RO-POL", "DE-BKA"))
    yield world
    world.close()


def answer(world: World, item: Item, *hidden: bytes) -> CustodyBranch:
    """Of all that the logs hold about an item, without what somebody keeps to themselves."""
    shown = []
    for agency in world.agencies.values():
        for index, entry in enumerate(agency.entries):
            one = statements.parse_entry(entry)
            if one.claims.subject == item.urn and one.digest not in hidden:
                now = world.clock.now()
                shown.append(SequencedStatement(agency.code, index, now, one.digest, one.claims))
    holders = {
        agency.code: LogHolder(frozenset({agency.log_id})) for agency in world.agencies.values()
    }
    return derive(item.origin, shown, item.hops, holders)


def hand_over(item: Item, giver: Agency, taker: Agency) -> bytes:
    giver.offer(item, taker)
    return taker.conclude(item, "accept").digest


def test_no_statement_kept_back_undoes_what_two_takers_took(world: World) -> None:
    nl, ro, de = world["NL-POL"], world["RO-POL"], world["DE-BKA"]
    item = nl.open()
    kept = nl.statement(item, "none")
    nl.log(kept)
    nl.say(item, "none")
    hand_over(item, nl, ro)
    taken = hand_over(item, ro, de)
    for hidden in ((kept.digest,), ()):
        found = answer(world, item, *hidden)
        assert (found.custodian, found.settled) == ("DE-BKA", True)
        assert found.standings[taken] == "stands"
    assert found.standings[kept.digest] == "fork"


def test_whoever_hides_an_accepted_offer_has_no_settled_answer(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-POL"]
    item = nl.open()
    offer = nl.offer(item, ro)
    ro.conclude(item, "accept")
    assert answer(world, item).settled
    found = answer(world, item, offer.digest)
    assert (found.custodian, found.contested) == ("NL-POL", (0,))


def test_a_refusal_and_a_withdrawal_leave_the_item_where_it_was(world: World) -> None:
    nl, ro, de = world["NL-POL"], world["RO-POL"], world["DE-BKA"]
    item = nl.open()
    nl.offer(item, ro)
    refused = ro.conclude(item, "decline")
    nl.offer(item, de)
    taken_back = nl.conclude(item, "withdraw")
    noted = nl.say(item, "none")
    found = answer(world, item)
    assert (found.custodian, found.settled) == ("NL-POL", True)
    for one in (refused, taken_back, noted):
        assert found.standings[one.digest] == "stands"


def test_the_branch_of_a_bundle_is_what_the_verifier_finds(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-POL"]
    told = LyingItem(world, nl)
    told.say("acquired", file_body(b"x"), nl.people["officer"])
    told.offer(ro, nl.people["custodian"])
    told.accept(ro, ro.people["custodian"])
    told.say("note", {"text": "x"}, nl.people["officer"], log=ro)
    report = told.verdict()
    assert report.verdict is Verdict.VERIFIED
    found = answer(world, Item(told.urn, told.ref, nl.code, hops=told.hops))
    assert [one.digest for one in found.statements] == [
        event.statement.digest for event in told.events
    ]
    assert (found.custodian, found.settled) == (report.facts["custodian"], True)
