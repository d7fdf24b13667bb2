"""In which role somebody may sign about an item: every pair of roles, every part and every type,
against a table that was written by hand.
"""

from __future__ import annotations

from itertools import combinations_with_replacement

import pytest

from ledger.domain.errors import DeniedError
from ledger.domain.event.types import TYPES
from ledger.domain.identity.names import ROLES
from ledger.domain.item.participation import Part, acting_roles, require_part

_ALL = "officer custodian examiner reviewer prosecutor disclosure-officer court court-expert"
_LEGAL = "prosecutor disclosure-officer court"
_HANDS = "officer custodian examiner"
#: Who may sign a type at all; by which part of their own (holder, shared, former, asked); and
#: whether it is signed about every item as custodian, data-protection officer, or auditor.
_TABLE = {
    "accessed": (f"{_ALL} defence data-protection-officer", "hsf", "custodian dpo"),
    "verified": (f"{_ALL} defence auditor service", "hsf", "custodian auditor"),
    "analysed": (f"{_HANDS} court-expert", "hs", "custodian"),
    "identified": (_ALL, "hsf", "custodian"),
    "moved": (_HANDS, "h", "custodian"),
    "dispatched": (_HANDS, "h", "custodian"),
    "released": (_HANDS, "h", "custodian"),
    "received": (_HANDS, "h", "custodian"),
    "sealed": (f"{_HANDS} court-expert", "h", "custodian"),
    "unsealed": (f"{_HANDS} court-expert", "h", "custodian"),
    "hold-placed": (f"{_LEGAL} custodian", "hs", "custodian"),
    "hold-released": (f"{_LEGAL} custodian", "hs", "custodian"),
    "restricted": (f"{_LEGAL} custodian data-protection-officer", "hs", "custodian dpo"),
    "unrestricted": (f"{_LEGAL} custodian data-protection-officer", "hs", "custodian dpo"),
    "retention-set": ("custodian data-protection-officer", "hs", "custodian dpo"),
    "disclosed": (f"{_LEGAL} custodian", "hs", "custodian"),
    "presented": (_LEGAL, "hs", ""),
    "ruled": (_LEGAL, "hs", ""),
    "corrected": (_ALL, "hsf", "custodian"),
    "incident": (f"{_ALL} data-protection-officer", "hsf", "custodian dpo"),
    "approved": (f"{_ALL} data-protection-officer", "hs", "custodian dpo"),
    "refused": (f"{_ALL} data-protection-officer", "hs", "custodian dpo"),
    "disposal-requested": ("custodian data-protection-officer", "hs", "custodian dpo"),
    "keys-destroyed": ("custodian service", "", "custodian"),
    "note": (f"{_ALL} data-protection-officer", "hsf", "custodian dpo"),
    "transfer-offered": (_HANDS, "h", "custodian"),
    "transfer-accepted": (f"{_HANDS} court court-expert", "a", ""),
    "transfer-declined": (f"{_HANDS} court court-expert", "a", ""),
    "transfer-withdrawn": (_HANDS, "h", "custodian"),
    "transfer-expired": (_HANDS, "h", "custodian"),
    "disposed": ("custodian", "h", "custodian"),
    "returned": ("custodian", "h", "custodian"),
    "voided": ("officer custodian", "h", "custodian"),
    "case-assigned": (f"{_HANDS} {_LEGAL}", "h", "custodian"),
    "listed": (f"{_ALL} data-protection-officer", "hsf", "custodian dpo"),
    "case-closed": (f"{_HANDS} {_LEGAL}", "h", "custodian"),
}
_OWN = {"h": Part.HOLDER, "s": Part.SHARED, "f": Part.FORMER, "a": Part.ASKED}
_SHORT = {"data-protection-officer": "dpo"}
_PEOPLE = sorted(ROLES - {"service"})


def by_hand(event_type: str, own: str, pair: set[str]) -> set[str]:
    signs, parts, about_all = _TABLE[event_type]
    may = set()
    for role in pair & set(signs.split()):
        if _SHORT.get(role, role) in about_all.split():
            may.add(role)
        if own and own in parts and not (own == "s" and "defence" in pair and role != "defence"):
            may.add(role)
    return may


def parts_of(own: str, pair: set[str]) -> set[Part]:
    parts = {_OWN[own]} if own else set()
    if "custodian" in pair:
        parts.add(Part.CUSTODIAN)
    if "data-protection-officer" in pair:
        parts.add(Part.OVERSEER)
    if pair & {"administrator", "auditor"}:
        parts.add(Part.WATCHER)
    return parts


def test_every_type_about_an_item_is_in_the_table() -> None:
    assert set(_TABLE) == {
        name for name, kind in TYPES.items() if kind.effect not in ("open", "agency")
    }


@pytest.mark.parametrize("own", ["", *_OWN])
def test_every_pair_of_roles_acts_in_the_role_by_which_it_takes_part(own: str) -> None:
    for first, second in combinations_with_replacement(_PEOPLE, 2):
        pair = {first, second}
        parts = parts_of(own, pair)
        for event_type in _TABLE:
            expected = by_hand(event_type, own, pair)
            assert acting_roles(event_type, parts, pair) == expected, (event_type, own, pair)
            for role in (*pair, *([] if expected else [""])):
                if role in expected:
                    require_part(event_type, parts, role=role, held=pair)
                    continue
                with pytest.raises(DeniedError):
                    require_part(event_type, parts, role=role, held=pair)


def test_a_role_that_decides_about_all_items_lends_nothing_to_another_one() -> None:
    for wide in ("custodian", "data-protection-officer", "auditor", "administrator"):
        for other in _PEOPLE:
            if other in ("custodian", "data-protection-officer", "auditor", "administrator"):
                continue
            pair = {wide, other}
            signed = {
                kind for kind in _TABLE if other in acting_roles(kind, parts_of("", pair), pair)
            }
            assert signed == set(), (pair, signed)
