"""Log, entries, tiles, checkpoints and transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import bindparam, select, update

from ledger.adapters.database.unit import Part, blob
from ledger.domain.errors import ConflictError
from ledger.rows.logs import (
    CheckpointRow,
    EntryRow,
    LogRow,
    MapTileRow,
    TileRow,
    TransactionRow,
)

_E = EntryRow.__table__.c
_C = CheckpointRow.__table__.c
_M = MapTileRow.__table__.c
_NEWEST: Final = (
    select(MapTileRow.__table__)
    .where(
        _M.log == bindparam("log"), _M.prefix == bindparam("prefix"), _M.size <= bindparam("size")
    )
    .order_by(_M.size.desc())
    .limit(1)
)
_BATCH: Final = 500  # well below the parameters that a statement may have
_VALID = _E.void.is_(False)


class Logs(Part):
    """Logs of this agency: entries in order, and the hashes of their tree."""

    def get(self, log: bytes) -> LogRow | None:
        return self._one(LogRow, log=log)

    def put(self, row: LogRow) -> None:
        self._put(row)

    def add_entries(self, rows: Sequence[EntryRow]) -> None:
        self._add(*rows)

    def entry(self, log: bytes, index: int) -> EntryRow | None:
        return self._one(EntryRow, log=log, index=index)

    def entry_by_digest(self, digest: bytes) -> EntryRow | None:
        return self._one(EntryRow, digest=digest)

    def entries(self, log: bytes, start: int, end: int) -> list[EntryRow]:
        within = (_E.index >= start, _E.index < end)
        return self._rows(EntryRow, _E.log == log, *within, order=_E.index)

    def events(
        self, evidence: str, *, void: bool = False, after: int = -1, limit: int | None = None
    ) -> list[EntryRow]:
        mine = [_E.evidence == evidence, _E.seq > after, *(() if void else (_VALID,))]
        return self._rows(EntryRow, *mine, order=_E.seq, limit=limit)

    def events_at(self, evidence: str, seq: int, *, void: bool = False) -> list[EntryRow]:
        rows = self._find(EntryRow, evidence=evidence, seq=seq)
        return [row for row in rows if void or not row.void]

    def openings(self, evidence: Sequence[str]) -> dict[str, EntryRow]:
        first = (_E.evidence.in_(evidence), _E.seq == 0, _E.effect == "open", _VALID)
        rows = self._rows(EntryRow, *first, order=_E.index.desc())
        return {row.evidence: row for row in rows}

    def keep_entry(self, row: EntryRow) -> None:
        known = self.entry(row.log, row.index) or self.entry_by_digest(row.digest)
        if known is None:
            self._add(row)
        elif (known.log, known.index, known.entry) != (row.log, row.index, row.entry):
            raise ConflictError(
                "another entry is known at that place of that log",
                hint="the log has two histories: tell its agency, and ours",
            )

    def void_entry(self, log: bytes, index: int) -> None:
        self.flush(EntryRow)
        lost = update(EntryRow.__table__).where(_E.log == log, _E.index == index)
        self._db.execute(lost.values(void=True))

    def tile(self, log: bytes, level: int, index: int) -> bytes:
        row = self._one(TileRow, log=log, level=level, index=index)
        return blob(row.data) if row else b""

    def put_tile(self, log: bytes, level: int, index: int, data: bytes) -> None:
        self._put(TileRow(log, level, index, data))

    def map_size(self, log: bytes, size: int) -> int:
        row = self._map_tile(log, b"", size)
        return row.size if row else 0

    def _map_tile(self, log: bytes, prefix: bytes, size: int) -> MapTileRow | None:
        self.flush(MapTileRow)
        rows = self._read(MapTileRow, _NEWEST, {"log": log, "prefix": prefix, "size": size})
        return rows[0] if rows else None

    def map_tiles(self, log: bytes, prefixes: Sequence[bytes], size: int) -> dict[bytes, bytes]:
        if len(prefixes) == 1:  # as a proof reads them
            row = self._map_tile(log, prefixes[0], size)
            return {row.prefix: blob(row.data)} if row else {}
        tiles = {}
        for start in range(0, len(prefixes), _BATCH):
            among = _M.prefix.in_(prefixes[start : start + _BATCH])
            # The newest one comes last: at most two are kept of a prefix.
            for row in self._rows(
                MapTileRow, _M.log == log, among, _M.size <= size, order=(_M.prefix, _M.size)
            ):
                tiles[row.prefix] = blob(row.data)
        return tiles

    def put_map_tiles(self, log: bytes, size: int, tiles: Mapping[bytes, bytes]) -> None:
        self._put(*(MapTileRow(log, prefix, size, data) for prefix, data in tiles.items()))

    def drop_map(self, log: bytes, size: int) -> None:
        self._drop(MapTileRow, _M.log == log, _M.size == size)

    def settle_map(self, log: bytes, size: int) -> None:
        newer = MapTileRow.__table__.alias().c
        replaced = select(newer.prefix).where(newer.log == log, newer.size == size)
        self._drop(MapTileRow, _M.log == log, _M.prefix.in_(replaced), _M.size < size)


class Checkpoints(Part):
    """Checkpoints on their way to the chain, and the transactions that take them there."""

    def put(self, row: CheckpointRow) -> None:
        self._put(row)

    def drop(self, log: bytes, size: int) -> None:
        self._drop(CheckpointRow, _C.log == log, _C.size == size)

    def page(self, log: bytes, *, after: int = 0, limit: int = 1000) -> list[CheckpointRow]:
        return self._rows(CheckpointRow, _C.log == log, _C.size > after, order=_C.size, limit=limit)

    def newest(self, log: bytes, states: Sequence[str]) -> CheckpointRow | None:
        rows = self._rows(
            CheckpointRow, _C.log == log, _C.state.in_(states), order=_C.size.desc(), limit=1
        )
        return rows[0] if rows else None

    def covering(self, log: bytes, index: int) -> CheckpointRow | None:
        over = (_C.prev <= index, _C.size > index)
        rows = self._rows(CheckpointRow, _C.log == log, *over, order=_C.size, limit=1)
        return rows[0] if rows else None

    def put_transaction(self, row: TransactionRow) -> None:
        self._put(row)

    def transaction(self, digest: bytes) -> TransactionRow | None:
        return self._one(TransactionRow, hash=digest)
