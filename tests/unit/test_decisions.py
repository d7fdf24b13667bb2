"""Requests for a disposal and what is decided upon them: whose count, and when they end."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.identity.person import PersonId
from ledger.domain.item.decisions import Decisions
from ledger.domain.item.recorded_event import RecordedEvent

NL, RO = "NL-POL", "RO-DIICOT"


def said(number: int, event_type: str, agency: str, who: str, **body: Any) -> RecordedEvent:
    value = {"actor": {"agency": agency, "id": who, "role": "custodian"}, "seq": number}
    event: Any = SimpleNamespace(type=event_type, body=body, value=value)
    return RecordedEvent(bytes([number]) * 32, event)


def named(number: int) -> str:
    return (bytes([number]) * 32).hex()


def requested(number: int, agency: str = NL, who: str = "a", **body: str) -> RecordedEvent:
    return said(number, "disposal-requested", agency, who, **body)


def decided(number: int, upon: int, agency: str = NL, who: str = "b", **more: str) -> RecordedEvent:
    return said(number, more.get("how", "approved"), agency, who, target=named(upon))


def accepted(number: int, agency: str) -> RecordedEvent:
    return said(number, "transfer-accepted", agency, "c")


def carried_out(by: str, *approvals: int, **body: str) -> RecordedEvent:
    named_approvals = [named(approval) for approval in approvals]
    return said(99, "disposed", by, "a", approvals=named_approvals, **body)


def after(*events: RecordedEvent) -> Decisions:
    decisions = Decisions(custodian=NL)
    for event in events:
        decisions.take(event)
    return decisions


def test_two_people_of_the_custodian_dispose_also_after_a_handover_to_a_colleague() -> None:
    after(requested(1), accepted(2, NL), decided(3, 1)).require_disposal(carried_out(NL, 3))


def test_a_request_ends_when_the_item_goes_to_another_agency_and_also_where_it_comes_back() -> None:
    gone = after(requested(1), decided(2, 1), accepted(3, RO))
    with pytest.raises(RuleError, match="nobody requested"):
        gone.require_disposal(carried_out(RO, 2))
    with pytest.raises(RuleError, match="ended when the item went"):
        gone.require_decision(decided(4, 1, RO), requested(1))
    back = after(requested(1), decided(2, 1), accepted(3, RO), accepted(4, NL))
    with pytest.raises(RuleError, match="nobody requested"):
        back.require_disposal(carried_out(NL, 2))
    anew = after(requested(1), decided(2, 1), accepted(3, RO), requested(5, RO))
    with pytest.raises(RuleError, match="second person"):
        anew.require_disposal(carried_out(RO, 2))


def test_a_guest_neither_approves_nor_refuses_a_disposal_and_blocks_none_by_an_old_refusal() -> (
    None
):
    decisions = after(requested(1))
    for how in ("approved", "refused"):
        with pytest.raises(DeniedError, match="agency that has custody"):
            decisions.require_decision(decided(2, 1, RO, how=how), requested(1))
    old = after(requested(1), decided(2, 1, RO, how="refused"), decided(3, 1, RO), decided(4, 1))
    old.require_disposal(carried_out(NL, 4))  # as an earlier version let guests decide
    for approvals in ((3,), (3, 4)):
        with pytest.raises(RuleError, match="second person"):
            old.require_disposal(carried_out(NL, *approvals))


def test_a_request_of_another_agency_counts_for_nothing() -> None:
    with pytest.raises(RuleError, match="nobody requested"):
        after(requested(1, RO), decided(2, 1)).require_disposal(carried_out(NL, 2))


def test_a_refusal_of_a_colleague_ends_the_request() -> None:
    decisions = after(requested(1), decided(2, 1), decided(3, 1, who="d", how="refused"))
    with pytest.raises(RuleError, match="was refused"):
        decisions.require_disposal(carried_out(NL, 2))


def test_a_guest_decides_upon_what_is_no_request_for_a_disposal() -> None:
    analysed = said(1, "analysed", NL, "a", description="faces")
    after(analysed).require_decision(decided(2, 1, RO), analysed)


def test_nobody_decides_upon_what_they_recorded_themselves() -> None:
    for target in (requested(1), said(1, "analysed", NL, "a", description="faces")):
        for how in ("approved", "refused"):
            with pytest.raises(RuleError, match="nobody decides upon what they recorded themsel"):
                after(target).require_decision(decided(2, 1, who="a", how=how), target)


def test_nobody_under_a_second_enrolment_decides_upon_what_they_recorded_themselves() -> None:
    twin = replace(decided(2, 1, who="twin"), person=PersonId(NL, "a"))
    with pytest.raises(RuleError, match="nobody decides upon what they recorded themselves"):
        after(requested(1)).require_decision(twin, requested(1))


@pytest.mark.parametrize(
    ("approved", "carried", "told"),
    [
        ({}, {"rule": "wpg-8"}, "approved without a rule, and would be carried out under wpg-8"),
        ({"rule": "wpg-9"}, {"rule": "wpg-8"}, "approved under wpg-9, .* carried out under wpg-8"),
        ({"rule": "wpg-9"}, {}, "approved under wpg-9, and would be carried out without a rule"),
    ],
)
def test_a_disposal_is_carried_out_under_no_other_rule_than_the_one_that_was_approved(
    approved: dict[str, str], carried: dict[str, str], told: str
) -> None:
    decisions = after(requested(1, **approved), decided(2, 1))
    with pytest.raises(RuleError, match=told) as refusal:
        decisions.require_disposal(carried_out(NL, 2, **carried))
    assert "--rule" in str(refusal.value.hint)
    decisions.require_disposal(carried_out(NL, 2, **approved))


def test_the_approval_of_an_earlier_request_disposes_of_nothing_once_there_is_a_newer_one() -> None:
    first = (requested(1, rule="wpg-8"), decided(2, 1))
    after(*first).require_disposal(carried_out(NL, 2, rule="wpg-8"))
    newer = after(*first, requested(3, rule="wpg-9"))
    for approvals in ((2,), (2, 4)):
        with pytest.raises(RuleError, match="second person"):
            newer.require_disposal(carried_out(NL, *approvals, rule="wpg-8"))
    with pytest.raises(RuleError, match="or with a newer request"):
        newer.require_decision(decided(4, 1, who="d"), requested(1))
    newer.take(decided(4, 3))
    newer.require_disposal(carried_out(NL, 4, rule="wpg-9"))


def test_whoever_refuses_the_newest_request_refuses_the_disposal_though_an_earlier_was_approved() -> (
    None
):
    refused = after(requested(1), decided(2, 1), requested(3), decided(4, 3, how="refused"))
    with pytest.raises(RuleError, match="the disposal was refused"):
        refused.require_disposal(carried_out(NL, 2))


def test_a_request_of_another_agency_ends_none_of_the_custodians() -> None:
    after(requested(1), decided(2, 1), requested(3, RO)).require_disposal(carried_out(NL, 2))


def test_no_second_request_of_an_agency_is_made_while_one_waits_for_a_decision() -> None:
    with pytest.raises(RuleError, match="waits for a decision already: event 1") as refusal:
        after(requested(1)).require_request(requested(2, who="d"))
    assert "custody record refuse ID --event 1" in str(refusal.value.hint)
    after(requested(1)).require_request(requested(2, RO))
    for how in ("approved", "refused"):
        after(requested(1), decided(2, 1, how=how)).require_request(requested(3))
        with pytest.raises(RuleError, match="waits for a decision"):  # a guest decided nothing
            after(requested(1), decided(2, 1, RO, how=how)).require_request(requested(3))
    after(requested(1), accepted(2, RO), accepted(3, NL)).require_request(requested(4))
