"""Locks on files and folders: one that says who holds it, and others that many hold together."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from ledger.domain.errors import LockedError, StorageError

_NO_LOCKS: Final = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
_LOOK: Final = 0.02  # seconds; `held` takes the lock for less than that


class FileLock:
    """Held from construction to ``release``; the kernel drops it when the process dies.

    ``token`` is new each time and written into the file: whoever finds it elsewhere knows whether
    this holder wrote that.

    Raises:
        LockedError: another process holds it, naming that process.
        StorageError: it cannot be opened, or is no file.
    """

    def __init__(self, path: Path, *, what: str) -> None:
        self._fd = -1
        self.token = secrets.token_hex(8)
        try:
            # What a link leads to would be emptied.
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            self._fd = os.open(path, flags, 0o600)
            _lock(self._fd)
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()} {self.token}\n".encode(), 0)
        except BlockingIOError as error:
            holder = _read(self._fd)[0] or "unknown"
            self.release()
            raise LockedError(
                f"{what} is in use by process {holder}",
                hint="stop that process, or let it serve this home with: custody serve",
            ) from error
        except OSError as error:
            self.release()
            raise refused(error, path, what=what) from error

    def release(self) -> None:
        """Let go; harmless when repeated."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def refused(error: OSError, path: Path, *, what: str) -> StorageError:
    """What is to be said of a lock that cannot be had though nobody else holds it."""
    return StorageError(
        f"{what} cannot be locked: {path}: {error.strerror}",
        hint="a file of custody's own: move away what lies there, or mend disk and permissions",
    )


def held(path: Path) -> str | None:
    """The token of whoever holds a lock now; None where nobody does."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(fd)[1]
    finally:
        os.close(fd)
    return None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Whoever is to replace a file from what it says now: one at a time, each waiting for the one
    before it.

    Raises:
        OSError: it cannot be opened.
    """
    while True:
        with _flocked(path, os.O_RDWR, fcntl.LOCK_EX) as fd:
            if os.path.samestat(os.fstat(fd), path.stat()):  # or it was replaced meanwhile
                yield
                return


@contextmanager
def used(path: Path, *, folder: bool = False) -> Iterator[int]:
    """Hold a file, made where there is none, or a folder that is there, together with others, until
    none of whom does `unused` take it; its descriptor.

    Raises:
        OSError: there is no such folder, or what was held was taken away at that moment.
    """
    with _flocked(path, _flags(folder=folder), fcntl.LOCK_SH) as fd:
        path.stat()  # it may have been taken away between two steps
        yield fd


@contextmanager
def unused(path: Path, *, folder: bool = False) -> Iterator[bool]:
    """Whether nobody holds a file, or a folder that is there; nobody does until the block ends."""
    with ExitStack() as stack:
        try:
            how = fcntl.LOCK_EX | fcntl.LOCK_NB
            stack.enter_context(_flocked(path, _flags(folder=folder), how))
        except BlockingIOError:
            free = False
        else:
            free = True
        yield free


def _flags(*, folder: bool) -> int:
    kind = os.O_RDONLY | os.O_DIRECTORY if folder else os.O_RDWR | os.O_CREAT
    return kind | os.O_NOFOLLOW


@contextmanager
def _flocked(path: Path, flags: int, how: int) -> Iterator[int]:
    fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, how)
        except OSError as error:
            # On a disk without locks nobody finds out that something is unused.
            if how != fcntl.LOCK_SH or error.errno not in _NO_LOCKS:
                raise
        yield fd
    finally:
        os.close(fd)


def _lock(fd: int) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(_LOOK)  # somebody may just be looking
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _read(fd: int) -> tuple[str, str]:
    """Process and token that a lock's file names."""
    pid, _, token = os.pread(fd, 64, 0).decode("ascii", "replace").strip().partition(" ")
    return pid, token
