"""Requests for a disposal and what is decided upon them: whose count, and when they end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.item.decisions import Decisions
from ledger.domain.item.recorded_event import RecordedEvent

NL, RO = "NL-POL", "RO-DIICOT"


def said(number: int, event_type: str, agency: str, who: str, **body: Any) -> RecordedEvent:
    value = {"actor": {"agency": agency, "id": who, "role": "custodian"}}
    event: Any = SimpleNamespace(type=event_type, body=body, value=value)
    return RecordedEvent(bytes([number]) * 32, event)


def named(number: int) -> str:
    return (bytes([number]) * 32).hex()


def requested(number: int, agency: str = NL, who: str = "a") -> RecordedEvent:
    return said(number, "disposal-requested", agency, who)


def decided(number: int, upon: int, agency: str = NL, who: str = "b", **more: str) -> RecordedEvent:
    return said(number, more.get("how", "approved"), agency, who, target=named(upon))


def accepted(number: int, agency: str) -> RecordedEvent:
    return said(number, "transfer-accepted", agency, "c")


def carried_out(by: str, *approvals: int) -> RecordedEvent:
    return said(99, "disposed", by, "a", approvals=[named(approval) for approval in approvals])


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
