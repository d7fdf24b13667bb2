"""What a node lists of an item in clear, held against the record that it shows: a list of events is
signed by nobody, and could leave one out, or tell another agency, time or holder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.domain.codecs.text import format_time, from_b64url
from ledger.domain.errors import VerificationError
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Claims
from ledger.domain.ports.answers import Item, LoggedEvent, RecordedDocument
from ledger.domain.verify.signed_events import DISTRUST


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """An event as it is told. ``is_signed``: its number, time, agency and effect are those that
    were signed; where not, all of it is the node's word. Since when it is on the chain always is.
    """

    listed: LoggedEvent
    document: dict[str, Any] | None = None
    is_signed: bool = False


def held_against(
    item: Item, listed: Sequence[LoggedEvent], record: Sequence[RecordedDocument]
) -> list[TimelineEvent]:
    """The events of an item, each by what was signed of it.

    Args:
        item, listed: as the node has them, asked for after the record.
        record: checked, from the opening on; empty where nobody read it.

    Returns:
        them in order, with those that the node lists besides: recorded since, or void.

    Raises:
        VerificationError: the node leaves an event of the record out, lists another one in its
            place, or says other things of one, or of the item, than were signed.
    """
    if not record:
        return [TimelineEvent(event) for event in listed]
    signed = {row.statement: (row, _claims(row)) for row in record}
    missing = signed.keys() - {event.statement for event in listed}
    if missing:
        numbers = sorted(signed[statement][0].seq for statement in missing)
        raise _untrue(f"event {numbers[0]} of the record is not among the events that it lists")
    _require_item(item, record, [claims for _, claims in signed.values()])
    told = []
    for event in listed:
        if event.statement in signed:
            row, claims = signed[event.statement]
            _require_same(event, claims)
            told.append(TimelineEvent(event, row.document, is_signed=True))
        elif event.seq < len(record) and not event.void:
            raise _untrue(f"it lists an event {event.seq} that is not the one of the record")
        else:
            told.append(TimelineEvent(event))
    return told


def _claims(row: RecordedDocument) -> Claims:
    return statements.parse_entry(from_b64url(row.signed.entry, what="entry")).claims


def _require_same(event: LoggedEvent, claims: Claims) -> None:
    listed = (event.seq, event.effect, event.time, event.agency, event.void)
    signed = (claims.seq, claims.effect, format_time(claims.time), claims.issuer, False)
    for name, told, found in zip(
        ("number", "effect", "time", "agency", "validity"), listed, signed, strict=True
    ):
        if told != found:
            raise _untrue(f"the {name} of event {claims.seq} is {found} there, and it lists {told}")


def _require_item(item: Item, record: Sequence[RecordedDocument], signed: list[Claims]) -> None:
    """What a node says in clear of an item is what its record says, unless something was recorded
    since.
    """
    if item.events > len(record):
        return
    custodian, offered, closed = signed[0].issuer, "", False
    for claims in signed:
        custodian = offered if claims.effect == "accept" else custodian
        offered = (claims.to or "") if claims.effect == "offer" else ""
        closed = closed or claims.effect == "close"
    content = record[0].body.get("content")
    recorded = item.cid if record[0].document is None else content and content["cid"]
    told = (
        ("number of events", item.events, len(record)),
        ("last event", item.head, record[-1].statement),
        ("holder", item.custodian, custodian),
        ("addressee", "" if item.offer is None else item.offer.agency, offered),
        ("end", item.closed, closed),
        ("content", item.cid, recorded),
    )
    for name, said, found in told:
        if said != found:
            raise _untrue(f"the {name} is {found or 'none'} there, and it says {said or 'none'}")


def _untrue(what: str) -> VerificationError:
    return VerificationError(
        2, f"the node says other things of the item than its record: {what}", hint=DISTRUST
    )
