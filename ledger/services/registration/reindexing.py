"""The blind index made anew, where a version of this program looks items up by another form than
the one that a home was written with.

The index holds keyed digests of numbers, so that no migration of the database alone can do this:
each item's documents are opened with the node's own key. What else follows from documents, and an
earlier version did not write down, is written down on the way: who has a part in an item. It is
idempotent, in transactions of some items each, and its end is written down last: a crash repeats
it.
"""

from __future__ import annotations

import logging
from typing import Final

from ledger.domain.errors import CustodyError
from ledger.domain.event import normalization
from ledger.rows.items import ItemRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.records import documents, item_tokens
from ledger.services.registration import keys_with_events

_LOG: Final = logging.getLogger("custody.index")
_PAGE: Final = 100


def bring_up(node: Node) -> int:
    """Index every item anew where that is due; returns how many were, 0 for a home that is up to
    date.
    """
    with node.records.read() as unit:
        if unit.items.index_form() == normalization.VERSION:
            return 0
    done, after = 0, -1
    while True:
        with node.records.write() as unit:
            items = unit.items.page(after=after, limit=_PAGE, person=None, evidence=None)
            for item in items:
                _index(node, unit, item)
            if len(items) < _PAGE:
                unit.items.put_index_form(normalization.VERSION)
        done += len(items)
        if len(items) < _PAGE:
            break
        after = items[-1].opened
    if done:
        _LOG.warning(
            (
                "the search index was made anew, so that numbers are found in every spelling; "
                "items: "
                "%d"
            ),
            done,
        )
    return done


def _index(node: Node, unit: UnitOfWork, item: ItemRow) -> None:
    """One item, with who has a part in it."""
    evidence = item.state.evidence
    item_tokens.index(node, unit, evidence)
    for row in unit.logs.events(evidence, void=True):
        try:
            event = documents.read_event(node, unit, row)
        except CustodyError:
            continue  # an audit tells what is wrong with it
        if event is not None and row.log == node.log_id:
            keys_with_events.note_share(node, unit, event, evidence, row.digest)
