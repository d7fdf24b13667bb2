"""Where each block lies in the packs: a SQLite file that is only a cache of what the packs say.

- `added` says when a block came or was last asked for: what is young is never collected
- a pack is `doomed` in the same transaction that takes its last block elsewhere; its file goes
  afterwards, again after a crash
- a pack that was `compacted` stays known with its size: of a pack that is gone nobody else could
  tell whether its bytes are accounted for, or were lost
- a copy of a block is `dead` when the block was given up, or is read elsewhere by now; it stays
  known until its pack goes: bytes of a pack that are neither alive nor dead were lost by this
  cache, and are looked for in the pack
- a pack is `cut` that lost its end: what is left of it is written again elsewhere
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from ledger.adapters import files
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import MAX_BLOCK

INDEX: Final = "index.sqlite"
_TOUCH: Final = 3600  # seconds; a younger `added` is not written anew
_PAGE: Final = 1000
#: Remember places as dead; a condition that chooses them is appended.
_BURY: Final = "INSERT OR IGNORE INTO dead SELECT pack, at, size FROM place"
#: Bytes of a block with its frame: length of both, CID, data (CARv1).
_FRAME: Final = (
    f"size + {cids.SIZE} + CASE WHEN size < {128 - cids.SIZE} THEN 1 "
    f"WHEN size < {16384 - cids.SIZE} THEN 2 WHEN size < {2097152 - cids.SIZE} THEN 3 ELSE 4 END"
)
DEAD: Final = f"SELECT coalesce(sum({_FRAME}), 0) FROM dead WHERE pack = ?1"  # noqa: S608
USED: Final = (
    f"SELECT coalesce(sum({_FRAME}), 0), coalesce(sum(size), 0) FROM place WHERE pack = ?1"  # noqa: S608
)
BURIED: Final = "SELECT pack, at FROM dead"
#: Not in a pack whose file may be gone at any moment.
BURIED_OF: Final = (
    "SELECT pack, at FROM dead WHERE size = ? "
    "AND pack NOT IN (SELECT number FROM packs WHERE doomed)"
)
INDEXED: Final = "SELECT number, indexed FROM packs WHERE NOT doomed"
COMPACTED: Final = "SELECT number, size FROM compacted"
PLACE: Final = "SELECT cid, pack, at, size FROM place WHERE cid = ?"


@dataclass(frozen=True, slots=True)
class Place:
    """A block: pack number, offset of its bytes, their number."""

    cid: bytes
    pack: int
    at: int
    size: int


def require_index(directory: Path) -> None:
    """Refuse what lies in the place of an index and is no file: a pipe would be waited for.

    Raises:
        StorageError: it is none.
    """
    hint = "move it away: the index is built again from the packs"
    files.require_plain(directory / INDEX, hint=hint)


class DamagedIndexError(sqlite3.DatabaseError):
    """The index holds values that no program of ours writes."""

    sqlite_errorcode = sqlite3.SQLITE_MISMATCH


def _place(row: tuple[object, ...]) -> Place:
    match row:
        case bytes(cid), int(pack), int(at), int(size) if 0 <= size <= MAX_BLOCK and at > 0:
            return Place(cid, pack, at, size)
    raise DamagedIndexError("a place that can be no block's")


class PackIndex:
    """The index in ``directory``. One thread at a time: the store's lock guards it."""

    def __init__(self, directory: Path) -> None:
        files.private_file(directory / INDEX)
        self._db = sqlite3.connect(
            directory / INDEX, isolation_level=None, check_same_thread=False, timeout=10
        )
        try:
            self._prepare()
        except BaseException:
            # It would remove what SQLite keeps beside the index that comes after it.
            self._db.close()
            raise

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS place (cid BLOB PRIMARY KEY, pack INTEGER NOT NULL, at "
            "INTEGER NOT NULL, size INTEGER NOT NULL, added INTEGER NOT NULL) WITHOUT ROWID"
        )
        self._db.execute("CREATE INDEX IF NOT EXISTS place_pack ON place (pack, at)")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS dead (pack INTEGER, at INTEGER, size INTEGER NOT NULL, "
            "PRIMARY KEY (pack, at)) WITHOUT ROWID"
        )
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS packs (number INTEGER PRIMARY KEY, indexed INTEGER NOT "
            "NULL, doomed INTEGER NOT NULL)"
        )
        self._db.execute("CREATE TABLE IF NOT EXISTS cut (number INTEGER PRIMARY KEY)")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS compacted (number INTEGER PRIMARY KEY, size INTEGER NOT "
            "NULL)"
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def is_sound(self) -> bool:
        """Whether the index contradicts itself nowhere: a second or two for a million blocks."""
        try:
            [said] = self._db.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError:
            return False
        return bool(said == "ok")

    def indexed(self) -> dict[int, int]:
        """How far each pack is indexed, in bytes."""
        return dict(self._db.execute(INDEXED))

    def settle(self, ends: Mapping[int, int]) -> None:
        """Forget blocks that cannot be there: in packs that are gone, or behind the end of one.

        Readers would be sent there. A copy elsewhere may be remembered as dead because of such a
        block: then all packs with dead copies are indexed again. An earlier pack may have been
        compacted into what was lost: its bytes are not said to be accounted for any more.

        Args:
            ends: how long each pack is that is there.

        Raises:
            DamagedIndexError: a place that was never written down so.
        """
        indexed = dict(self._db.execute("SELECT number, indexed FROM packs"))
        reached = dict(self._db.execute("SELECT pack, max(at + size) FROM place GROUP BY pack"))
        if any(end > indexed.get(number, 0) for number, end in reached.items()):
            raise DamagedIndexError("a block behind the end of what is indexed of its pack")
        lost = 0
        with self._transaction():
            for number in indexed:
                gone = (number, ends.get(number, 0))
                found = self._db.execute("DELETE FROM place WHERE pack = ? AND at + size > ?", gone)
                lost += found.rowcount
                self._db.execute("DELETE FROM dead WHERE pack = ? AND at + size > ?", gone)
                cut = self._db.execute(
                    "UPDATE packs SET indexed = ?2 WHERE number = ?1 AND indexed > ?2", gone
                )
                if number not in ends or cut.rowcount:
                    self._db.execute("DELETE FROM compacted WHERE number < ?", (number,))
                if number not in ends:
                    self._db.execute("DELETE FROM packs WHERE number = ?", (number,))
                elif cut.rowcount:
                    self._db.execute("INSERT OR IGNORE INTO cut VALUES (?)", (number,))
            if lost:  # another copy of them may have been called dead
                self._db.execute(
                    "UPDATE packs SET indexed = 0 WHERE number IN (SELECT pack FROM dead)"
                )
                self._db.execute("DELETE FROM dead")

    def is_cut(self, number: int) -> bool:
        """Whether a pack lost its end: what is left of it is written again elsewhere."""
        query = "SELECT 1 FROM cut WHERE number = ?"
        return self._db.execute(query, (number,)).fetchone() is not None

    def sync(self) -> None:
        """Make what was written durable: a pack must not go before the index that says so."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def remember(self, places: Sequence[Place], number: int, end: int, *, now: int) -> None:
        """Blocks lie in pack ``number``, which now ends at ``end``; one known elsewhere stays
        there, one that was given up at this place stays dead.
        """
        rows = [(place.cid, place.pack, place.at, place.size, now) for place in places]
        with self._transaction():
            self._db.executemany(
                "INSERT OR IGNORE INTO place SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS "
                "(SELECT 1 FROM dead WHERE pack = ?2 AND at = ?3)",
                rows,
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO dead SELECT ?2, ?3, ?4 WHERE NOT EXISTS "
                "(SELECT 1 FROM place WHERE cid = ?1 AND pack = ?2 AND at = ?3)",
                [row[:-1] for row in rows],
            )
            self._indexed(number, end)

    def move(self, places: Sequence[Place], number: int, end: int) -> None:
        """Blocks were written again to pack ``number``: read them there from now on."""
        with self._transaction():
            self._point_to(places)
            self._indexed(number, end)

    def take_over(self, place: Place) -> None:
        """A copy that lay dead is the one to read from now on: the other one is damaged."""
        with self._transaction():
            self._point_to([place])
            self._db.execute("DELETE FROM dead WHERE pack = ? AND at = ?", (place.pack, place.at))

    def _point_to(self, places: Sequence[Place]) -> None:
        """Read these blocks here from now on; the copies where they were read before are dead."""
        self._db.executemany(f"{_BURY} WHERE cid = ?", [(place.cid,) for place in places])
        self._db.executemany(
            "UPDATE place SET pack = ?, at = ? WHERE cid = ?",
            [(place.pack, place.at, place.cid) for place in places],
        )

    def _indexed(self, number: int, end: int) -> None:
        statement = (
            "INSERT INTO packs VALUES (?, ?, 0) ON CONFLICT (number) DO UPDATE SET "
            "indexed = excluded.indexed"
        )
        self._db.execute(statement, (number, end))

    def find(self, cid: bytes) -> Place | None:
        """Where a block lies."""
        row = self._db.execute(PLACE, (cid,)).fetchone()
        return None if row is None else _place(row)

    def missing(self, wanted: Sequence[bytes], *, now: int) -> list[bytes]:
        """Those that are not here; the others count as young from now on, since somebody is about
        to rely on them.
        """
        query = "SELECT added FROM place WHERE cid = ?"
        added = {cid: self._db.execute(query, (cid,)).fetchone() for cid in wanted}
        old = [
            (now, cid) for cid, row in added.items() if row is not None and row[0] < now - _TOUCH
        ]
        if old:
            with self._transaction():
                self._db.executemany("UPDATE place SET added = ? WHERE cid = ?", old)
        return [cid for cid in wanted if added[cid] is None]

    def cids(self, after: bytes) -> list[bytes]:
        """A page of CIDs."""
        return [
            bytes(row[0])
            for row in self._db.execute(
                "SELECT cid FROM place WHERE cid > ? ORDER BY cid LIMIT ?", (after, _PAGE)
            )
        ]

    def size(self) -> int:
        """Bytes of all blocks."""
        return int(self._db.execute("SELECT coalesce(sum(size), 0) FROM place").fetchone()[0])

    def mark(self, live: Iterable[bytes]) -> None:
        """Mark these blocks and no others, for ``sweep`` or ``forget_marked``, in a table on disk:
        they may be many millions.
        """
        self._db.execute(
            "CREATE TEMP TABLE IF NOT EXISTS live (cid BLOB PRIMARY KEY) WITHOUT ROWID"
        )
        self._db.execute("DELETE FROM live")
        source = iter(live)
        while page := [(cid,) for cid in islice(source, _PAGE)]:
            self._db.executemany("INSERT OR IGNORE INTO live VALUES (?)", page)

    def unmark(self, spared: Iterable[bytes]) -> None:
        """Take marks away again."""
        source = iter(spared)
        while page := [(cid,) for cid in islice(source, _PAGE)]:
            self._db.executemany("DELETE FROM live WHERE cid = ?", page)

    def is_marked(self, cid: bytes) -> bool:
        """Whether a block is marked."""
        return self._db.execute("SELECT 1 FROM live WHERE cid = ?", (cid,)).fetchone() is not None

    def has_others(self) -> bool:
        """Whether there is any block that is not marked, or anything dead."""
        others = "place WHERE NOT EXISTS (SELECT 1 FROM live WHERE live.cid = place.cid)"
        query = f"SELECT EXISTS (SELECT 1 FROM {others}) OR EXISTS (SELECT 1 FROM dead)"  # noqa: S608
        return bool(self._db.execute(query).fetchone()[0])

    def sweep(self, before: int, *, dry: bool) -> tuple[int, int]:
        """Forget blocks that are not marked and older than ``before``; (blocks, bytes)."""
        unmarked = "added < ? AND NOT EXISTS (SELECT 1 FROM live WHERE live.cid = place.cid)"
        return self._give_up(unmarked, before, dry=dry)

    def forget_marked(self) -> tuple[int, int]:
        """Forget blocks that are marked, however young; (blocks, bytes)."""
        return self._give_up("EXISTS (SELECT 1 FROM live WHERE live.cid = place.cid)")

    def _give_up(self, which: str, *values: int, dry: bool = False) -> tuple[int, int]:
        """Bury the places that a condition chooses; how many, and their bytes."""
        with self._transaction():
            count, size = self._db.execute(
                f"SELECT count(*), coalesce(sum(size), 0) FROM place WHERE {which}",  # noqa: S608
                values,
            ).fetchone()
            if count and not dry:
                self._db.execute(f"{_BURY} WHERE {which}", values)
                self._db.execute(f"DELETE FROM place WHERE {which}", values)  # noqa: S608
        return int(count), int(size)

    def used(self, number: int) -> tuple[int, int]:
        """Bytes of a pack that are still needed, with their frames and without."""
        row = self._db.execute(USED, (number,)).fetchone()
        return int(row[0]), int(row[1])

    def accounted(self, number: int) -> int:
        """Bytes of a pack that are known, alive or dead, with their frames."""
        return self.used(number)[0] + self.dead(number)

    def dead(self, number: int) -> int:
        """Bytes of a pack that are dead, with their frames."""
        return int(self._db.execute(DEAD, (number,)).fetchone()[0])

    def places(self, number: int, limit: int) -> list[Place]:
        """The first of a pack's blocks in the order in which they lie."""
        query = "SELECT cid, pack, at, size FROM place WHERE pack = ? ORDER BY at LIMIT ?"
        return [_place(row) for row in self._db.execute(query, (number, limit))]

    def burials(self) -> list[int]:
        """Packs in which something lies dead."""
        return [row[0] for row in self._db.execute("SELECT DISTINCT pack FROM dead")]

    def buried(self, number: int, after: int, limit: int) -> list[tuple[int, int]]:
        """What lies dead in a pack behind an offset, in order: (offset, bytes)."""
        query = "SELECT at, size FROM dead WHERE pack = ? AND at > ? ORDER BY at LIMIT ?"
        return self._db.execute(query, (number, after, limit)).fetchall()

    def buried_of(self, size: int) -> list[tuple[int, int]]:
        """Where something of so many bytes lies dead: (pack, offset)."""
        return self._db.execute(BURIED_OF, (size,)).fetchall()

    def doom(self, number: int, size: int) -> bool:
        """Give up a pack of so many bytes that nobody needs any more; False where a block still
        lies in it.
        """
        with self._transaction():
            changed = self._db.execute(
                (
                    "UPDATE packs SET doomed = 1 WHERE number = ? AND NOT EXISTS (SELECT 1 FROM "
                    "place WHERE pack = ?)"
                ),
                (number, number),
            )
            if changed.rowcount == 1:
                self._db.execute("INSERT OR REPLACE INTO compacted VALUES (?, ?)", (number, size))
            return changed.rowcount == 1

    def doomed(self) -> list[int]:
        """Packs whose files may be removed. A pack that is marked as doomed and still holds blocks,
        or was never written down as compacted, by a flipped bit for example, loses the mark first.
        """
        self._db.execute(
            "UPDATE packs SET doomed = 0 WHERE doomed AND (number NOT IN (SELECT number FROM "
            "compacted) OR EXISTS (SELECT 1 FROM place WHERE pack = number))"
        )
        self._db.execute(
            "DELETE FROM compacted WHERE number IN (SELECT number FROM packs WHERE NOT doomed)"
        )
        return [row[0] for row in self._db.execute("SELECT number FROM packs WHERE doomed")]

    def compacted(self) -> dict[int, int]:
        """Packs that were given up, with their sizes."""
        return dict(self._db.execute(COMPACTED))

    def drop(self, number: int) -> None:
        """Forget a doomed pack, whose file is gone."""
        with self._transaction():
            self._db.execute("DELETE FROM packs WHERE number = ? AND doomed", (number,))
            self._db.execute("DELETE FROM dead WHERE pack = ?", (number,))
            self._db.execute("DELETE FROM cut WHERE number = ?", (number,))

    def close(self) -> None:
        """Close the file."""
        self._db.close()
