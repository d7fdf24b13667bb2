"""Offers as people see them: what waits for an answer, and what one who is asked may look at before answering.

While an offer is open nothing but its answer may be sequenced for the item, so looking at it cannot be an `accessed` event: the
offer itself is the record of who was given the keys.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.domain.errors import NotFoundError
from ledger.domain.records import ItemRow
from ledger.domain.unit import Unit
from ledger.services import access
from ledger.services.access import Caller
from ledger.services.node import Node

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An offer: ``state`` inside for one within the agency, else as in records.CrossingRow."""

    evidence: str
    giver: str
    taker: str
    person: str | None
    offer: bytes
    expires: int | None
    state: str


def under_way(node: Node, caller: Caller) -> list[UnderWay]:
    """Offers that are open, among the items that the caller may know of or is asked to take."""
    found = []
    with node.records.read() as unit:
        for item in unit.offered_items():
            offer = item.state.offer
            if offer is None or not (access.is_asked(node, caller, item) or _sees(node, unit, caller, item)):
                continue
            rows = unit.crossings(item.state.evidence)
            state = rows[-1].state if rows and offer.to != item.state.custodian else "inside"
            expires = offer.expires if offer.expires is not None else (rows[-1].expires if rows else None)
            found.append(UnderWay(item.state.evidence, item.state.custodian, offer.to, offer.person, offer.digest, expires, state))
    return found


def _sees(node: Node, unit: Unit, caller: Caller, item: ItemRow) -> bool:
    try:
        access.visible(node, unit, caller, item.state.evidence)
    except NotFoundError:
        return False
    return True


def require_offered(node: Node, unit: Unit, caller: Caller, evidence: str) -> ItemRow:
    """The item, if it is on offer to the caller.

    Raises:
        NotFoundError: it is not.
    """
    item = unit.item(evidence)
    if item is None or not access.is_asked(node, caller, item):
        raise NotFoundError("no such item on offer to you", hint="see: custody handover list")
    return item
