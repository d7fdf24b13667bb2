"""What other agencies' logs proved of an item before it came to us, and which log sequenced which
of its events.
"""

from __future__ import annotations

from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle.bundle import Bundle
from ledger.domain.event.document import Event
from ledger.rows.handovers import LinkRow
from ledger.rows.logs import EntryRow
from ledger.rows.states import LinkKind
from ledger.rows.unit_of_work import UnitOfWork


def inherited(unit: UnitOfWork, evidence: str) -> Bundle | None:
    """The record that came with an item, without documents and proofs; None for one that began here
    and never left.
    """
    data = unit.transfers.inherited(evidence)
    return bundles.parse(data) if data is not None else None


def proven_times(unit: UnitOfWork, evidence: str) -> dict[bytes, int]:
    """By when the entries that came with an item were on the chain, as its record proved; seconds
    since 1970, by entry.
    """
    found = inherited(unit, evidence)
    proven = found.statements if found is not None else ()
    return {
        one.entry: found.checkpoints[one.first].time
        for one in proven
        if found is not None and one.first is not None
    }


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
