"""What other agencies' logs proved of an item before it came to us, and which log sequenced which
of its events.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle.bundle import Bundle
from ledger.domain.event.document import Event
from ledger.rows.handovers import LinkRow
from ledger.rows.logs import CheckpointRow, EntryRow
from ledger.rows.states import LinkKind
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node

_RECORDS: Final = 8  # of which it is kept in memory when their entries were proven
_PROVEN: Final[OrderedDict[bytes, dict[bytes, int]]] = OrderedDict()
_MUTEX: Final = threading.Lock()


def inherited(unit: UnitOfWork, evidence: str) -> Bundle | None:
    """The record that came with an item, without documents and proofs; None for one that began here
    and never left.
    """
    data = unit.transfers.inherited(evidence)
    return bundles.parse(data) if data is not None else None


def proven_times(node: Node, unit: UnitOfWork, rows: Sequence[EntryRow]) -> list[int]:
    """By when entries of one item were on the chain, seconds since 1970; 0 for those that are not
    yet.
    """
    came: dict[bytes, int] | None = None
    times: list[int] = []
    first: CheckpointRow | None = None
    for row in rows:
        if first is None or first.log != row.log or not first.prev <= row.index < first.size:
            first = unit.checkpoints.covering(row.log, row.index)
        if first is None and row.log != node.log_id:
            if came is None:
                came = _proven_by_record(unit.transfers.inherited(row.evidence) or b"")
            times.append(came.get(sha256(row.entry).digest(), 0))
        else:
            times.append(first.time if first is not None else 0)
    return times


def _proven_by_record(data: bytes) -> dict[bytes, int]:
    """By when the entries that came with an item were on the chain, as its record proved, by the
    digest of the entry.

    Records of the last few items are not parsed again for each page of their events: they hold as
    many events as another agency has sent.
    """
    if not data:
        return {}
    digest = sha256(data).digest()
    with _MUTEX:
        known = _PROVEN.get(digest)
    if known is None:
        parsed = bundles.parse(data)
        known = {
            sha256(statement.entry).digest(): parsed.checkpoints[statement.first].time
            for statement in parsed.statements
            if statement.first is not None
        }
    with _MUTEX:
        _PROVEN[digest] = known
        _PROVEN.move_to_end(digest)
        if len(_PROVEN) > _RECORDS:
            _PROVEN.popitem(last=False)
    return known


def events_that_count(unit: UnitOfWork, evidence: str) -> list[EntryRow]:
    """The events of an item; an answer of ours that the contract has not taken yet is none."""
    pending = {
        row.outcome_digest for row in unit.transfers.of_item(evidence) if row.state == "concluding"
    }
    return [row for row in unit.logs.events(evidence) if row.digest not in pending]


def links_of(event: Event) -> list[LinkRow]:
    """Items that an opening event names as those that its own comes from; none for any other
    event.
    """
    body, evidence = event.body, str(event.value["evidence"])
    found: list[tuple[str, LinkKind]] = (
        [(parent, "derived") for parent in body.get("parents", [])]
        if event.type == "derived"
        else []
    )
    if event.type == "copied" and isinstance(body.get("source"), dict):
        found.append((body["source"]["evidence"], "copy"))
    if event.value["seq"] == 0 and "partOf" in body:
        found.append((body["partOf"], "part"))
    return [LinkRow(parent, evidence, kind) for parent, kind in found]
