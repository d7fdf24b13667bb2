"""Which of many items somebody sees: an event may name a thousand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node

_AT_ONCE: Final = 500  # items that one query asks for


def listed_among(node: Node, unit: UnitOfWork, caller: Caller, evidence: Iterable[str]) -> set[str]:
    """Those of some items that stand in the caller's lists.

    Of the others each has to be asked for by itself: what is only on offer to somebody stands in no
    list of theirs.
    """
    asked = list(dict.fromkeys(evidence))
    found = set[str]()
    for start in range(0, len(asked), _AT_ONCE):
        part = asked[start : start + _AT_ONCE]
        rows = authorization.visible_items(node, unit, caller, limit=_AT_ONCE, among=part)
        found |= {row.evidence for row in rows}
    return found
