"""Items as their rows stand in the home, each read once, and their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ledger.domain.codecs.text import require
from ledger.domain.crypto.content_encryption import Content
from ledger.domain.event.case_types import subject_of
from ledger.domain.event.document import Event
from ledger.domain.identity.certificate import Certificate
from ledger.domain.item.item_history import ItemHistory
from ledger.domain.log.statement import Statement
from ledger.rows.handovers import ErasureRow, TransferStepRow
from ledger.rows.items import ItemRow
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.audit.rebuilding import Rebuild

_PAGE: Final = 100


@dataclass
class ReconstructedItem:
    """An item as it should be: its events with their documents, its content, its history, and
    sealed content keys.

    ``sequenced``: what our own log has of it, also what counts no more; None in the place of an
    event that cannot be read.
    """

    item: ItemRow
    rows: list[EntryRow]
    events: dict[bytes, Event]
    content: Content | None
    history: ItemHistory
    erasure: ErasureRow | None
    grants: list[dict[str, Any]]
    sequenced: list[Event | None]

    @property
    def erased(self) -> bool:
        """Whether its keys were destroyed here."""
        return self.erasure is not None and self.erasure.state != "due"

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Its sealed content keys."""
        return tuple(row["data"] for row in self.grants if row["scope"] == "content")


@dataclass(frozen=True, slots=True)
class StoredItem:
    """A statement of our log with what belongs to it (see sequencing.Sequenced)."""

    statement: Statement
    certificate: Certificate
    event: Event | None
    content: Content | None


def names(book: Rebuild) -> Iterator[list[str]]:
    """Items of our log, then those that are only on offer to us."""
    after = ""
    while True:
        with book.into.read() as into:
            page = into.tables.distinct("entry", "evidence", after, _PAGE)
        if not page:
            break
        yield [name for name in page if subject_of(name) != "agency"]
        after = page[-1]
    after = ""
    while True:
        with book.node.records.read() as unit, book.into.read() as into:
            page = unit.tables.distinct("inherited", "evidence", after, _PAGE)
            known = into.items.named(page)
        if not page:
            return
        yield [name for name in page if name not in known]
        after = page[-1]


class StoredItems:
    """What the home says of some items, read for all of them at once."""

    def __init__(self, unit: UnitOfWork, names: list[str]) -> None:
        self.items = unit.items.named(names)
        self.erasures = {
            row["evidence"]: ErasureRow(**row)
            for row in unit.tables.rows_among("erasure", "evidence", names)
        }
        self.grants: dict[str, list[dict[str, Any]]] = {}
        for row in unit.tables.rows_among("grant", "evidence", names):
            self.grants.setdefault(row["evidence"], []).append(row)
        self.transfer_steps: dict[str, dict[int, TransferStepRow]] = {}
        for row in unit.tables.rows_among("crossing", "evidence", names):
            self.transfer_steps.setdefault(row["evidence"], {})[row["number"]] = TransferStepRow(
                **row
            )


def place_of(item: ItemRow | None, otherwise: int) -> int:
    """Where an item of another agency stands in lists, which nothing else tells.

    Args:
        otherwise: the place of one that is not known.

    Raises:
        FormatError: nowhere. Lists begin at 0, and it would be in none.
    """
    place = item.opened if item is not None else otherwise
    require(type(place) is int and place >= 0, "the place of an item in lists is none")
    return place
