"""Items' histories as their documents tell them.

A long one takes a while to open: registration reads it before the transaction that appends, in
which nobody else can write, and completes it there by what was recorded in between.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.domain.event.document import Event
from ledger.domain.identity.person import PersonId
from ledger.domain.item.item_history import ItemHistory
from ledger.domain.item.recorded_event import RecordedEvent
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access.service_numbers import Persons
from ledger.services.node.context import Node
from ledger.services.records import documents


def recorded_event(persons: Persons, digest: bytes, event: Event) -> RecordedEvent:
    """An event with who stands behind its actor: somebody enrolled twice is one person still."""
    actor = event.value["actor"]
    return RecordedEvent(digest, event, persons.behind(PersonId(actor["agency"], actor["id"])))


def life_of(
    node: Node, unit: UnitOfWork, events: Iterable[tuple[EntryRow, Event | None]]
) -> ItemHistory:
    """An item's life, as its events tell it; those whose documents were destroyed tell nothing."""
    life, persons = ItemHistory(), Persons(node, unit)
    for row, event in events:
        if event is not None:
            life.take(recorded_event(persons, row.digest, event))
    return life


@dataclass(slots=True)
class _Read:
    """A history, and the entry up to which it was read; None before the first one."""

    life: ItemHistory
    last: EntryRow | None = None


class Histories:
    """Histories of the items of one request, each read once.

    They may be asked for in several transactions: each time what was recorded since is read.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._read: dict[str, _Read] = {}

    def of(self, unit: UnitOfWork, evidence: str) -> ItemHistory:
        """An item's life up to the last entry that this transaction sees, as far as its documents
        still open. Whoever asks takes later events into account in it, and asks no more.
        """
        read = self._read.get(evidence)
        if read is None or self._is_lost(unit, read):
            read = self._read[evidence] = _Read(ItemHistory())
        rows = unit.logs.events(evidence, after=read.last.seq if read.last is not None else -1)
        persons = Persons(self._node, unit)
        for row, event in documents.read_events(self._node, unit, rows):
            if event is not None:
                read.life.take(recorded_event(persons, row.digest, event))
            read.last = row
        return read.life

    @staticmethod
    def _is_lost(unit: UnitOfWork, read: _Read) -> bool:
        """Whether the last entry lost against another one on chain meanwhile: others stand before
        it, and are never void any more.
        """
        if read.last is None:
            return False
        now = unit.logs.entry_by_digest(read.last.digest)
        return now is None or now.void
