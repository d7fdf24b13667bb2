"""Where items came from and what came from them: derived items, copies, parts."""

from __future__ import annotations

from typing import Final

from ledger.domain.errors import NotFoundError
from ledger.domain.records import LinkRow
from ledger.domain.unit import Unit
from ledger.services import access
from ledger.services.access import Caller
from ledger.services.node import Node

_LIMIT: Final = 500
_DEPTH: Final = 20


def around(node: Node, unit: Unit, caller: Caller, evidence: str) -> list[LinkRow]:
    """The links of an item's whole family, as far as the caller may see its members; at most 500.

    An item held elsewhere, such as the original of a copy, is shown by its opaque name where it stands beside a visible one.
    """
    found: dict[tuple[str, str, str], LinkRow] = {}
    known, edge = {evidence}, {evidence}
    for _ in range(_DEPTH):
        rows = unit.links(sorted(edge), _LIMIT)
        edge = set()
        for row in rows:
            if len(found) < _LIMIT and _sees_one(node, unit, caller, row):
                found[row.parent, row.child, row.kind] = row
                edge |= {row.parent, row.child} - known
        known |= edge
        if not edge:
            break
    return list(found.values())


def _sees_one(node: Node, unit: Unit, caller: Caller, row: LinkRow) -> bool:
    return any(_sees(node, unit, caller, one) for one in (row.parent, row.child))


def _sees(node: Node, unit: Unit, caller: Caller, evidence: str) -> bool:
    try:
        access.visible(node, unit, caller, evidence)
    except NotFoundError:
        return False
    return True
