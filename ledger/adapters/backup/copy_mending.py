"""A pack's copy in a backup that is not what the pack at home begins with: which of the two went
bad is told by the blocks, which hash to their names.

- what is good at home and not in the copy is written anew beside the copy, which is replaced only
  by a file that holds every good block of both
- what is good in the copy and not at home stays in the copy, and is told
- two good blocks in one place are of two homes, and nothing is changed
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from ledger import system
from ledger.adapters import files
from ledger.adapters.ipfs.pack_sections import frame_of, scan
from ledger.adapters.ipfs.packfiles import HEADER, start_of
from ledger.adapters.ipfs.packindex import Place
from ledger.domain.errors import StorageError

CHUNK: Final = 4 << 20
_SECTOR: Final = 4096


def agree(file: BinaryIO, copied: BinaryIO, first: int, end: int) -> bool:
    """Whether a pack and its copy have the same bytes from an offset to another one; a copy that
    the disk cannot read has not.

    Raises:
        OSError: the pack cannot be read.
    """
    for at in range(first, end, CHUNK):
        size = min(CHUNK, end - at)
        mine = system.pread(file.fileno(), size, at)
        with suppress(OSError):
            if mine == system.pread(copied.fileno(), size, at):
                continue
        return False
    return True


def mend(file: BinaryIO, copied: Path, end: int) -> tuple[bool, bool]:
    """Give a copy what its pack has good and it has not, up to an offset.

    Returns:
        whether something was damaged in the copy, and whether something is at home.

    Raises:
        StorageError: the copies are another home's. OSError: the disk of the backup refused.
    """
    with files.replacing(copied, force=True, alone=True) as made:
        with copied.open("rb", buffering=0) as old:
            copy_readable(old, made, 0, os.fstat(old.fileno()).st_size)
        made.flush()
        here, there = _good(file, end), _good(made, end)
        try:
            outer = _outermost(here ^ there)
        except ValueError as error:
            what = (
                f"the copy of {copied.name} is not what this home's begins with: it is another "
                "home's"
            )
            hint = "nothing was changed there; back up into a new folder"
            raise StorageError(what, hint=hint) from error
        for place in outer & here:
            at, size = frame_of(place)
            made.seek(at)
            made.write(system.pread(file.fileno(), size, at))
        made.flush()
        is_headed = start_of(made.fileno()) > 0
        if not is_headed and all(frame_of(place)[0] >= len(HEADER) for place in here | there):
            made.seek(0)
            made.write(HEADER)
    return bool(outer & here) or not is_headed, bool(outer & there)


def _good(file: BinaryIO, end: int) -> set[Place]:
    """The blocks that lie whole in a pack; none where the disk cannot read it."""
    with suppress(OSError):
        return set(scan(file.fileno(), 0, start_of(file.fileno()), end)[0])
    return set()


def _outermost(places: set[Place]) -> set[Place]:
    """Those of some blocks that no other one begins within: whoever stored a block may have filled
    it with what looks like others, which are found where it is damaged.

    Raises:
        ValueError: two begin in one place.
    """
    found, last, end = set[Place](), -1, 0
    for place in sorted(places, key=frame_of):
        at, size = frame_of(place)
        if at == last:
            raise ValueError("two blocks begin in one place")
        if at >= end:
            found.add(place)
            last, end = at, at + size
    return found


def copy_readable(source: BinaryIO, target: BinaryIO, first: int, end: int) -> None:
    """Copy bytes from an offset to another one, at the same offsets; what the disk cannot read is
    left out, and is missed when blocks are read.

    Raises:
        OSError: the target's disk refused. StorageError: the source ends before.
    """
    at = first
    while at < end:
        data = _readable(source.fileno(), at, end)
        if data is None:
            at = min(at + _SECTOR, end)
            continue
        if not data:
            what = f"{source.name} is cut short by {end - at} bytes"
            raise StorageError(what, hint="find out why: custody doctor --deep")
        target.seek(at)
        target.write(data)
        at += len(data)
    target.seek(0, os.SEEK_END)
    if target.tell() < end:
        target.truncate(end)


def _readable(fd: int, at: int, end: int) -> bytes | None:
    """What can be read from an offset on, up to what cannot; None where that begins here."""
    for size in _sizes(at, end):
        with suppress(OSError):
            return system.pread(fd, size, at)
    return None


def _sizes(at: int, end: int) -> Iterator[int]:
    yield min(CHUNK, end - at)
    yield min(_SECTOR, end - at)
