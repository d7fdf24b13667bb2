"""Logs of this agency and of others, their checkpoints, and the transactions that take those to the
chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

from sqlalchemy import Index
from sqlmodel import Field

from ledger.rows.states import CheckpointState
from ledger.rows.table import WORD, Big, BigKey, BytesKey, NumberKey, Row, table


@table("log")
@dataclass(frozen=True, slots=True)
class LogRow(Row):
    """A log of the agency; ``frozen`` says why nothing more is signed, empty while all is well."""

    log: BytesKey
    agency: str
    number: int
    size: Big
    frozen: str = ""


@table("entry", Index("entry_item", "evidence", "seq"))
@dataclass(frozen=True, slots=True)
class EntryRow(Row):
    """A sequenced entry, with what lists and joins need in clear. ``index`` counts leaves of its
    log.
    """

    log: BytesKey
    index: BigKey
    entry: bytes
    digest: Annotated[bytes, Field(unique=True)]
    evidence: str
    seq: int
    effect: str
    time: Big
    agency: str
    certificate: bytes
    payload: bytes
    #: An outcome of a handover that lost against another one on chain.
    void: bool = False


@table("tile")
@dataclass(frozen=True, slots=True)
class TileRow(Row):
    """Up to 256 hashes of one level of a log's tree."""

    log: BytesKey
    level: NumberKey
    index: BigKey
    data: bytes


@table("map_tile", Index("map_tile_version", "log", "size"))
@dataclass(frozen=True, slots=True)
class MapTileRow(Row):
    """A tile of a log's item map as it was at a checkpoint of this ``size`` or later, until there
    is one of a larger size. Kept from the last final checkpoint on.
    """

    log: BytesKey
    prefix: BytesKey
    size: BigKey
    data: bytes


@table("checkpoint")
@dataclass(frozen=True, slots=True)
class CheckpointRow(Row):
    """A checkpoint on its way to the chain; ``state`` is one of submitted, anchored, final."""

    log: BytesKey
    prev: Big
    size: BigKey
    root: bytes
    note: bytes
    state: Annotated[CheckpointState, WORD]
    transaction: bytes
    version: int = 0
    time: Big = 0
    block: Big = 0
    gas: int = 0
    map_root: bytes = b""


@table("chain_transaction")
@dataclass(frozen=True, slots=True)
class TransactionRow(Row):
    """A transaction as recorded before it was sent: repeating it sends the same bytes."""

    hash: BytesKey
    kind: str
    nonce: int
    raw: bytes


class LogsRepository(Protocol):
    """Logs of this agency: entries in order, and the hashes of their tree."""

    def get(self, log: bytes) -> LogRow | None:
        """A log by its id."""
        ...

    def put(self, row: LogRow) -> None:
        """Write how far a log is."""
        ...

    def add_entries(self, rows: Sequence[EntryRow]) -> None:
        """Append entries; an index that is taken is a ConflictError."""
        ...

    def entry(self, log: bytes, index: int) -> EntryRow | None:
        """The entry at an index."""
        ...

    def entry_by_digest(self, digest: bytes) -> EntryRow | None:
        """The entry of a statement, by its digest."""
        ...

    def entries(self, log: bytes, start: int, end: int) -> list[EntryRow]:
        """Entries ``start`` to ``end`` in order."""
        ...

    def events(
        self, evidence: str, *, void: bool = False, after: int = -1, limit: int | None = None
    ) -> list[EntryRow]:
        """Entries about an item behind a seq, in order; with ``void`` those too that lost a race on
        chain.
        """
        ...

    def events_at(self, evidence: str, seq: int, *, void: bool = False) -> list[EntryRow]:
        """Entries at one seq of an item; with ``void`` those too that lost a race on chain."""
        ...

    def openings(self, evidence: Sequence[str]) -> dict[str, EntryRow]:
        """The entries that opened these items, in one query."""
        ...

    def keep_entry(self, row: EntryRow) -> None:
        """Insert the entry of another log; the very same one changes nothing.

        Raises:
            ConflictError: another entry is known at its place, or it is known at another place.
        """
        ...

    def void_entry(self, log: bytes, index: int) -> None:
        """Mark an entry as one that lost against another on chain."""
        ...

    def tile(self, log: bytes, level: int, index: int) -> bytes:
        """Hashes of a tile; empty where there is none."""
        ...

    def put_tile(self, log: bytes, level: int, index: int, data: bytes) -> None:
        """Write a tile."""
        ...

    def map_size(self, log: bytes, size: int) -> int:
        """The newest size, not above this one, of which the item map is kept; 0 for none."""
        ...

    def map_tiles(self, log: bytes, prefixes: Sequence[bytes], size: int) -> dict[bytes, bytes]:
        """Tiles of the item map as they were at a size, by their prefixes; those that there are."""
        ...

    def put_map_tiles(self, log: bytes, size: int, tiles: Mapping[bytes, bytes]) -> None:
        """Write the tiles that a checkpoint of this size changed."""
        ...

    def drop_map(self, log: bytes, size: int) -> None:
        """Remove what a checkpoint of this size changed, which never reached the chain."""
        ...

    def settle_map(self, log: bytes, size: int) -> None:
        """Remove tiles that those of this size replaced."""
        ...


class CheckpointsRepository(Protocol):
    """Checkpoints on their way to the chain, and the transactions that take them there."""

    def put(self, row: CheckpointRow) -> None:
        """Write a checkpoint."""
        ...

    def drop(self, log: bytes, size: int) -> None:
        """Remove a checkpoint that never reached the chain."""
        ...

    def page(self, log: bytes, *, after: int = 0, limit: int = 1000) -> list[CheckpointRow]:
        """Checkpoints beyond a size, in order."""
        ...

    def newest(self, log: bytes, states: Sequence[str]) -> CheckpointRow | None:
        """The newest checkpoint in one of these states."""
        ...

    def covering(self, log: bytes, index: int) -> CheckpointRow | None:
        """The first checkpoint that covers an entry."""
        ...

    def put_transaction(self, row: TransactionRow) -> None:
        """Keep a transaction before it is sent."""
        ...

    def transaction(self, digest: bytes) -> TransactionRow | None:
        """A transaction by its hash."""
        ...
