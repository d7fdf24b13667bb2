"""Whether a record that a node shows is whole: what holds for its item is known by it alone, and
nobody signs by a part of it. A node takes nothing with members withheld, and destroys the documents
of an item together.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.domain.errors import VerificationError
from ledger.domain.event import document as documents
from ledger.domain.ports.answers import RecordedDocument
from ledger.domain.verify.signed_events import DISTRUST


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
