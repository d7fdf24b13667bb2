"""The records of items as a node tells them: each document in its one strict form, and the one that
was signed, before anything is shown of it, asked about it or signed for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from ledger.adapters.node.http import bytes_of
from ledger.adapters.web.client import WebError
from ledger.domain.errors import CustodyError, FormatError, VerificationError
from ledger.domain.event import document as documents
from ledger.domain.identity import certificate as certificates
from ledger.domain.item.item_history import ItemHistory
from ledger.domain.item.recorded_event import RecordedEvent
from ledger.domain.log import statement as statements
from ledger.domain.ports.answers import CopyRecord, Disposal, Item, RecordedDocument, Standing
from ledger.domain.verify import signed_events
from ledger.domain.verify.signed_events import DISTRUST, ShownEvent

Answer = TypeVar("Answer", Item, Disposal)


def about(answer: Answer, evidence: str, who: str) -> Answer:
    """An answer that says which item it is about: the one that was asked for.

    Raises:
        WebError: another one.
    """
    if answer.evidence != evidence:
        raise WebError(who, f"answered about {answer.evidence}, and not about {evidence}")
    return answer


def require_signed(
    rows: Sequence[RecordedDocument], evidence: str, who: str, *, through: str | None = None
) -> list[ShownEvent]:
    """Check the events of an item, of which the first opens it.

    Args:
        through: digest of an event that the reader signed, to which they must lead.

    Returns:
        the events as they were signed.

    Raises:
        WebError: they are not those of this item, or not what the format allows.
        VerificationError: they are not what was signed, or end before ``through``.
    """
    if not rows or rows[0].seq != 0:
        raise _nonsense(who, "a record without its beginning")
    for row in rows:
        if row.document is not None:
            _require_document(row.document, evidence, who, seq=row.seq)
    shown = [_parsed(row, who) for row in rows]
    try:
        signed_events.check_record(
            shown, evidence, through=None if through is None else bytes.fromhex(through)
        )
        for row, one in zip(rows, shown, strict=True):
            _require_same(row, one)
    except VerificationError as error:
        raise _untrue(who, error) from error
    return shown


def standing_after(shown: Sequence[ShownEvent], told: Standing) -> Standing:
    """What holds for an item after events that were checked, by what they say: as a node tells it
    only where the record is not whole.

    Args:
        shown: what require_signed gave. told: what the node says that holds.
    """
    history = ItemHistory()
    for one in shown:
        if one.event is None or one.event.withheld:
            return told
        history.take(RecordedEvent(one.statement.digest, one.event))
    holds = history.standing()
    return Standing(
        holds=tuple(holds["holds"]),
        seals=tuple(holds["seals"]),
        handling=tuple(holds["handling"]),
        conditions=tuple(holds["conditions"]),
        keepUntil=holds["keepUntil"],
        handedOutTo=holds["handedOutTo"],
    )


def require_offer(row: RecordedDocument, evidence: str, who: str) -> None:
    """Check the statement that offers an item, by itself, and what it says where that is shown.

    Raises:
        WebError, VerificationError: as require_signed; or it offers nothing.
    """
    if row.document is not None:
        _require_document(row.document, evidence, who, seq=row.seq)
    one = _parsed(row, who)
    claims = one.statement.claims
    try:
        if (claims.subject, claims.effect) != (evidence, "offer"):
            raise VerificationError(2, f"event {claims.seq} is no offer of this item")
        signed_events.check_shown(one)
        _require_same(row, one)
    except VerificationError as error:
        raise _untrue(who, error) from error


def require_copy(
    record: CopyRecord, evidence: str, statement: str, who: str, *, recipient: str
) -> None:
    """Check what came with a copy, which a statement disclosed to an agency.

    Raises:
        WebError, VerificationError: as require_signed.
    """
    require_signed(record.events, evidence, who, through=statement)
    first, last = record.events[0], record.events[-1]
    if (record.opening, record.disclosed) != (first.document, last.document) or (
        last.statement != statement
    ):
        raise VerificationError(
            2, f"{who} shows another opening or disclosure than was signed", hint=DISTRUST
        )
    to = last.body.get("to")
    named = to.get("agency") if isinstance(to, dict) else None
    if last.type != "disclosed" or named != recipient:
        raise VerificationError(
            2,
            f"{who} shows as the disclosure to {recipient} an event of type {last.type!r}, made to "
            f"{named or 'nobody'}",
            hint=DISTRUST,
        )


def _parsed(row: RecordedDocument, who: str) -> ShownEvent:
    signed = row.signed
    try:
        event = None
        if signed.document is not None:
            event = documents.parse(bytes_of(signed.document, who), signed.disclosures)
        return ShownEvent(
            statements.parse_entry(bytes_of(signed.entry, who)),
            certificates.parse(bytes_of(signed.certificate, who)),
            event,
        )
    except FormatError as error:
        raise _nonsense(who, error.message) from error


def _require_same(row: RecordedDocument, shown_event: ShownEvent) -> None:
    """What is shown of an event beside what was signed says the same."""
    if (row.seq, row.statement) != (
        shown_event.statement.claims.seq,
        shown_event.statement.digest.hex(),
    ):
        raise VerificationError(
            2,
            f"event {row.seq} is shown as {row.statement}, and its entry is "
            f"{shown_event.statement.digest.hex()}, event {shown_event.statement.claims.seq}",
        )
    if row.document != (None if shown_event.event is None else shown_event.event.value):
        raise VerificationError(2, f"event {row.seq}: the document that is shown is another one")


def _require_document(value: dict[str, Any], evidence: str, who: str, *, seq: int) -> None:
    try:
        documents.require_completed(value)
    except CustodyError as error:
        raise _nonsense(who, error.message) from error
    if value["evidence"] != evidence or value["seq"] != seq:
        raise _nonsense(who, "a document of something else")
    body = value["body"]
    if "content" in body and not {"size", "digests"} <= set(body):
        raise _nonsense(who, "content without the size and digests that it was recorded with")


def _untrue(who: str, error: VerificationError) -> VerificationError:
    return VerificationError(
        error.step, f"{who} shows what was not signed: {error.message}", hint=DISTRUST
    )


def _nonsense(who: str, what: str) -> WebError:
    return WebError(who, f"answered nonsense: {what}", hint="is this the right address?")
