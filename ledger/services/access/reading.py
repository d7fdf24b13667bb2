"""Documents of an item as they are shown, and who looked at one on offer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger.domain.codecs.text import format_time
from ledger.domain.event.document import Event
from ledger.domain.identity.person import read_stored
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access.authorization import LOOKS
from ledger.services.node.context import Node


def looks(node: Node, unit: UnitOfWork, offer: bytes) -> list[dict[str, str]]:
    """Who that an offer was made to looked at the item before answering: the record (with the
    keys), or the content, and first when.
    """
    return [
        {
            "person": read_stored(row.recipient).shown_at(node.agency),
            "what": LOOKS[row.kind],
            "time": format_time(row.time),
        }
        for row in unit.releases.under(offer)
        if row.kind in LOOKS
    ]


def details(
    node: Node, unit: UnitOfWork, events: Sequence[tuple[EntryRow, Event | None]]
) -> list[dict[str, Any]]:
    """The documents of an item, completed, in order; with an offer who looked before answering
    it.

    Args:
        events: all of the item's, as they were read.
    """
    found = []
    for row, event in events:
        one = {
            "seq": row.seq,
            "statement": row.digest.hex(),
            "document": None if event is None else event.value,
        }
        if row.effect == "offer":
            one["looked"] = looks(node, unit, row.digest)
        found.append(one)
    return found
