"""Holds, restrictions and retention: who takes back what somebody else ordered, every pair of
roles against a table that was written by hand.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.identity.names import ROLES
from ledger.domain.identity.roles import ROLES_BY_TYPE, TAKEN_BACK_BY
from ledger.domain.item.holds_and_retention import Orders

#: Whose orders each role may take back.
_TAKES_BACK = {
    "court": "court prosecutor disclosure-officer data-protection-officer custodian",
    "prosecutor": "prosecutor disclosure-officer custodian",
    "disclosure-officer": "disclosure-officer custodian",
    "data-protection-officer": "data-protection-officer custodian",
    "custodian": "custodian",
}
_SOON, _LATE = "2027-01-01T00:00:00Z", "2030-01-01T00:00:00Z"
_ORDERS = (
    ("hold-placed", {"hold": "appeal"}, "hold-released", {"hold": "appeal"}),
    ("restricted", {"handling": ["csam"]}, "unrestricted", {"handling": ["csam"]}),
    ("retention-set", {"rule": "x", "until": _LATE}, "retention-set", {"rule": "x"}),
    (
        "retention-set",
        {"rule": "x", "until": _LATE},
        "retention-set",
        {"rule": "x", "until": _SOON},
    ),
)


def said(event_type: str, role: str, body: dict[str, Any]) -> Any:
    return SimpleNamespace(type=event_type, body=body, value={"actor": {"role": role}})


def after(*events: Any) -> Orders:
    orders = Orders()
    for number, event in enumerate(events):
        orders.require_allowed(event)
        orders.take(event, str(number))
    return orders


@pytest.mark.parametrize(("ordered", "body", "lifted", "other"), _ORDERS)
def test_an_order_is_taken_back_by_its_own_role_or_by_one_above_it(
    ordered: str, body: dict[str, Any], lifted: str, other: dict[str, Any]
) -> None:
    for first in ROLES_BY_TYPE[ordered]:
        for second in ROLES_BY_TYPE[lifted]:
            orders, back = after(said(ordered, first, body)), said(lifted, second, other)
            if first in _TAKES_BACK[second].split():
                orders.require_allowed(back)
            else:
                with pytest.raises(DeniedError, match=f"ordered as {first}"):
                    orders.require_allowed(back)


def test_every_role_that_orders_has_somebody_who_takes_it_back() -> None:
    orders = ROLES_BY_TYPE["hold-placed"] | ROLES_BY_TYPE["restricted"]
    assert set(TAKEN_BACK_BY) == orders | ROLES_BY_TYPE["retention-set"] == set(_TAKES_BACK)
    assert all(role in above and above <= ROLES for role, above in TAKEN_BACK_BY.items())


def test_repeating_or_adding_to_an_order_from_above_does_not_make_it_ones_own() -> None:
    orders = after(
        said("restricted", "court", {"handling": ["csam"]}),
        said("restricted", "custodian", {"handling": ["csam"]}),
        said("retention-set", "data-protection-officer", {"rule": "x", "until": _SOON}),
        said("retention-set", "custodian", {"rule": "x", "until": _LATE}),
    )
    for event_type, body in (
        ("unrestricted", {"handling": ["csam"]}),
        ("retention-set", {"rule": "x"}),
    ):
        with pytest.raises(DeniedError, match="not taken back as custodian"):
            orders.require_allowed(said(event_type, "custodian", body))
    orders.require_allowed(said("unrestricted", "court", {"handling": ["csam"]}))


def test_a_hold_has_one_name_and_one_end() -> None:
    orders = after(said("hold-placed", "prosecutor", {"hold": "appeal"}))
    with pytest.raises(RuleError, match="in force already"):
        orders.require_allowed(said("hold-placed", "court", {"hold": "appeal"}))
    with pytest.raises(RuleError, match="1 hold is in force"):
        orders.require_free()
    orders.take(said("hold-released", "prosecutor", {"hold": "appeal"}), "1")
    orders.require_free()
    with pytest.raises(RuleError, match="no hold"):
        orders.require_allowed(said("hold-released", "prosecutor", {"hold": "appeal"}))


def test_a_mark_that_the_item_does_not_have_is_not_taken_off() -> None:
    orders = after(said("restricted", "custodian", {"handling": ["csam"]}))
    with pytest.raises(RuleError, match="not marked 'privileged'"):
        orders.require_allowed(said("unrestricted", "court", {"handling": ["csam", "privileged"]}))
    with pytest.raises(RuleError, match="not marked 'csam'"):
        after().require_allowed(said("unrestricted", "court", {"handling": ["csam"]}))


def kept(until: str) -> Any:
    return said("retention-set", "custodian", {"rule": "x", "until": until})


def test_what_shortened_the_retention_is_known_until_it_is_ordered_anew() -> None:
    between = "2028-01-01T00:00:00Z"
    assert [one for one, _ in after(kept(_LATE), kept(_SOON)).shortened] == ["1"]
    assert [one for one, _ in after(kept(_LATE), kept(_SOON), kept(between)).shortened] == ["1"]
    assert after(kept(_LATE), kept(_SOON), kept(_LATE)).shortened == []


def test_an_order_that_was_taken_back_in_vain_is_its_first_orderers_however_it_is_ordered_anew() -> (
    None
):
    hold = {"hold": "appeal"}
    placed, lifted, again, officer, court = (
        said("hold-placed", "court", hold),
        said("hold-released", "court", hold),
        said("hold-placed", "officer", hold),
        said("hold-released", "custodian", hold),
        said("hold-released", "court", hold),
    )
    stolen = "1".__eq__
    assert after(placed, lifted).lifted_in_vain(stolen) == ["1"]
    assert after(placed, lifted, again, officer).lifted_in_vain(stolen) == ["1"]
    assert after(placed, lifted, again, court).lifted_in_vain(stolen) == []
    orders = after(placed, lifted, again)
    assert orders.lifted_in_vain(stolen) == []  # it is in force
    orders.put_back(stolen)
    with pytest.raises(DeniedError, match="this hold was ordered as court"):
        orders.require_allowed(officer)
    orders.require_allowed(court)
    honest = after(placed, lifted, again)
    honest.put_back("none".__eq__)
    honest.require_allowed(officer)
