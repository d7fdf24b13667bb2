"""Log, entries, tiles, checkpoints and transactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, update

from ledger.adapters.database.columns import blob
from ledger.adapters.database.tables import ChainTransaction, Checkpoint, Entry, Log, Tile
from ledger.adapters.database.unit import Part
from ledger.domain.errors import ConflictError
from ledger.domain.ports.rows import CheckpointRow, EntryRow, LogRow, TransactionRow

_E: Any = Entry
_C: Any = Checkpoint


def _entry(row: Any) -> EntryRow:
    return EntryRow(**row._mapping)


def _checkpoint(row: Any) -> CheckpointRow:
    return CheckpointRow(**row._mapping)


class Logs(Part):
    """Logs of this agency: entries in order, and the hashes of their tree."""

    def get(self, log: bytes) -> LogRow | None:
        row = self._one(Log, log=log)
        return LogRow(**row._mapping) if row else None

    def put(self, row: LogRow) -> None:
        self._put(Log, ("log",), asdict(row))

    def add_entries(self, rows: Sequence[EntryRow]) -> None:
        self._add(Entry, *(asdict(row) for row in rows))

    def entry(self, log: bytes, index: int) -> EntryRow | None:
        row = self._one(Entry, log=log, index=index)
        return _entry(row) if row else None

    def entry_by_digest(self, digest: bytes) -> EntryRow | None:
        row = self._one(Entry, digest=digest)
        return _entry(row) if row else None

    def entries(self, log: bytes, start: int, end: int) -> list[EntryRow]:
        return [
            _entry(row)
            for row in self._rows(
                Entry, _E.log == log, _E.index >= start, _E.index < end, order=_E.index
            )
        ]

    def events(self, evidence: str, *, void: bool = False) -> list[EntryRow]:
        rows = [_entry(row) for row in self._find(Entry, order="seq", evidence=evidence)]
        return [row for row in rows if void or not row.void]

    def keep_entry(self, row: EntryRow) -> None:
        """Insert the entry of another log; the very same one changes nothing.

        Raises:
            ConflictError: another entry is known at its place, or it is known at another place.
        """
        known = self.entry(row.log, row.index) or self.entry_by_digest(row.digest)
        if known is None:
            self._add(Entry, asdict(row))
        elif (known.log, known.index, known.entry) != (row.log, row.index, row.entry):
            raise ConflictError(
                "another entry is known at that place of that log",
                hint="the log has two histories: tell its agency, and ours",
            )

    def void_entry(self, log: bytes, index: int) -> None:
        """Mark an entry as one that lost against another on chain."""
        self.flush(Entry)
        self._db.execute(update(Entry).where(_E.log == log, _E.index == index).values(void=True))

    def tile(self, log: bytes, level: int, index: int) -> bytes:
        row = self._one(Tile, log=log, level=level, index=index)
        return blob(row.data) if row else b""

    def put_tile(self, log: bytes, level: int, index: int, data: bytes) -> None:
        self._put(
            Tile,
            ("log", "level", "index"),
            {"log": log, "level": level, "index": index, "data": data},
        )


class Checkpoints(Part):
    """Checkpoints on their way to the chain, and the transactions that take them there."""

    def put(self, row: CheckpointRow) -> None:
        self._put(Checkpoint, ("log", "size"), asdict(row))

    def drop(self, log: bytes, size: int) -> None:
        self.flush(Checkpoint)
        self._db.execute(delete(Checkpoint).where(_C.log == log, _C.size == size))

    def page(self, log: bytes, *, after: int = 0, limit: int = 1000) -> list[CheckpointRow]:
        return [
            _checkpoint(row)
            for row in self._rows(
                Checkpoint, _C.log == log, _C.size > after, order=_C.size, limit=limit
            )
        ]

    def newest(self, log: bytes, states: Sequence[str]) -> CheckpointRow | None:
        rows = self._rows(
            Checkpoint, _C.log == log, _C.state.in_(states), order=_C.size.desc(), limit=1
        )
        return _checkpoint(rows[0]) if rows else None

    def covering(self, log: bytes, index: int) -> CheckpointRow | None:
        rows = self._rows(
            Checkpoint, _C.log == log, _C.prev <= index, _C.size > index, order=_C.size, limit=1
        )
        return _checkpoint(rows[0]) if rows else None

    def put_transaction(self, row: TransactionRow) -> None:
        self._put(ChainTransaction, ("hash",), asdict(row))

    def transaction(self, digest: bytes) -> TransactionRow | None:
        row = self._one(ChainTransaction, hash=digest)
        return TransactionRow(**row._mapping) if row else None
