"""The database of a home against the one that its log, documents, chain and signatures give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ledger.domain.audit.ports import ChainStory
from ledger.domain.audit.report import AuditReport
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.rows.table import TABLES
from ledger.rows.unit_of_work import Database, UnitOfWork
from ledger.services.audit import rebuilt_chain, rebuilt_items, rebuilt_people
from ledger.services.audit.chain_events import Progress
from ledger.services.audit.item_keys import ItemKeys
from ledger.services.audit.rebuilding import Rebuild, rebuild_log
from ledger.services.audit.row_comparison import Comparing
from ledger.services.audit.stored_items import ReconstructedItem
from ledger.services.audit.stored_timestamps import rebuild_timestamps
from ledger.services.node.context import Node

#: Called with each item as it should be.
Take = Callable[[ReconstructedItem], None]


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was compared: rows, items, documents, sealed keys and how many of them opened."""

    rows: int
    items: int
    documents: int
    grants: int
    opened: int


def check(
    node: Node,
    into: Database,
    state: ChainStory,
    report: AuditReport,
    keys: list[HpkePrivateKey],
    progress: Progress,
    take: Take,
) -> Counts:
    """Rebuild a home into an empty database, and compare the two table by table.

    Args:
        node: the home, read at one moment. state: what the chain tells, looked at after that
            moment. keys: HPKE keys at hand.

    Returns:
        how much was compared.
    """
    book = Rebuild(node, into, state, report)
    comparing = Comparing(node.records, into, report, book.reported)
    comparing.schema()
    with node.records.read() as unit:
        log = unit.logs.get(node.log_id)
        entries, items = log.size if log is not None else 0, unit.tables.count("item")
        total = sum(unit.tables.count(table) for table in TABLES)
    with book.guarded("log"):
        rebuild_log(book, progress("rebuilding the log", entries))
    with book.guarded("descriptor"):
        rebuilt_chain.rebuild_descriptors(book)
    with book.guarded("crl"):
        rebuilt_people.rebuild_lists(book)
    with book.guarded("certificate"):
        rebuilt_people.rebuild_certificates(book)
    with book.guarded("checkpoint"):
        rebuilt_chain.rebuild_checkpoints(book)
    with book.guarded("time_stamp"):
        rebuild_timestamps(book)
    known = ItemKeys(book, keys)

    def examine(into: UnitOfWork, item: ReconstructedItem) -> None:
        known.check(into, item)
        take(item)

    count, documents = 0, 0
    with book.guarded("item"):
        count, documents = rebuilt_items.rebuild_items(
            book, examine, progress("rebuilding items", items)
        )
    with book.guarded("person"):
        rebuilt_people.People(book).run()
    advance = progress("comparing rows", total)
    for table, row in TABLES.items():
        if table not in {"tile", "map_tile"} or book.whole:
            with book.guarded(table):
                comparing.table(table, row.key(), advance)
    return Counts(comparing.count, count, documents, known.count, known.opened)
