"""What is on loan comes back: whoever borrowed it does not end it, nor does anybody whom they gave
it to.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ledger.client.handovers import handover
from ledger.domain.errors import RuleError, VerificationError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.item import history_rules
from ledger.services.handovers import erasure, sync
from tests.support import consortium
from tests.support.actors import enrolled
from tests.support.clocks import Ahead
from tests.support.consortium import NL, RO, US, Consortium, upload
from tests.support.desk import Desk

CLOSING = {"scope": "all", "method": "keys destroyed"}


def lent(both: Consortium, evidence: str, giver: str, taker: str, mode: str = "loan") -> None:
    """Hand an item over, as a loan or for good."""
    soon = int(time.time()) + 86400
    terms = OfferTerms(taker, soon, mode=mode, return_by=soon)  # type: ignore[arg-type]
    sender, recipient = both[giver], both[taker]
    handover.offer(sender.client, sender.person, sender.clock, evidence, terms)
    both.settle(giver, taker, rounds=2)
    handover.accept(recipient.client, recipient.person, recipient.clock, evidence)
    both.settle(giver, taker, rounds=3)
    assert recipient.client.item(evidence).custodian == taker


def approved(desk: Desk, evidence: str) -> str:
    """A request for a disposal that a colleague approved."""
    asked = desk.record(evidence, "disposal-requested", {"reason": "over"}).statement
    colleague = enrolled(desk, "custodian")
    return str(colleague.record(evidence, "approved", {"target": asked}).statement)


def learnt(desk: Desk, agency: str, evidence: str) -> list[VerificationError]:
    """Learn of an agency's disposals; what was found against that of one item."""
    found: list[VerificationError] = []

    def trying(item: str, work: object) -> None:
        try:
            work()  # type: ignore[operator]
        except VerificationError as error:
            if item == evidence:
                found.append(error)

    erasure.learn(desk.node, agency, desk.node.reach(consortium.address(agency)), trying=trying)
    return found


def test_what_is_on_loan_is_not_ended_by_whoever_has_it_until_it_is_back(
    both: Consortium, tmp_path: Path
) -> None:
    evidence = upload(both[NL], tmp_path)
    lent(both, evidence, NL, RO)
    for holder in (RO, US):
        desk = both[holder]
        disposed = {**CLOSING, "approvals": [approved(desk, evidence)]}
        for event_type, body in (
            ("disposed", disposed),
            ("returned", {"owner": {"name": "the owner"}}),
            ("voided", {"reason": "by mistake"}),
        ):
            with pytest.raises(RuleError, match="on loan from NL-POL"):
                desk.record(evidence, event_type, body)
        if holder == RO:
            lent(both, evidence, RO, US, "custody")  # who borrowed it gives it away for good
    lent(both, evidence, US, NL, "custody")
    back = both[NL]
    back.record(evidence, "disposed", {**CLOSING, "approvals": [approved(back, evidence)]})


def test_what_another_agency_recorded_is_not_called_a_mistake_by_whoever_has_it(
    both: Consortium, tmp_path: Path
) -> None:
    evidence = upload(both[NL], tmp_path)
    lent(both, evidence, NL, RO, "custody")
    with pytest.raises(RuleError, match="recorded by NL-POL"):
        both[RO].record(evidence, "voided", {"reason": "by mistake"})


def test_what_was_handed_back_as_a_loan_is_not_on_loan_from_whoever_had_borrowed_it(
    both: Consortium, tmp_path: Path
) -> None:
    nl, ro = both[NL], both[RO]
    evidence = upload(nl, tmp_path)
    lent(both, evidence, NL, RO, "custody")
    lent(both, evidence, RO, NL)
    lent(both, evidence, NL, RO)  # handed back, and called a loan once more
    ro.record(evidence, "disposed", {**CLOSING, "approvals": [approved(ro, evidence)]})
    erasure.settle(ro.node)
    sync.settle(ro.node, timeout=30)
    assert learnt(nl, RO, evidence) == []
    erasure.settle(nl.node)
    with nl.node.records.read() as unit:
        assert not unit.grants.are_left(evidence, "content")


def test_whoever_lent_an_item_destroys_no_keys_for_a_disposal_by_the_borrower(
    both: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl, ro = both[NL], both[RO]
    evidence = upload(nl, tmp_path)
    lent(both, evidence, NL, RO)
    disposed = {**CLOSING, "approvals": [approved(ro, evidence)]}
    with monkeypatch.context() as patched:  # a node whose program is altered
        patched.setattr(history_rules, "require_allowed", lambda *_, **__: None)
        ro.record(evidence, "disposed", disposed)
    erasure.settle(ro.node)
    sync.settle(ro.node, timeout=30)
    assert ["on loan from us" in one.message for one in learnt(nl, RO, evidence)] == [True]
    with nl.node.records.read() as unit:
        assert unit.erasures.get(evidence) is None
        assert unit.grants.are_left(evidence, "content")


@pytest.mark.parametrize("mode", ["loan", "custody"])
def test_whoever_gave_an_item_for_good_follows_no_disposal_by_whom_the_taker_lent_it_to(
    both: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """What the taker gave on for good they confirm; of what they lent they tell."""
    nl, ro, us = both[NL], both[RO], both[US]
    evidence = upload(nl, tmp_path)
    lent(both, evidence, NL, RO, "custody")
    lent(both, evidence, RO, US, mode)
    disposed = {**CLOSING, "approvals": [approved(us, evidence)]}
    with monkeypatch.context() as patched:  # a node whose program is altered, where it was lent
        if mode == "loan":
            patched.setattr(history_rules, "require_allowed", lambda *_, **__: None)
        us.record(evidence, "disposed", disposed)
    erasure.settle(us.node)
    sync.settle(us.node, timeout=30)
    assert learnt(nl, US, evidence) == [], "it is early yet"
    assert left(nl, evidence)
    there = nl.node.clock
    nl.node.clock = Ahead(there, 2 * 86400)
    [found] = learnt(nl, US, evidence)
    nl.node.clock = there
    assert "gave to RO-DIICOT, which has not confirmed it" in found.message
    told = [one.message for one in learnt(ro, US, evidence)]
    assert [message for message in told if "on loan from us" not in message] == []
    erasure.settle(ro.node)
    learnt(ro, US, evidence)  # signs for it there
    sync.settle(us.node, timeout=30)
    learnt(nl, US, evidence)
    erasure.settle(nl.node)
    assert left(nl, evidence) == left(ro, evidence) == (mode == "loan")


def left(desk: Desk, evidence: str) -> bool:
    with desk.node.records.read() as unit:
        return bool(unit.grants.are_left(evidence, "content"))
