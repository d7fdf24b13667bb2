"""Block store on one disk: blocks lie in CAR packs, an index says where. CIDs are those of any IPFS node.

- one fsync per call of ``put``, before it returns; the index is only a cache of what the packs say
- on opening, the packs' tails behind the index are read again and a torn last section is cut off
- every block is hashed when it is written and again when it is read
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from ledger.adapters.filelock import FileLock
from ledger.domain import car, varint
from ledger.domain import cid as cids
from ledger.domain.errors import FormatError, NotFoundError, StorageError, UnreadableError, VerificationError
from ledger.domain.unixfs import MAX_BLOCK, Block

_PACK_LIMIT: Final = 1 << 30  # bytes; a pack is the unit of compaction and of copying to other media
_HEADER: Final = car.header([])


class LocalBlockStore:
    """The store in ``directory``; created on first use.

    Raises:
        LockedError: another process has it open.
        StorageError: it cannot be opened.
    """

    def __init__(self, directory: Path, *, pack_limit: int = _PACK_LIMIT) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(directory / "blocks.lock", what="the block store")
        self._directory = directory
        self._pack_limit = pack_limit
        self._mutex = threading.RLock()
        self._readers: dict[int, int] = {}
        try:
            self._index = sqlite3.connect(directory / "index.sqlite", isolation_level=None, check_same_thread=False, timeout=10)
            self._index.execute("PRAGMA journal_mode=WAL")
            self._index.execute("PRAGMA synchronous=NORMAL")
            self._index.execute(
                "CREATE TABLE IF NOT EXISTS block (cid BLOB PRIMARY KEY, pack INTEGER NOT NULL, at INTEGER NOT NULL,"
                " size INTEGER NOT NULL) WITHOUT ROWID"
            )
            self._index.execute("CREATE TABLE IF NOT EXISTS pack (number INTEGER PRIMARY KEY, indexed INTEGER NOT NULL)")
            self._recover()
        except (sqlite3.Error, OSError) as error:
            self._lock.release()
            raise StorageError(f"the block store could not be opened: {error}", hint="check disk and permissions") from error

    def _path(self, number: int) -> Path:
        return self._directory / f"pack-{number:06}.car"

    def _recover(self) -> None:
        """Index what the packs hold behind the index; cut a section that a crash tore."""
        numbers = sorted(int(path.stem[5:]) for path in self._directory.glob("pack-*.car"))
        indexed = dict(self._index.execute("SELECT number, indexed FROM pack"))
        self._number = numbers[-1] if numbers else 0
        for number in numbers:
            with self._path(number).open("r+b") as file:
                end = file.seek(0, os.SEEK_END)
                at = indexed.get(number, 0)
                if at == end:
                    continue
                good = self._scan(file.fileno(), number, at, end)
                if good != end:
                    file.truncate(good)
                    os.fsync(file.fileno())
        self._open_pack()

    def _scan(self, fd: int, number: int, at: int, end: int) -> int:
        if at < len(_HEADER):
            if os.pread(fd, len(_HEADER), 0) != _HEADER:
                return 0
            at = len(_HEADER)
        rows = []
        while at < end:
            head = os.pread(fd, 9 + cids.SIZE, at)
            try:
                size, skip = varint.decode(head, 0)
                data = os.pread(fd, size, at + skip) if size <= MAX_BLOCK + cids.SIZE else b""
                if len(data) != size or size < cids.SIZE:
                    break
                cids.verify(cids.check(data[: cids.SIZE]), data[cids.SIZE :])
            except FormatError:
                break
            rows.append((data[: cids.SIZE], number, at + skip + cids.SIZE, size - cids.SIZE))
            at += skip + size
        self._remember(rows, number, at)
        return at

    def _remember(self, rows: list[tuple[bytes, int, int, int]], number: int, end: int) -> None:
        self._index.execute("BEGIN IMMEDIATE")
        self._index.executemany("INSERT OR IGNORE INTO block VALUES (?, ?, ?, ?)", rows)
        self._index.execute("INSERT INTO pack VALUES (?, ?) ON CONFLICT (number) DO UPDATE SET indexed = excluded.indexed", (number, end))
        self._index.execute("COMMIT")

    def _open_pack(self) -> None:
        path = self._path(self._number)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._end = os.lseek(self._fd, 0, os.SEEK_END)
        if self._end == 0:
            self._end = os.pwrite(self._fd, _HEADER, 0)
            os.fsync(self._fd)
            directory = os.open(self._directory, os.O_RDONLY)
            os.fsync(directory)
            os.close(directory)

    def put(self, blocks: Iterable[Block]) -> int:
        """See ports.BlockStore."""
        checked = []
        for block in blocks:
            if len(block.data) > MAX_BLOCK:
                raise FormatError(f"block of {len(block.data)} bytes, at most {MAX_BLOCK} allowed")
            cids.verify(cids.check(block.cid), block.data)
            checked.append(block)
        return self.put_checked(checked)

    def put_checked(self, blocks: Sequence[Block]) -> int:
        """As ``put`` for blocks that the caller has just hashed, car.blocks for example."""
        with self._mutex:
            new = {block.cid: block for block in blocks if self._where(block.cid) is None}
            if not new:
                return 0
            try:
                if self._end > self._pack_limit:
                    os.close(self._fd)
                    self._number += 1
                    self._open_pack()
                rows, at = [], self._end
                parts: list[bytes | memoryview] = []
                for block in new.values():
                    prefix, data = car.frame(block)
                    rows.append((block.cid, self._number, at + len(prefix), len(data)))
                    parts += [prefix, data]
                    at += len(prefix) + len(block.data)
                self._write(parts)
                os.fsync(self._fd)
                self._end = at
                self._remember(rows, self._number, at)
            except (OSError, sqlite3.Error) as error:
                self._undo()
                raise StorageError(f"the block store could not be written: {error}", hint="check the free space of the disk") from error
            return len(new)

    def _write(self, parts: Sequence[bytes | memoryview]) -> None:
        at = self._end
        for start in range(0, len(parts), 512):  # below the kernel's limit of 1024 buffers a call
            group = parts[start : start + 512]
            total = sum(len(part) for part in group)
            written = os.pwritev(self._fd, group, at)
            if written != total:  # a nearly full disk: finish or fail in one plain write
                rest = b"".join(group)[written:]
                while rest:
                    count = os.pwrite(self._fd, rest, at + written)
                    written, rest = written + count, rest[count:]
            at += total

    def _undo(self) -> None:
        """Forget the failed call: the next one writes over its bytes, and recovery cuts them off."""
        try:
            if self._index.in_transaction:
                self._index.execute("ROLLBACK")
            os.ftruncate(self._fd, self._end)
        except (OSError, sqlite3.Error):
            return  # the end is kept in memory; recovery does the rest

    def _where(self, cid: bytes) -> tuple[int, int, int] | None:
        found: tuple[int, int, int] | None = self._index.execute("SELECT pack, at, size FROM block WHERE cid = ?", (cid,)).fetchone()
        return found

    def missing(self, wanted: Sequence[bytes]) -> list[bytes]:
        """See ports.BlockStore."""
        with self._mutex:
            return [cid for cid in wanted if self._where(cid) is None]

    def get(self, cid: bytes) -> bytes:
        """See ports.BlockStore."""
        with self._mutex:
            place = self._where(cids.check(cid))
            if place is None:
                raise NotFoundError(f"block {cids.to_text(cid)} is not stored here")
            number, at, size = place
            try:
                if number not in self._readers:
                    self._readers[number] = os.open(self._path(number), os.O_RDONLY | os.O_CLOEXEC)
                data = os.pread(self._readers[number], size, at)
            except OSError as error:
                raise UnreadableError(
                    f"block {cids.to_text(cid)} could not be read: {error}",
                    hint="check the disk; restore the block from a replica or a backup",
                ) from error
        if len(data) != size:
            raise UnreadableError(f"block {cids.to_text(cid)} is cut short on disk", hint="restore the block from a replica or a backup")
        try:
            cids.verify(cid, data)
        except FormatError as error:
            raise VerificationError(
                9, f"block {cids.to_text(cid)} was altered on disk", hint="restore the block from a replica or a backup"
            ) from error
        return data

    def cids(self) -> Iterator[bytes]:
        """See ports.BlockStore."""
        last = b""
        while True:
            with self._mutex:
                rows = self._index.execute("SELECT cid FROM block WHERE cid > ? ORDER BY cid LIMIT 1000", (last,)).fetchall()
            if not rows:
                return
            yield from (bytes(row[0]) for row in rows)
            last = rows[-1][0]

    def size(self) -> int:
        """See ports.BlockStore."""
        with self._mutex:
            return int(self._index.execute("SELECT coalesce(sum(size), 0) FROM block").fetchone()[0])

    def import_car(self, data: bytes | memoryview) -> int:
        """Store the blocks of a CAR held in memory; returns how many were new."""
        return self.put_checked(list(car.blocks(data)))

    def export_car(self, root: bytes, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """A CARv1 stream of the named blocks under one root."""
        yield car.header([root])
        for cid in blocks:
            yield car.section(Block(cid, self.get(cid)))

    def close(self) -> None:
        """See ports.BlockStore."""
        with self._mutex:
            for fd in (*self._readers.values(), self._fd):
                os.close(fd)
            self._readers.clear()
            self._index.close()
            self._lock.release()
