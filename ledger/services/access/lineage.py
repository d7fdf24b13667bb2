"""Where items came from and what came from them: derived items, copies, parts."""

from __future__ import annotations

from typing import Final

from ledger.rows.handovers import LinkRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node

_LIMIT: Final = 500
_DEPTH: Final = 20


def around(node: Node, unit: UnitOfWork, caller: Caller, evidence: str) -> list[LinkRow]:
    """The links of an item's whole family, as far as the caller may see its members; at most 500.

    A link is a word of the younger item's own record: whoever sees that item sees the opaque name
    of the one that it came from, whether that is held elsewhere, hidden or here. Whoever sees the
    elder one alone learns nothing of what others made from it, or say that they did; and hundreds
    of such links leave the caller's own in their place, since the query itself filters.
    """
    person, recipient = authorization.seen_by(node, unit, caller)
    found: dict[tuple[str, str, str], LinkRow] = {}
    known, edge = {evidence}, {evidence}
    for _ in range(_DEPTH):
        rows = unit.copies.links(sorted(edge), _LIMIT, person=person, recipient=recipient)
        edge = set()
        for row in rows:
            if len(found) < _LIMIT and authorization.is_visible(node, unit, caller, row.child):
                found[row.parent, row.child, row.kind] = row
                edge |= {row.parent, row.child} - known
        known |= edge
        if not edge:
            break
    return list(found.values())
