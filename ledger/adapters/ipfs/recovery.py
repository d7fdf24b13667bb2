"""What a block store does when it is opened, after a crash or with an index that is damaged.

An index is only a cache of what the packs say. One that is damaged is set aside, and built again
from them: no evidence is called lost because of it. What was destroyed and still waits in the
packs is in the new index too, without keys: it goes again when the node starts, and with the daily
collection.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from ledger.adapters import files
from ledger.adapters.ipfs.pack_sections import scan
from ledger.adapters.ipfs.packfiles import HEADER, PackFiles, packs_in, start_of
from ledger.adapters.ipfs.packindex import INDEX, DamagedIndexError, PackIndex, Place, require_index
from ledger.domain.codecs import varint
from ledger.domain.errors import StorageError, UnreadableError
from ledger.domain.ipld import cid as cids

ASIDE: Final = "damaged-index.sqlite"
#: Of the database file itself, then of what SQLite keeps beside it.
_PARTS: Final = ("", "-wal", "-shm")
#: Malformed; not a database; a value that can be none of ours.
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_MISMATCH})
_LOG: Final = logging.getLogger("custody.blocks")


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file is no sound index; a full or busy disk is no damage."""
    code = getattr(error, "sqlite_errorcode", None)  # absent where no database said so
    return code is not None and code & 0xFF in _DAMAGE


def _is_foreign(error: sqlite3.Error, index: Path) -> bool:
    """Whether there are tables or columns that no program of ours makes, or a format that SQLite
    calls read-only though the file may be written.
    """
    code = error.sqlite_errorcode & 0xFF
    return code == sqlite3.SQLITE_ERROR or (
        code == sqlite3.SQLITE_READONLY and os.access(index, os.W_OK)
    )


def open_index(directory: Path, packs: PackFiles, now: int) -> PackIndex:
    """The index of a store, brought up to what the packs hold; a damaged one is set aside first.

    Raises:
        StorageError: something that is no file lies in its place. sqlite3.Error, OSError: the disk
            refused.
    """
    require_index(directory)
    try:
        return _opened(directory, packs, now)
    except (TypeError, UnicodeError):
        pass  # values of no type of ours, or what SQLite says of them cannot be read either
    except sqlite3.Error as error:
        if not is_damage(error) and not _is_foreign(error, directory / INDEX):
            raise
    set_aside(directory)
    return _opened(directory, packs, now)


def _opened(directory: Path, packs: PackFiles, now: int) -> PackIndex:
    path = directory / INDEX
    is_new = not path.exists() or not path.stat().st_size
    index = PackIndex(directory)
    try:
        recover(directory, index, packs, now, is_new=is_new)
    except BaseException:
        index.close()
        raise
    return index


def set_aside(directory: Path) -> None:
    """Take a damaged index out of the way, under another name: it may be looked into. That of an
    earlier time is written over, it was a cache too.
    """
    for part in _PARTS:
        (directory / f"{ASIDE}{part}").unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            (directory / f"{INDEX}{part}").rename(directory / f"{ASIDE}{part}")
    files.sync_directory(directory)
    _LOG.warning(
        "the index of the packs was damaged: it is set aside as %s and built again from the packs; "
        "check the disk, and run: custody doctor --deep",
        directory / ASIDE,
    )


def recover(directory: Path, index: PackIndex, packs: PackFiles, now: int, *, is_new: bool) -> None:
    """Finish what a crash interrupted: drop doomed packs, index what lies behind the index, write
    nothing over what is torn.

    Args:
        is_new: there was no index. It does not know what lay behind the end of a pack that was
            cut, so none of those that are there is written to.
    """
    for number in index.doomed():
        packs.remove(number)
        index.drop(number)
    found = packs_in(directory)
    numbers, before = sorted(found), index.indexed()
    index.settle({number: path.stat().st_size for number, path in found.items()})
    indexed = index.indexed()
    # Nothing is written at places where this index, or an older one that comes back, expects blocks
    # that were lost, and no pack gets the number of an earlier one: backups have copies under it.
    gone = {*before, *index.compacted(), packs.newest()} - found.keys()
    if is_new:
        gone.update(found)
    newest = max([0, *numbers, *(number + 1 for number in gone)])
    for number in numbers:
        with packs.path(number).open("r+b") as file:
            end = file.seek(0, os.SEEK_END)
            at = indexed.get(number, 0)
            # Somebody cut it: its blocks are told apart when they are read, and nothing is
            # written over them.
            if end < before.get(number, 0):
                newest = max(newest, number + 1)
            if end <= at:
                continue
            if end < len(HEADER):
                file.truncate(0)  # a pack that was just begun
            elif _index_blocks(index, file.fileno(), number, (at, end), now) != end:
                newest = max(newest, number + 1)
    packs.begin(packs.free(newest))


def _index_blocks(
    index: PackIndex, fd: int, number: int, stretch: tuple[int, int], now: int
) -> int:
    """Index the blocks of a stretch of a pack, from an offset to its end; where the last one
    ends.
    """
    at, end = stretch
    places, good, _ = scan(fd, number, max(at, start_of(fd)), end)
    index.remember(places, number, end, now=now)
    return good


def require_buried(index: PackIndex, packs: PackFiles, number: int, end: int) -> None:
    """Refuse to give up a pack of which the index names no live block, and of whose bytes it does
    not say that all are dead: some of its rows are out of its own sight.

    Raises:
        DamagedIndexError: a block lies there of which the index does not know that it is dead.
    """
    if len(HEADER) + index.dead(number) == end:
        return
    with packs.path(number).open("rb") as file:
        found, _, _ = scan(file.fileno(), number, start_of(file.fileno()), end)
    dead = {at for at, _ in index.buried(number, 0, len(found) + 1)}
    if any(place.at not in dead for place in found):
        raise DamagedIndexError(f"blocks of pack {number} are neither alive nor dead")


def is_misled(index: PackIndex, packs: PackFiles, cid: bytes) -> bool:
    """Whether it is the index that is wrong about a block that could not be read where it says, and
    not the pack: something else lies there, and the block lies elsewhere, or the index contradicts
    itself.
    """
    if (place := index.find(cid)) is None:
        return False
    head = varint.encode(cids.SIZE + place.size) + cid
    before = Place(cid, place.pack, place.at - len(head), len(head))
    with suppress(UnreadableError):
        if place.at >= len(head) and packs.read(before) == head:
            return False
    if not index.is_sound():
        return True
    try:
        with packs.path(place.pack).open("rb") as file:
            end = os.fstat(file.fileno()).st_size
            found, _, _ = scan(file.fileno(), place.pack, start_of(file.fileno()), end)
    except OSError:
        return False
    return any(one.cid == cid for one in found)


def not_sound(error: sqlite3.Error) -> StorageError:
    """What a person is told whose work met a damaged index."""
    return StorageError(
        f"the index of the packs was damaged, and was built again from them: {error}",
        hint="do it again; check the disk, and run: custody doctor --deep",
    )
