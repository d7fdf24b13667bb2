"""What an item's record asks of somebody by a day: a loan that is due back, a hold or a retention
that ends, a request for its disposal that waits, stored content that failed its last check.

Of what the record says, a duty holds its kind and its day, and no name, reason or authority:
whoever is told of it has not opened the record. Whose duty it is follows from who may record what
settles it (`SETTLED_BY`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ledger.domain.codecs.text import parse_time
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.identity.person import PersonId
from ledger.domain.item.item_history import ItemHistory

DutyKind = Literal[
    "disposal-requested",
    "disposal-approved",
    "return-due",
    "return-awaited",
    "hold-ends",
    "retention-ends",
    "content-differs",
]
#: The type of event by which each is settled: whoever may record it about the item has the duty.
SETTLED_BY: Final[dict[DutyKind, str]] = {
    "disposal-requested": "approved",
    "disposal-approved": "disposed",
    "return-due": "transfer-offered",
    "return-awaited": "transfer-offered",
    "hold-ends": "hold-released",
    "retention-ends": "disposal-requested",
    "content-differs": "verified",
}
#: What a check finds where content is not what was recorded; a node that was not reached tells
#: nothing about it.
_DAMAGE: Final = frozenset({"mismatch", "missing", "unreadable"})


@dataclass(frozen=True, slots=True)
class Duty:
    """``since``: when it arose; ``due``: until when it is to be settled, None where the record
    names no day. Both in seconds since 1970.

    ``done_by``: people who have done their part in it, and are not asked.
    """

    kind: DutyKind
    since: int
    due: int | None = None
    done_by: frozenset[PersonId] = frozenset()


def of(history: ItemHistory, agency: str, custodian: str) -> Iterator[Duty]:
    """The duties that an item's record holds for an agency.

    Args:
        custodian: the agency that has custody now. Where that is another one, the only duty left
            is to see that a loan comes back.

    Returns:
        the duties, of whatever day they are.
    """
    if custodian != agency:
        yield from _lent(history, agency)
        return
    yield from _disposal(history, agency)
    if history.lenders and (due := history.back_by.get(history.lenders[-1])) is not None:
        yield Duty("return-due", _last(history, "transfer-accepted"), due)
    for hold in history.orders.holds.values():
        if "expires" in hold:
            due = parse_time(hold["expires"], what="expires")
            yield Duty("hold-ends", _last(history, "hold-placed"), due)
    if history.orders.retention is not None:
        yield Duty("retention-ends", _last(history, "retention-set"), history.orders.retention)
    yield from _content(history)


def _time(value: dict[str, object]) -> int:
    return parse_time(str(value["time"]), what="time")


def _last(history: ItemHistory, event_type: str) -> int:
    """When an event of a type was recorded last; 0 where none was."""
    times = (
        _time(one.event.value) for one in history.events.values() if one.event.type == event_type
    )
    return max(times, default=0)


def _lent(history: ItemHistory, agency: str) -> Iterator[Duty]:
    """What the agency lent away and has not got back: the last offer that it made was a loan."""
    offers = [
        one
        for one in history.events.values()
        if one.event.type == "transfer-offered" and one.agency == agency
    ]
    if not offers:
        return
    terms = OfferTerms.from_event(offers[-1].event)
    if terms.mode == "loan" and terms.return_by is not None:
        yield Duty("return-awaited", _time(offers[-1].event.value), terms.return_by)


def _disposal(history: ItemHistory, agency: str) -> Iterator[Duty]:
    """Requests of the agency that stand: one waits until it is refused, and for a custodian once a
    second person has approved it.
    """
    for digest, request in history.decisions.requests.items():
        made = [one for one in history.decisions.made.get(digest, []) if one.agency == agency]
        if request.agency != agency or any(one.event.type == "refused" for one in made):
            continue
        approved = [one for one in made if one.actor != request.actor]
        if approved:
            yield Duty("disposal-approved", _time(approved[0].event.value))
        else:
            since = _time(request.event.value)
            yield Duty("disposal-requested", since, done_by=frozenset({request.actor}))


def _content(history: ItemHistory) -> Iterator[Duty]:
    """Stored content that was not what was recorded, when it was last checked."""
    checks = [one for one in history.events.values() if one.event.type == "verified"]
    if checks and checks[-1].event.body.get("result") in _DAMAGE:
        yield Duty("content-differs", _time(checks[-1].event.value))
