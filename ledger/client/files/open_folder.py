"""A folder held open while it is walked, so that what is swapped meanwhile is not followed.

By descriptor everything is opened inside the folder that lists it. Windows opens no folder: there a
folder is held by its path, and each file and folder in it is compared, once open, with what was
found before. A folder above it that is swapped for a junction meanwhile is followed there.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol

from ledger import system

_OPEN: Final = os.O_RDONLY | system.CLOEXEC | system.NONBLOCK | system.NOFOLLOW


class OpenFolder(Protocol):
    """A folder that stays the same one until it is closed. Each method raises OSError."""

    def open(self, name: bytes) -> int:
        """A descriptor of a file in it for reading; links are not followed."""

    def enter(self, name: bytes) -> OpenFolder:
        """A folder in it; links are not followed."""

    def scan(self) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        """What lies in it."""

    def names(self) -> list[str]:
        """The names of what lies in it."""

    def stat(self) -> os.stat_result:
        """What the file system says of it."""

    def stat_of(self, name: bytes) -> os.stat_result:
        """What the file system says of something in it, links not followed."""

    def target(self, name: bytes) -> bytes:
        """Where a link in it leads."""

    def attributes(self) -> list[tuple[bytes, bytes]]:
        """Its extended attributes."""

    def close(self) -> None:
        """Let it go."""


class FolderByDescriptor:
    """See OpenFolder; names may be longer than any path that the system takes."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def open(self, name: bytes) -> int:
        """See OpenFolder."""
        return os.open(name, _OPEN, dir_fd=self._fd)

    def enter(self, name: bytes) -> OpenFolder:
        """See OpenFolder."""
        return FolderByDescriptor(os.open(name, _OPEN | system.DIRECTORY, dir_fd=self._fd))

    def scan(self) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        """See OpenFolder."""
        return os.scandir(self._fd)

    def names(self) -> list[str]:
        """See OpenFolder."""
        return os.listdir(self._fd)  # noqa: PTH208  (an open folder)

    def stat(self) -> os.stat_result:
        """See OpenFolder."""
        return os.fstat(self._fd)

    def stat_of(self, name: bytes) -> os.stat_result:
        """See OpenFolder."""
        return os.stat(name, dir_fd=self._fd, follow_symlinks=False)

    def target(self, name: bytes) -> bytes:
        """See OpenFolder."""
        return os.readlink(name, dir_fd=self._fd)

    def attributes(self) -> list[tuple[bytes, bytes]]:
        """See OpenFolder."""
        return system.attributes(self._fd)

    def close(self) -> None:
        """See OpenFolder."""
        os.close(self._fd)


class FolderByPath:
    """See OpenFolder: for Windows, by a path of any length."""

    def __init__(self, path: str) -> None:
        self._path = system.long_path(path)
        self._found = Path(self._path).stat()
        if not stat.S_ISDIR(self._found.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)

    def _within(self, name: bytes) -> str:
        return system.long_path(os.path.join(self._path, os.fsdecode(name)))  # noqa: PTH118

    def _found_in(self, name: bytes) -> os.stat_result:
        """What is there, where it is no link and the folder is still the one that was listed."""
        if not os.path.samestat(Path(self._path).stat(), self._found):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), self._path)
        found = self.stat_of(name)
        if system.leads_elsewhere(found):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), self._path)
        return found

    def open(self, name: bytes) -> int:
        """See OpenFolder."""
        found = self._found_in(name)
        fd = os.open(self._within(name), os.O_RDONLY | system.CLOEXEC)
        if not os.path.samestat(os.fstat(fd), found):
            os.close(fd)
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), self._path)
        return fd

    def enter(self, name: bytes) -> OpenFolder:
        """See OpenFolder."""
        found = self._found_in(name)
        entered = FolderByPath(self._within(name))
        if not os.path.samestat(entered.stat(), found):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), self._path)
        return entered

    def scan(self) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        """See OpenFolder."""
        return os.scandir(self._path)

    def names(self) -> list[str]:
        """See OpenFolder."""
        return os.listdir(self._path)  # noqa: PTH208

    def stat(self) -> os.stat_result:
        """See OpenFolder."""
        return self._found

    def stat_of(self, name: bytes) -> os.stat_result:
        """See OpenFolder."""
        return os.lstat(self._within(name))

    def target(self, name: bytes) -> bytes:
        """See OpenFolder."""
        return os.fsencode(os.readlink(self._within(name)))  # noqa: PTH115

    def attributes(self) -> list[tuple[bytes, bytes]]:
        """See OpenFolder."""
        return []

    def close(self) -> None:
        """See OpenFolder."""


def open_folder(path: Path) -> OpenFolder:
    """Open a folder that somebody named; a link is followed.

    Raises:
        OSError: it cannot be opened, or is none.
    """
    if system.WINDOWS:
        return FolderByPath(str(path))
    return FolderByDescriptor(os.open(path, os.O_RDONLY | system.CLOEXEC | system.DIRECTORY))


def open_below(root: Path, path: Path) -> OpenFolder:
    """Open a folder that was found below another one. No link is followed on the way from there:
    whoever may write in between may put one in the place of what was found.

    Raises:
        OSError: it cannot be opened, or something on the way is no folder.
        ValueError: it does not lie below.
    """
    found = open_folder(root)
    for part in path.relative_to(root).parts:
        outer = found
        try:
            found = outer.enter(os.fsencode(part))
        finally:
            outer.close()
    return found
