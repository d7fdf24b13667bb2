"""Whether a record that a node shows is whole: what holds for its item is known by it alone, and
nobody signs by a part of it. A node takes nothing with members withheld, and destroys the documents
of an item together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ledger.domain.errors import RuleError, VerificationError
from ledger.domain.event import document as documents
from ledger.domain.ports.answers import Item, RecordedDocument
from ledger.domain.verify.signed_events import DISTRUST

#: What is signed behind the very record that was read, and no later one.
_DECISIONS: Final = frozenset(
    {
        "approved",
        "refused",
        "disposed",
        "disclosed",
        "corrected",
        "transfer-offered",
        "transfer-accepted",
        "transfer-declined",
        "transfer-withdrawn",
        "transfer-expired",
    }
)


def missing(events: Sequence[RecordedDocument]) -> list[str]:
    """What a record does not say: documents that were destroyed, members that are withheld."""
    found = []
    for event in events:
        if event.document is None:
            found.append(f"event {event.seq}: the whole document")
        else:
            found += [f"event {event.seq}: {path}" for path in documents.withheld(event.document)]
    return found


def require_whole(events: Sequence[RecordedDocument]) -> None:
    """Check that a record says all that was signed, before something is signed by it.

    Raises:
        VerificationError: naming what is missing.
    """
    if found := missing(events):
        raise VerificationError(
            2,
            f"the node does not show all of the record: {', '.join(found)}; nothing was signed "
            "by it",
            hint=DISTRUST,
        )


def require_followed(item: Item, read: Sequence[RecordedDocument], event_type: str) -> None:
    """Check that what somebody signs follows the record that they read.

    Raises:
        VerificationError: the node shows the item as it was before that record. RuleError: a
            decision would be signed behind events that the person has not read.
    """
    _require_behind(item, read)
    if read and event_type in _DECISIONS:
        _require_nothing_since(item, read)


def _require_behind(item: Item, read: Sequence[RecordedDocument]) -> None:
    """Check that an item as the node shows it is not older than the record that was read."""
    if not read:
        return
    last = read[-1].seq
    events, heads = last + 1, {one.statement for one in read if one.seq == last}
    if item.events < events or (item.events == events and item.head not in heads):
        raise VerificationError(
            2,
            f"the node shows the item with {item.events} events, the last {item.head}; its record "
            f"had {events}, the last {read[-1].statement}: nothing was signed",
            hint="do not rely on this node: tell an auditor",
        )


def _require_nothing_since(item: Item, read: Sequence[RecordedDocument]) -> None:
    """Check that the record that was read is still all of it: a node could name any head of a later
    one, and what was recorded meanwhile may speak against the decision.

    Raises:
        RuleError: it is not.
    """
    if item.events > read[-1].seq + 1:
        raise RuleError(
            "something was recorded for this item after it was read, such as another offer: the "
            f"record had {read[-1].seq + 1} events, and the node names {item.events} now; nothing "
            "was signed",
            hint="start the same command again: it reads the record anew",
        )
