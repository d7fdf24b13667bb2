"""What somebody recorded before: the opening of their own items, told without a recorded access.

They signed these records themselves, and prove by a mark that they know all of them but the content
(`ledger/domain/event/same_record.py`). Whoever recorded an item and gave it away, or another's
item, is told nothing here: what is left out of an upload must be in this agency's keeping, and is
left out on nobody else's word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ledger.domain.codecs.text import b64url
from ledger.rows.items import ItemRow
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import shown_documents
from ledger.services.access.authorization import Caller
from ledger.services.log import merkle_log
from ledger.services.node.context import Node
from ledger.services.records import documents, record_keys

#: Openings that are told of one mark: the same file recorded so many times on purpose.
_EACH: Final = 16


def openings(
    node: Node, unit: UnitOfWork, caller: Caller, marks: Sequence[str], items: Sequence[str]
) -> list[dict[str, Any]]:
    """The openings of the caller's own items with one of these marks, or of these names, whose
    content is kept here; each with the receipt of its entry.
    """
    tokens = [record_keys.mark_token(node, mark) for mark in dict.fromkeys(marks)]
    by_mark = unit.items.found_by(tokens, each=_EACH, person=caller.id)
    found = {item.state.evidence: item for token in tokens for item in by_mark.get(token, ())}
    found |= unit.items.named(list(items))
    rows = [
        row
        for evidence, item in found.items()
        if _is_kept(node, unit, caller, item)
        for row in unit.logs.events_at(evidence, 0)[:1]
        if row.log == node.log_id
    ]
    return [
        _shown(node, unit, row, event)
        for row, event in documents.read_events(node, unit, rows)
        if event is not None
    ]


def _is_kept(node: Node, unit: UnitOfWork, caller: Caller, item: ItemRow) -> bool:
    """Whether the caller recorded an item here, and this node still keeps its content."""
    state = item.state
    if item.opener != caller.id or state.closed or state.custodian != node.agency:
        return False
    if item.cid is None or unit.erasures.get(state.evidence) is not None:
        return False
    pinned = any(row.state == "pinned" for row in unit.replicas.of_item(state.evidence))
    return pinned or not node.blocks.missing([item.cid])


def _shown(node: Node, unit: UnitOfWork, row: EntryRow, event: Any) -> dict[str, Any]:
    certificate = unit.people.certificate(row.certificate)
    receipt = merkle_log.receipt(node.log_key(unit), row, merkle_log.reader(unit, node.log_id))
    return {
        "evidence": row.evidence,
        "opening": shown_documents.shown(row.seq, row.digest, event, row.entry, certificate),
        "receipt": b64url(receipt.encode()),
    }
