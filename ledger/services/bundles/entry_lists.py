"""Lists of what logs hold about an item, for its bundle: our own log's by our item map, and those
that came with the item from agencies that held it before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ledger.domain.bundle.bundle import Bundle, BundledStatement, EntryList, LogRef
from ledger.domain.log import item_map
from ledger.domain.log import statement as statements
from ledger.domain.verify import shown_branch
from ledger.rows.logs import CheckpointRow, EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.log import stored_map


def own_entries(unit: UnitOfWork, evidence: str, newest: CheckpointRow) -> list[EntryRow]:
    """All entries of our log about an item that a checkpoint covers, those that count for nothing
    too.
    """
    rows = unit.logs.events(evidence, void=True)
    return [row for row in rows if row.log == newest.log and row.index < newest.size]


def own_list(unit: UnitOfWork, evidence: str, newest: CheckpointRow) -> EntryList:
    """The proof of them, all shown; the checkpoint is numbered by whoever puts it into a bundle."""
    proof, _ = stored_map.prove(unit, newest.log, newest.size, newest.map_root, evidence)
    return EntryList(0, item_map.EMPTY, (), proof.encode())


def inherited_lists(given: Bundle, own: LogRef) -> Iterator[tuple[LogRef, int, EntryList]]:
    """Lists of other agencies' logs that came with an item: log, size and list."""
    for row in given.lists:
        checkpoint = given.checkpoints[row.checkpoint]
        if given.logs[checkpoint.log] != own:
            yield given.logs[checkpoint.log], checkpoint.size, row


def beside(given: Bundle) -> Iterator[BundledStatement]:
    """What came with an item and is not on its branch: lists of it name what they show."""
    parsed = [statements.parse_entry(row.entry) for row in given.statements]
    yield from given.statements[shown_branch.length(parsed) :]


def numbered(
    lists: dict[LogRef, tuple[int, EntryList]], numbers: dict[tuple[LogRef, int], int]
) -> tuple[EntryList, ...]:
    """The lists with the numbers that their checkpoints have in a bundle, in that order."""
    rows = (replace(row, checkpoint=numbers[log, size]) for log, (size, row) in lists.items())
    return tuple(sorted(rows, key=lambda row: row.checkpoint))
