"""The block store of one disk, read beside the process that writes it: no lock, and nothing is
written.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from ledger import system
from ledger.adapters.ipfs.pack_sections import checked, named_before, scan
from ledger.adapters.ipfs.packfiles import HEADER, name_of, packs_in, start_of
from ledger.adapters.ipfs.packindex import (
    BURIED,
    BURIED_OF,
    COMPACTED,
    DEAD,
    INDEX,
    INDEXED,
    PLACE,
    USED,
    Place,
    require_index,
)
from ledger.adapters.ipfs.remnants import Remnant, may_lie_among, remnants
from ledger.domain.blocks.store import BlockStore, Collected
from ledger.domain.errors import NotFoundError, StorageError, UnreadableError, VerificationError
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block

_PAGE: Final = 1000
_TRIES: Final = 3  # a block moves to another pack while dead ones are cleared away


class LocalBlockView:
    """See NodeStore; what writes is refused.

    Raises:
        StorageError: there is no store in ``directory``.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._mutex = threading.Lock()
        self._is_sound: bool | None = None
        self._unaccounted: list[tuple[set[bytes], list[Remnant]]] | None = None
        require_index(directory)
        try:
            self._db = sqlite3.connect(
                directory / INDEX,
                isolation_level=None,
                check_same_thread=False,
                timeout=10,
            )
            self._db.execute("PRAGMA query_only=ON")
            self._db.execute("SELECT 1 FROM place LIMIT 1")
        except sqlite3.Error as error:
            raise StorageError(
                f"the block store could not be read: {error}", hint="check disk and permissions"
            ) from error

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._mutex:
            try:
                return self._db.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise StorageError(
                    f"the block index failed: {error}", hint="check the disk"
                ) from error

    def _find(self, cid: bytes) -> Place | None:
        rows = self._rows(PLACE, cid)
        return Place(*rows[0]) if rows else None

    def missing(self, wanted: Sequence[bytes]) -> list[bytes]:
        """See NodeStore."""
        ends: dict[int, int] = {}
        return [cid for cid in wanted if not self._lies(self._find(cid), ends)]

    def _lies(self, place: Place | None, ends: dict[int, int]) -> bool:
        """Whether a pack is long enough for a block that the index says lies in it."""
        if place is None:
            return False
        if place.pack not in ends:
            path = self._directory / name_of(place.pack)
            ends[place.pack] = path.stat().st_size if path.exists() else 0
        return place.at + place.size <= ends[place.pack]

    def get(self, cid: bytes) -> bytes:
        """See NodeStore; where a copy is damaged and another one lies here, that one."""
        for attempt in range(_TRIES):
            place = self._find(cids.check(cid))
            if place is None:
                break
            try:
                return self._checked(place)
            except (UnreadableError, VerificationError) as error:
                copy = self._other_copy(place)
                if copy is not None:
                    return copy
                if isinstance(error, VerificationError) or attempt + 1 == _TRIES:
                    self._require_sound()
                    raise
        self._require_sound()
        raise NotFoundError(f"block {cids.to_text(cid)} is not stored here")

    def _require_sound(self) -> None:
        """Say nothing of a block by an index that contradicts itself; it is looked through once."""
        if self._is_sound is None:
            self._is_sound = self._rows("PRAGMA integrity_check(1)") == [("ok",)]
        if not self._is_sound:
            raise StorageError(
                "the index of the packs is damaged; it is only a cache of what lies in them",
                hint="start the node again, or open the home without it: custody doctor --deep; "
                "the index is then built again",
            )

    def _checked(self, place: Place) -> bytes:
        return checked(place.cid, self._pread(place), place)

    def _pread(self, place: Place) -> bytes:
        try:
            fd = os.open(self._directory / name_of(place.pack), os.O_RDONLY | system.CLOEXEC)
            try:
                return system.pread(fd, place.size, place.at)
            finally:
                os.close(fd)
        except OSError as error:
            raise UnreadableError(
                f"block {cids.to_text(place.cid)} could not be read: {error}",
                hint="check the disk",
            ) from error

    def _other_copy(self, place: Place) -> bytes | None:
        """A good copy among what lies dead."""
        with suppress(StorageError):  # an index of an earlier version does not say what is dead
            for pack, at in self._rows(BURIED_OF, place.size):
                copy = Place(place.cid, pack, at, place.size)
                with suppress(UnreadableError, VerificationError):
                    if self._pread(named_before(copy)) == place.cid:
                        return self._checked(copy)
        return None

    def cids(self) -> Iterator[bytes]:
        """See NodeStore."""
        last = b""
        while page := self._rows(
            "SELECT cid FROM place WHERE cid > ? ORDER BY cid LIMIT ?", last, _PAGE
        ):
            last = bytes(page[-1][0])
            yield from (bytes(row[0]) for row in page)

    def size(self) -> int:
        """See NodeStore."""
        return int(self._rows("SELECT coalesce(sum(size), 0) FROM place")[0][0])

    def put(self, blocks: Iterable[Block]) -> None:  # noqa: ARG002
        """Refused."""
        _refuse()

    def mend(self, block: Block) -> None:  # noqa: ARG002
        """Refused."""
        _refuse()

    def mend_index(self) -> bool:
        """Nothing is mended here."""
        return False

    def lingering(self, wanted: Sequence[bytes]) -> list[bytes]:
        """See NodeStore. What the index does not account for is looked for, once."""
        there = {cid for cid in wanted if self._find(cid) is not None}
        dead = self._rows(BURIED) if len(there) < len(wanted) else []
        named = {self._pread(named_before(Place(b"", pack, at, 0))) for pack, at in dead}
        if self._unaccounted is None:
            self._unaccounted = self._look()
        for found, damaged in self._unaccounted:
            named.update(found)
            named.update(may_lie_among(damaged, wanted, lambda cid: self._find(cid) is not None))
        return [cid for cid in wanted if cid in there or cid in named]

    def _look(self) -> list[tuple[set[bytes], list[Remnant]]]:
        """Blocks in packs of which the index does not say all, and what is no whole block there.
        Behind what is indexed somebody may just be writing.

        Raises:
            StorageError: a pack cannot be read.
        """
        indexed, found = dict(self._rows(INDEXED)), []
        doomed = {number for number, _ in self._rows(COMPACTED)}
        for number, path in packs_in(self._directory).items():
            [[used, _]], [[dead]] = self._rows(USED, number), self._rows(DEAD, number)
            end = indexed.get(number, 0)
            if number in doomed or len(HEADER) + used + dead == path.stat().st_size:
                continue
            try:
                with path.open("rb") as file:
                    start = start_of(file.fileno())
                    places, _, _ = scan(file.fileno(), number, start, path.stat().st_size)
                    known = [place for place in places if place.at + place.size <= end]
                    damaged = list(remnants(file.fileno(), known, start, max(start, end)))
            except FileNotFoundError:  # it was compacted meanwhile
                continue
            except OSError as error:
                what = f"a pack could not be read: {error}"
                raise StorageError(what, hint="check the disk") from error
            found.append(({place.cid for place in places}, damaged))
        return found

    def holds_only(self, known: Iterable[bytes]) -> bool:  # noqa: ARG002
        """Refused."""
        _refuse()

    @property
    def own(self) -> BlockStore:
        """See NodeStore."""
        return self

    def collect(self, live: Iterable[bytes], *, before: int, dry: bool = False) -> Collected:  # noqa: ARG002
        """Refused."""
        _refuse()

    def discard(self, dead: Iterable[bytes], *, kept: Iterable[bytes]) -> Collected:  # noqa: ARG002
        """Refused."""
        _refuse()

    def close(self) -> None:
        """See NodeStore."""
        with self._mutex:
            self._db.close()


def _refuse() -> NoReturn:
    raise StorageError(
        "a view of the block store is only read",
        hint="this is a defect of custody: please report it",
    )
