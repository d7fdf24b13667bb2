"""The index of the packs, read beside the process that has the store open."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.adapters.ipfs.packindex import COMPACTED, INDEX, INDEXED, PLACE, Place, require_index
from ledger.domain.errors import StorageError

#: Where an index has those of some blocks that it has.
Places = Callable[[Sequence[bytes]], dict[bytes, Place]]


@dataclass(frozen=True, slots=True)
class PacksKnown:
    """What an index says of the packs: how far each is indexed, which of them were cut, and the
    sizes of those that were compacted.
    """

    indexed: Mapping[int, int]
    cut: frozenset[int]
    compacted: Mapping[int, int]


@contextmanager
def _beside(directory: Path) -> Iterator[sqlite3.Connection]:
    """The index of a store, to be read beside the process that has it open.

    Raises:
        StorageError: it cannot be read.
    """
    require_index(directory)
    try:
        with closing(
            sqlite3.connect(
                f"{(directory / INDEX).absolute().as_uri()}?mode=ro", uri=True, timeout=10
            )
        ) as db:
            yield db
    except sqlite3.Error as error:
        raise StorageError(
            f"the block index could not be read: {error}", hint="run: custody doctor"
        ) from error


def read_packs(directory: Path) -> PacksKnown:
    """What the index of a store says of its packs.

    Raises:
        StorageError: the index could not be read.
    """
    with _beside(directory) as db:
        # An index of an earlier version does not know which packs were cut or compacted.
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
        cut = db.execute("SELECT number FROM cut") if "cut" in tables else ()
        compacted = db.execute(COMPACTED) if "compacted" in tables else ()
        return PacksKnown(
            dict(db.execute(INDEXED)), frozenset(row[0] for row in cut), dict(compacted)
        )


def read_places(directory: Path, wanted: Sequence[bytes]) -> dict[bytes, Place]:
    """Where the index of a store has those of ``wanted`` that it has.

    Raises:
        StorageError: the index could not be read.
    """
    with reading_places(directory) as places:
        return places(wanted)


@contextmanager
def reading_places(directory: Path) -> Iterator[Places]:
    """As ``read_places``, for whoever asks many times.

    Raises:
        StorageError: the index could not be read.
    """
    with _beside(directory) as db:

        def places(wanted: Sequence[bytes]) -> dict[bytes, Place]:
            rows = [db.execute(PLACE, (cid,)).fetchone() for cid in wanted]
            return {row[0]: Place(*row) for row in rows if row is not None}

        yield places


def read_pack(directory: Path, number: int, first: int, end: int) -> list[Place]:
    """What the index of a store has in a stretch of a pack, as it is read from there.

    Raises:
        StorageError: the index could not be read.
    """
    with _beside(directory) as db:
        query = (
            "SELECT cid, pack, at, size FROM place WHERE pack = ? AND at >= ? AND at + size <= ?"
        )
        return [Place(*row) for row in db.execute(query, (number, first, end))]
