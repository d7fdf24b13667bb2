"""The packs of a block store as files: all are read, and one is appended to."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from ledger import system
from ledger.adapters import files
from ledger.adapters.ipfs.pack_sections import RESTORE_HINT
from ledger.adapters.ipfs.packindex import Place
from ledger.domain.errors import StorageError, UnreadableError
from ledger.domain.ipld import car
from ledger.domain.ipld import cid as cids

HEADER: Final = car.header([])
_NAME: Final = re.compile(r"pack-(\d{6,})\.car", re.ASCII)
#: Says beside the packs which number was given last.
NEWEST: Final = "packs.newest"
_NUMBER: Final = re.compile(rb"\d{1,15}\n")
_OPEN: Final = 128  # packs that stay open for reading; a process often may open 1,024 files
_BUFFERS: Final = 512  # below the kernel's limit of 1024 a call


def name_of(number: int) -> str:
    """What the file of a pack is called."""
    return f"pack-{number:06}.car"


def number_of(name: str) -> int | None:
    """The number of the pack that is called so; None where no pack is."""
    match = _NAME.fullmatch(name)
    number = int(match[1]) if match is not None else None
    return number if number is not None and name_of(number) == name else None


def packs_in(directory: Path) -> dict[int, Path]:
    """The packs in a folder by number, in order. What is called almost like one (a copy that
    somebody made, an editor's), or is no file, is none.

    Raises:
        StorageError: a link lies in the place of a pack. Removing the pack would leave the file
            that it leads to, and blocks would be written into that file.
    """
    found = {}
    for path in directory.iterdir():
        number = number_of(path.name)
        if number is None:
            continue
        if path.is_symlink():
            raise StorageError(
                f"{path} is a link, where the file of a pack is expected",
                hint="find out who put it there; put the file itself in its place",
            )
        if path.is_file():
            found[number] = path
    return dict(sorted(found.items()))


def start_of(fd: int) -> int:
    """Where the blocks of a pack begin: behind its header, which a torn or damaged pack lacks."""
    return len(HEADER) if system.pread(fd, len(HEADER), 0) == HEADER else 0


class PackFiles:
    """Those in ``directory``. One thread at a time: the store's lock guards them.

    ``number`` is that of the pack which is written to, ``end`` where its last block ends. What a
    failed call wrote behind that is written over by the next one.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._readers: dict[int, int] = {}
        self._fd = -1
        self.number = 0
        self.end = 0

    def path(self, number: int) -> Path:
        """The file of a pack."""
        return self._directory / name_of(number)

    def free(self, number: int) -> int:
        """The first number, from this one on, whose file is a pack or does not exist yet: a number
        at which something else bears the name of a pack is passed over.
        """
        while os.path.lexists(self.path(number)) and not self.path(number).is_file():
            number += 1
        return number

    def newest(self) -> int:
        """The number that was given last, -1 where that is not known: it outlives the index, and
        the pack itself.
        """
        with suppress(OSError):
            said = files.read_small(self._directory / NEWEST, 16)
            if _NUMBER.fullmatch(said):
                return int(said)
        return -1

    def _note(self, number: int) -> None:
        """Write down that a number is given, before there is a pack of it. A full disk keeps nobody
        from a pack that is there.

        Raises:
            StorageError: it cannot be written, and the pack would be new.
        """
        if number <= self.newest():
            return
        try:
            files.write(self._directory / NEWEST, b"%d\n" % number)
        except StorageError:
            if not self.path(number).exists():
                raise

    def begin(self, number: int) -> None:
        """Write to this pack from now on; it is made where there is none.

        Raises:
            OSError, StorageError: the disk refused; what was written to until now still is.
        """
        self._note(number)
        flags = os.O_RDWR | os.O_CREAT | system.CLOEXEC | system.NOFOLLOW
        fd = os.open(self.path(number), flags, 0o600)
        try:
            end = os.lseek(fd, 0, os.SEEK_END)
            if end == 0:
                end = system.pwrite(fd, HEADER, 0)
                system.fsync(fd)
                files.sync_directory(self._directory)
        except OSError:
            os.close(fd)
            raise
        if self._fd >= 0:
            os.close(self._fd)
        self.number, self._fd, self.end = number, fd, end

    def write(self, parts: Sequence[bytes | memoryview]) -> None:
        """Write behind the last block, durably. It does not count before ``end`` is moved.

        Raises:
            OSError: the disk refused; nothing was written.
        """
        try:
            at = self.end
            for start in range(0, len(parts), _BUFFERS):
                at += self._write(parts[start : start + _BUFFERS], at)
            system.fsync(self._fd)
        except OSError:
            self.undo()
            raise

    def _write(self, parts: Sequence[bytes | memoryview], at: int) -> int:
        total = sum(len(part) for part in parts)
        written = system.pwritev(self._fd, parts, at)
        if written != total:  # a nearly full disk: finish or fail in one plain write
            rest = b"".join(parts)[written:]
            while rest:
                count = system.pwrite(self._fd, rest, at + written)
                written, rest = written + count, rest[count:]
        return total

    def undo(self) -> None:
        """Forget a failed call: the next one writes over its bytes, and recovery cuts them off."""
        with suppress(OSError):
            os.ftruncate(self._fd, self.end)

    def read(self, place: Place) -> bytes:
        """What lies at a place, whatever it is.

        Raises:
            UnreadableError: the disk could not be read.
        """
        try:
            return self._pread(place.pack, place.size, place.at)
        except OSError as error:
            raise UnreadableError(
                f"block {cids.to_text(place.cid)} could not be read: {error}",
                hint=f"check the disk; {RESTORE_HINT}",
            ) from error

    def _pread(self, number: int, size: int, at: int) -> bytes:
        """Read through a descriptor that stays open, as long as few are: a process may have fewer
        than there are packs.
        """
        kept = self._readers.get(number)
        if kept is not None:
            return system.pread(kept, size, at)
        fd = os.open(self.path(number), os.O_RDONLY | system.CLOEXEC)
        if len(self._readers) < _OPEN:
            self._readers[number] = fd
            return system.pread(fd, size, at)
        try:
            return system.pread(fd, size, at)
        finally:
            os.close(fd)

    def name(self, number: int, at: int) -> bytes:
        """The CID that stands before what lies in a pack at an offset.

        Raises:
            OSError: the disk could not be read.
        """
        return self._pread(number, cids.SIZE, at - cids.SIZE)

    def remove(self, number: int) -> None:
        """Take a pack away, durably: what was destroyed must not come back after a power failure.

        Raises:
            OSError: the disk refused.
        """
        if number in self._readers:
            os.close(self._readers.pop(number))
        self.path(number).unlink(missing_ok=True)
        files.sync_directory(self._directory)

    def close(self) -> None:
        """Close what is open."""
        for fd in (*self._readers.values(), self._fd):
            os.close(fd)
        self._readers.clear()
