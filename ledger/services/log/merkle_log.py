"""The agency's log: appending entries, receipts, checkpoints, proofs, and the public C2SP files.

Everything here works within a unit of work of the caller, so that entries and tree change together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.domain.codecs.text import counted
from ledger.domain.errors import FrozenError, NotFoundError
from ledger.domain.log import merkle, tiles
from ledger.domain.log import receipt as receipts
from ledger.domain.log.merkle import NodeReader
from ledger.domain.log.receipt import Checkpoint, Receipt
from ledger.domain.log.statement import Statement
from ledger.domain.log.tiles import HEIGHT, WIDTH, TilePath
from ledger.rows.logs import EntryRow, LogRow
from ledger.rows.unit_of_work import UnitOfWork

FROZEN_HINT: Final = "stop the node, keep the home as it is, and run: custody doctor"


def entry_row(log: bytes, statement: Statement) -> EntryRow:
    """The row of a statement that is not sequenced yet."""
    claims = statement.claims
    return EntryRow(
        log, 0, statement.entry, statement.digest, claims.subject, claims.seq, claims.effect,
        claims.time,
        claims.issuer, statement.certificate, statement.payload,
    )  # fmt: skip


def reader(unit: UnitOfWork, log: bytes) -> NodeReader:
    """Reads nodes of the tree from stored tiles."""
    return tiles.node_reader(lambda level, index: unit.logs.tile(log, level, index))


def require_log(unit: UnitOfWork, log: bytes) -> LogRow:
    """The row of a log that may be written.

    Raises:
        FrozenError: the log contradicted itself earlier.
        NotFoundError: no such log.
    """
    row = unit.logs.get(log)
    if row is None:
        raise NotFoundError("this node keeps no such log")
    if row.frozen:
        raise FrozenError(f"the log is frozen: {row.frozen}", hint=FROZEN_HINT)
    return row


def append(unit: UnitOfWork, log: bytes, rows: Sequence[EntryRow]) -> list[EntryRow]:
    """Sequence entries and integrate them into the tree; returns them with their index."""
    state = require_log(unit, log)
    read = reader(unit, log)
    frontier = merkle.Frontier(
        state.size, [read(level, index) for level, index in merkle.subtrees(state.size)]
    )
    size = state.size + len(rows)
    numbered = [replace(row, index=state.size + number) for number, row in enumerate(rows)]
    changed: dict[tuple[int, int], bytearray] = {}
    for row in numbered:
        for level, index, value in frontier.append(row.digest):
            if level % HEIGHT:
                continue
            key = (level // HEIGHT, index // WIDTH)
            if key not in changed:
                changed[key] = bytearray(unit.logs.tile(log, *key)[: index % WIDTH * 32])
            changed[key] += value
    unit.logs.add_entries(numbered)
    for (level, index), data in changed.items():
        unit.logs.put_tile(log, level, index, bytes(data))
    unit.logs.put(replace(state, size=size))
    return numbered


def receipt(
    key: Ed25519PrivateKey, row: EntryRow, read: NodeReader, size: int | None = None
) -> Receipt:
    """The receipt of an entry at ``size`` leaves, by default in the tree that ends with it; the
    same bytes every time that the same log key signs it.

    Args:
        read: a reader of the entry's log, shared by the receipts of a batch.
    """
    size = row.index + 1 if size is None else size
    path = merkle.inclusion_proof(row.index, size, read)
    root = merkle.root_from_inclusion(row.digest, row.index, size, path)
    return receipts.issue(
        key,
        log_id=row.log,
        subject=row.evidence,
        size=size,
        index=row.index,
        path=path,
        root=root,
    )


def checkpoint(key: Ed25519PrivateKey, unit: UnitOfWork, log: bytes) -> Checkpoint:
    """A checkpoint over all integrated entries, signed with the log key."""
    state = require_log(unit, log)
    root = merkle.root_of(state.size, reader(unit, log))
    return receipts.sign_checkpoint(key, log_id=log, size=state.size, root=root)


def entries(unit: UnitOfWork, log: bytes, start: int, end: int) -> Iterator[EntryRow]:
    """Entries ``start`` to ``end``, without the last, a page at a time.

    Raises:
        FrozenError: some are missing.
    """
    for first in range(start, end, WIDTH):
        behind = min(first + WIDTH, end)
        rows = unit.logs.entries(log, first, behind)
        if [row.index for row in rows] != list(range(first, behind)):
            raise FrozenError(f"entries between {first} and {behind} are missing", hint=FROZEN_HINT)
        yield from rows


def derive_root(unit: UnitOfWork, log: bytes, *, prev: int, prev_root: bytes, size: int) -> bytes:
    """Derive the root at ``size`` again: from the entries since ``prev``, and from the tiles.

    Returns:
        the root that both give.

    Raises:
        FrozenError: entries, tiles and the last checkpoint do not agree.
    """
    read = reader(unit, log)
    if prev and merkle.root_of(prev, read) != prev_root:
        raise FrozenError(
            f"the tiles no longer give the root of the checkpoint of {counted(prev, 'entry')}",
            hint=FROZEN_HINT,
        )
    frontier = merkle.Frontier(prev, [read(level, index) for level, index in merkle.subtrees(prev)])
    for row in entries(unit, log, prev, size):
        frontier.append(merkle.leaf_hash(row.entry))
    root = frontier.root()
    if root != merkle.root_of(size, read):
        raise FrozenError("entries and tiles give different roots", hint=FROZEN_HINT)
    return root


def tile(unit: UnitOfWork, log: bytes, path: TilePath) -> bytes:
    """A tile or an entry bundle as a static file (C2SP tlog-tiles).

    Raises:
        NotFoundError: beyond the log, or a width that it does not have.
    """
    state = unit.logs.get(log)
    size = state.size if state is not None else 0
    first = path.index * WIDTH
    if path.level is None:
        if first + path.width > size:
            raise NotFoundError("no such entry bundle")
        return tiles.join_bundle(
            [row.entry for row in unit.logs.entries(log, first, first + path.width)]
        )
    if first + path.width > size >> (HEIGHT * path.level):
        raise NotFoundError("no such tile")
    return unit.logs.tile(log, path.level, path.index)[: 32 * path.width]
