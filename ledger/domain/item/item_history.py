"""An item's life as its documents tell it, event by event: what holds after each of them.

What this forbids to follow is judged by history_rules.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ledger.domain.codecs.text import format_time
from ledger.domain.event.document import Event
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.item.decisions import Decisions
from ledger.domain.item.holds_and_retention import Orders
from ledger.domain.item.outings import Outings
from ledger.domain.item.recorded_event import RecordedEvent


@dataclass
class ItemHistory:
    """What holds for an item after its events so far. Keys of ``events`` are statement digests in
    hex.

    ``offer``: the event that made the open offer. ``back_by``: until when each lender of
    ``lenders`` wants the item back, seconds since 1970, where the loan said so. ``now``: the time
    by which the event being checked is judged.
    """

    events: dict[str, RecordedEvent] = field(default_factory=dict)
    opening: Event | None = None
    orders: Orders = field(default_factory=Orders)
    seals: dict[str, dict[str, Any]] = field(default_factory=dict)
    conditions: list[str] = field(default_factory=list)
    decisions: Decisions = field(default_factory=Decisions)
    offer: RecordedEvent | None = None
    lenders: list[str] = field(default_factory=list)
    back_by: dict[str, int] = field(default_factory=dict)
    outings: Outings = field(default_factory=Outings)
    now: int = 0

    def take(self, recorded: RecordedEvent) -> None:
        """Take the next event into account."""
        event, body = recorded.event, recorded.event.body
        self.events[recorded.digest.hex()] = recorded
        if self.opening is None:
            self._open(recorded)
            return
        self.orders.take(event, recorded.digest.hex())
        self.decisions.take(recorded)
        self.outings.take(event, recorded.digest.hex())
        match event.type:
            case "sealed":
                self.seals.pop(body.get("replaces", ""), None)
                self.seals[body["number"]] = body
            case "unsealed":
                self.seals.pop(body["number"], None)
            case "transfer-offered":
                self.offer = recorded
            case "transfer-accepted" if self.offer is not None:
                terms = OfferTerms.from_event(self.offer.event)
                self.conditions = list(dict.fromkeys([*self.conditions, *terms.conditions]))
                self.lenders = lenders_after(
                    self.lenders, terms.mode, self.offer.agency, recorded.agency
                )
                self._lend(self.offer.agency, terms.return_by)
                self.offer = None
            case "transfer-declined" | "transfer-withdrawn" | "transfer-expired":
                self.offer = None

    def _open(self, recorded: RecordedEvent) -> None:
        event = self.opening = recorded.event
        self.decisions.custodian = recorded.agency
        self.orders.mark(event.value.get("handling", []), recorded.role)
        self.seals = {seal["number"]: seal for seal in event.body.get("seals", [])}
        source = event.body.get("source")
        self.conditions = list(source.get("conditions", [])) if isinstance(source, dict) else []

    def _lend(self, giver: str, back_by: int | None) -> None:
        """Keep until when lenders want the item back, after a handover of it."""
        kept = {lender: time for lender, time in self.back_by.items() if lender in self.lenders}
        if back_by is not None and self.lenders and self.lenders[-1] == giver:
            kept[giver] = back_by
        self.back_by = kept

    def standing(self) -> dict[str, Any]:
        """What holds now, for those who may read the record."""
        until = self.orders.retention
        return {
            "holds": sorted(self.orders.holds),
            "seals": sorted(self.seals),
            "handling": sorted(self.orders.marks),
            "conditions": self.conditions,
            "keepUntil": None if until is None else format_time(until),
            "handedOutTo": self.outings.out,
        }

    @property
    def has_content(self) -> bool:
        """Whether the item is a file rather than a thing."""
        return self.opening is not None and "content" in self.opening.body


def lenders_after(lenders: list[str], mode: str, giver: str, taker: str) -> list[str]:
    """Who lent an item, the first one first, after one more handover of it.

    A loan lasts until the item is back with the agency that lent it, whoever else had it meanwhile.
    """
    if taker in lenders:
        return lenders[: lenders.index(taker)]
    return [*lenders, giver] if mode == "loan" and giver != taker else lenders
