"""Which marks guard an item now. Every reading asks, so that a history is read once for each head
that it has.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from ledger.domain.event.document import Event
from ledger.domain.item.history_rules import GUARDS
from ledger.domain.item.holds_and_retention import Orders
from ledger.domain.item.item_history import ItemHistory
from ledger.domain.item.recorded_event import RecordedEvent
from ledger.rows.items import ItemRow
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import stolen_orders
from ledger.services.node.context import Node
from ledger.services.records import documents

_HEADS: Final = 4096  # of which it is kept in memory: an event may name a thousand items
_KNOWN: Final[OrderedDict[tuple[bytes, str, bytes], Orders]] = OrderedDict()
_MUTEX: Final = threading.Lock()


#: Entries of an item with their documents, None for those that were destroyed.
Read = Iterable[tuple[EntryRow, Event | None]]


def history_of(
    node: Node, unit: UnitOfWork, evidence: str, read: Read | None = None
) -> ItemHistory:
    """What an item's documents tell, as far as they still open; what a thief took off guards it.

    Args:
        read: its documents, where they were read already.
    """
    history = ItemHistory()
    if read is None:
        read = documents.read_events(node, unit, unit.logs.events(evidence))
    for row, event in read:
        if event is not None:
            history.take(RecordedEvent(row.digest, event))
    stolen_orders.put_back(node, unit, history.orders)
    return history


def guards_of(
    node: Node,
    unit: UnitOfWork,
    item: ItemRow,
    read: Read | None = None,
    *,
    among: AbstractSet[str] = GUARDS,
) -> dict[str, str]:
    """The guard marks of an item, by the history that leads to its head, with the roles by which
    they were ordered.

    Args:
        read: its documents, where they were read already. among: marks that are asked for.
    """
    key = node.log_id, item.state.evidence, item.state.head
    with _MUTEX:
        known = _KNOWN.get(key)
    if known is None:
        known = _marks_only(history_of(node, unit, item.state.evidence, read).orders)
        with _MUTEX:
            _KNOWN[key] = known
            if len(_KNOWN) > _HEADS:
                _KNOWN.popitem(last=False)
    # Whether a key was stolen is known from one moment to the next.
    now = replace(known, marks=dict(known.marks))
    stolen_orders.put_back(node, unit, now)
    return {mark: role for mark, role in now.marks.items() if mark in among}


def _marks_only(orders: Orders) -> Orders:
    return Orders(marks=orders.marks, marked=orders.marked)
