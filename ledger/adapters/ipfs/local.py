"""Block store on one disk: blocks lie in CAR packs, an index says where. CIDs are those of any IPFS
node.

- one fsync per call of ``put``, before it returns; the index is only a cache of what the packs say
- on opening, what lies behind the index is read again; what is no whole block is left out and left
  as it is: one flipped bit says nothing of what lies behind it
- every block is hashed when it is written and again when it is read
- packs are only ever appended to, or dropped whole after their live blocks were written again
  elsewhere
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Final

from ledger.adapters import files
from ledger.adapters.clock import SystemClock
from ledger.adapters.filelock import FileLock
from ledger.adapters.ipfs import recovery
from ledger.adapters.ipfs.pack_sections import checked
from ledger.adapters.ipfs.packfiles import HEADER, PackFiles
from ledger.adapters.ipfs.packindex import Place
from ledger.adapters.ipfs.remnants import Remnants
from ledger.domain.blocks.store import BlockStore, Collected
from ledger.domain.errors import (
    LockedError,
    NotFoundError,
    StorageError,
    UnreadableError,
    VerificationError,
)
from ledger.domain.ipld import car
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block, check_block
from ledger.domain.ports.node_and_chain import Clock

_PACK_LIMIT: Final = 1 << 30  # bytes: packs are compacted, and copied to other media, one by one
_MOVED: Final = 8  # blocks written again in one go: 8 MiB
_PAGE: Final = 1000  # CIDs read in one go
_DISK_HINT: Final = "check the free space of the disk"


class LocalBlockStore:
    """The store in ``directory``; created on first use.

    Raises:
        LockedError: another process has it open.
        StorageError: it cannot be opened.
    """

    def __init__(
        self, directory: Path, *, pack_limit: int = _PACK_LIMIT, clock: Clock | None = None
    ) -> None:
        files.private_folder(directory)
        self._lock = FileLock(directory / "blocks.lock", what="the block store")
        self._directory = directory
        self._packs = PackFiles(directory)
        self._pack_limit = pack_limit
        self._clock = clock or SystemClock()
        self._mutex = threading.RLock()
        try:
            self._open_index()
        except (sqlite3.Error, OSError, StorageError) as error:
            self._lock.release()
            if isinstance(error, StorageError):
                raise
            what = f"the block store could not be opened: {error}"
            raise StorageError(what, hint="check disk and permissions") from error

    def _open_index(self) -> None:
        self._index = recovery.open_index(self._directory, self._packs, self._clock.now())
        self._remnants = Remnants(self._index, self._packs, self._clock)

    @contextmanager
    def _held(self) -> Iterator[None]:
        """The lock of the index, whose faults become ours."""
        with self._mutex:
            try:
                yield
            except sqlite3.Error as error:
                if not recovery.is_damage(error):
                    what = f"the block index failed: {error}"
                    raise StorageError(what, hint=_DISK_HINT) from error
                self._build_index_again()
                raise recovery.not_sound(error) from error

    def _build_index_again(self) -> None:
        """Set a damaged index aside; everybody waits until there is a new one."""
        self._index.close()
        try:
            recovery.set_aside(self._directory)
            self._open_index()
        except (sqlite3.Error, OSError) as error:
            what = f"the index of the packs could not be built again: {error}"
            raise StorageError(what, hint=_DISK_HINT) from error

    def mend_index(self) -> bool:
        """See NodeStore."""
        with self._held():
            if self._index.is_sound():
                return False
            self._build_index_again()
            return True

    def put(self, blocks: Iterable[Block]) -> None:
        """See NodeStore."""
        whole = list(blocks)
        for block in whole:
            check_block(block)
        self.put_checked(whole)

    def put_checked(self, blocks: Sequence[Block]) -> int:
        """As ``put`` for blocks that the caller has just hashed, car.blocks for example."""
        with self._held():
            now = self._clock.now()
            lacking = set(self._index.missing([block.cid for block in blocks], now=now))
            new = {block.cid: block for block in blocks if block.cid in lacking}
            if new:
                places, end = self._append(list(new.values()))
                number = self._packs.number
                self._commit(lambda: self._index.remember(places, number, end, now=now), end)
            return len(new)

    def mend(self, block: Block) -> None:
        """See NodeStore."""
        check_block(block)
        with self._held():
            if self._index.find(block.cid) is not None:
                self._move([block])

    def _roll(self) -> None:
        """Begin the next pack."""
        self._packs.begin(self._packs.free(self._packs.number + 1))

    def _append(self, blocks: Sequence[Block]) -> tuple[list[Place], int]:
        """Write blocks behind the last one, durably; nothing refers to them before ``_commit``."""
        try:
            if self._packs.end > self._pack_limit:
                self._roll()
            places, at = [], self._packs.end
            parts: list[bytes | memoryview] = []
            for block in blocks:
                prefix, data = car.frame(block)
                places.append(Place(block.cid, self._packs.number, at + len(prefix), len(data)))
                parts += [prefix, data]
                at += len(prefix) + len(data)
            self._packs.write(parts)
        except OSError as error:
            raise StorageError(
                f"the block store could not be written: {error.strerror}", hint=_DISK_HINT
            ) from error
        return places, at

    def _commit(self, write: Callable[[], None], end: int) -> None:
        try:
            write()
        except sqlite3.Error:
            self._packs.undo()
            raise
        self._packs.end = end

    def missing(self, wanted: Sequence[bytes]) -> list[bytes]:
        """See NodeStore."""
        with self._held():
            return self._index.missing(wanted, now=self._clock.now())

    def get(self, cid: bytes) -> bytes:
        """See NodeStore; where a copy is damaged and another one lies here, that one."""
        try:
            with self._held():
                place = self._index.find(cids.check(cid))
                if place is None:
                    raise NotFoundError(f"block {cids.to_text(cid)} is not stored here")
                data = self._packs.read(place)
            return checked(cid, data, place)
        except (UnreadableError, VerificationError):
            with self._held():
                copy = self._other_copy(cid)
                if copy is None and recovery.is_misled(self._index, self._packs, cid):
                    self._build_index_again()
                    return self.get(cid)
            if copy is None:
                raise
            return copy

    def _other_copy(self, cid: bytes) -> bytes | None:
        """A good dead copy of a live block, which is read from now on; None if there is none."""
        if (place := self._index.find(cid)) is None:
            return None
        for pack, at in self._index.buried_of(place.size):
            copy = Place(cid, pack, at, place.size)
            try:
                if self._packs.name(pack, at) != cid:
                    continue
                data = checked(cid, self._packs.read(copy), copy)
            except (OSError, UnreadableError, VerificationError):
                continue
            with suppress(sqlite3.Error):  # a disk that is full keeps nobody from reading
                self._index.take_over(copy)
            return data
        return None

    def cids(self) -> Iterator[bytes]:
        """See NodeStore."""
        last = b""
        while True:
            with self._held():
                page = self._index.cids(last)
            if not page:
                return
            yield from page
            last = page[-1]

    def size(self) -> int:
        """See NodeStore."""
        with self._held():
            return self._index.size()

    @property
    def own(self) -> BlockStore:
        """See NodeStore."""
        return self

    def collect(self, live: Iterable[bytes], *, before: int, dry: bool = False) -> Collected:
        """See NodeStore."""
        with self._held():
            self._index.mark(live)
            blocks, size = self._index.sweep(before, dry=dry)
        return Collected(blocks, size, 0 if dry else self._give_back())

    def discard(self, dead: Iterable[bytes], *, kept: Iterable[bytes]) -> Collected:
        """See NodeStore."""
        with self._held():
            self._index.mark(dead)
            self._index.unmark(kept)
            self._remnants.give_up_marked()
            blocks, size = self._index.forget_marked()
        return Collected(blocks, size, self._give_back())

    def holds_only(self, known: Iterable[bytes]) -> bool:
        """See NodeStore."""
        with self._held():
            self._remnants.look()
            self._index.mark(known)
            return self._remnants.all_marked() and not self._index.has_others()

    def lingering(self, wanted: Sequence[bytes]) -> list[bytes]:
        """See NodeStore. Of what lies dead the CID before it is read. Where nobody can tell whose
        something is that lies here, it may be anything.
        """
        with self._held():
            self._remnants.look()
            there = {cid for cid in wanted if self._index.find(cid) is not None}
            there |= self._remnants.may_be(wanted)
            packs = self._index.burials() if len(there) < len(wanted) else []
        for number in packs:
            there.update(cid for _, cid in self._dead(number))
        return [cid for cid in wanted if cid in there]

    def _dead(self, number: int) -> Iterator[tuple[int, bytes]]:
        """What lies dead in a pack: offset and CID, a page after the other. A pack that is taken
        away meanwhile has none any more.

        Raises:
            StorageError: it cannot be read.
        """
        at = 0
        while True:
            with self._held():
                try:
                    page = [
                        (at, self._packs.name(number, at))
                        for at, _ in self._index.buried(number, at, _PAGE)
                    ]
                except OSError as error:
                    raise StorageError(
                        f"a pack could not be read: {error}", hint="check the disk"
                    ) from error
            if not page:
                return
            yield from page
            at = page[-1][0]

    def _give_back(self) -> int:
        """Compact the packs; what is dead waits for the next time while a backup copies them."""
        try:
            lock = FileLock(self._directory / "packs.lock", what="the packs")
        except LockedError:
            return 0
        try:
            return self._compact()
        except OSError as error:
            raise StorageError(
                f"the packs could not be compacted: {error.strerror}", hint=_DISK_HINT
            ) from error
        finally:
            lock.release()

    def _compact(self) -> int:
        """Write the live blocks of every pack with dead ones again, then drop that pack; returns
        the bytes given back.
        """
        freed = 0
        with self._held():
            numbers = sorted(self._index.indexed())
            # A pack that is gone is told where its blocks are read.
            there = [number for number in numbers if self._packs.path(number).exists()]
            ends = {number: self._packs.path(number).stat().st_size for number in there}
            if self._packs.number in ends and self._is_wasteful(
                self._packs.number, ends[self._packs.number]
            ):
                self._roll()
        for number in there:
            if number == self._packs.number or not self._is_wasteful(number, ends[number]):
                continue
            with self._held():
                if not self._remnants.is_known(number, ends[number]):
                    continue
            if not self._is_dispensable(number):
                continue
            with self._held():
                kept = self._index.used(number)[1]
            if self._move_blocks_out(number, ends[number]):
                self._drop(number)
                freed += ends[number] - kept
        return freed

    def _is_wasteful(self, number: int, end: int) -> bool:
        """Whether anything lies in a pack that is not needed, however small."""
        with self._held():
            return self._index.is_cut(number) or end - len(HEADER) > self._index.used(number)[0]

    def _is_dispensable(self, number: int) -> bool:
        """Whether every block that is dead or damaged in a pack and alive in another one can be
        read. Where the live copy is damaged, ``get`` lets a good dead one take over, such as this
        pack's.

        It is asked before the pack's live blocks are moved, which hashes them anyway. So only
        blocks that lie twice are read for it: a compaction that was killed had moved them, or the
        index was lost. Of all other dead ones only the CID in front is read.
        """
        with self._held():
            damaged = self._remnants.stored_elsewhere(number)
        for cid in chain(damaged, (cid for _, cid in self._dead(number))):
            with self._held():
                place = self._index.find(cid)
            if place is not None and place.pack != number:
                with suppress(NotFoundError):  # it was given up meanwhile
                    try:
                        self.get(cid)
                    except (UnreadableError, VerificationError):
                        return False
        return True

    def _move_blocks_out(self, number: int, size: int) -> bool:
        """Move every block out of a pack of so many bytes; False where one cannot be read and must
        stay for repair.
        """
        while True:
            with self._held():
                page = self._index.places(number, _MOVED)
                if not page:
                    recovery.require_buried(self._index, self._packs, number, size)
                    return self._index.doom(number, size)
                try:
                    blocks = [Block(place.cid, self.get(place.cid)) for place in page]
                except (UnreadableError, VerificationError):
                    return False
                self._move(blocks)

    def _move(self, blocks: Sequence[Block]) -> None:
        """Write blocks again, to be read there from now on."""
        places, end = self._append(blocks)
        self._commit(lambda: self._index.move(places, self._packs.number, end), end)

    def _drop(self, number: int) -> None:
        with self._held():
            self._index.sync()
            self._packs.remove(number)
            self._index.drop(number)
            self._remnants.drop(number)

    def close(self) -> None:
        """See NodeStore."""
        with self._mutex:
            self._packs.close()
            self._index.close()
            self._lock.release()
