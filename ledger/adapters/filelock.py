"""Locks on files and folders: one that says who holds it, and others that many hold together.

They are the kernel's (portalocker, over flock here): they end with the process, however it ends. On
Windows a locked file can be read by nobody else and none can be replaced while it is open, and a
folder cannot be locked at all: who holds a lock, and the lock on a file that is replaced, stand
beside it there.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from ledger import system
from ledger.domain.errors import LockedError, StorageError

_NO_LOCKS: Final = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
_STOP: Final = "stop that process, or let it serve this home with: custody serve"
_LOOK: Final = 0.02  # seconds; `held` takes the lock for less than that


class FileLock:
    """Held from construction to ``release``; the kernel drops it when the process dies.

    ``token`` is new each time and written into the file: whoever finds it elsewhere knows whether
    this holder wrote that.

    Args:
        hint: what to do where another process holds it. if_possible: a disk without locks, such as
            of some servers, keeps nobody from the work.

    Raises:
        LockedError: another process holds it, naming that process.
        StorageError: it cannot be opened, or is no file.
    """

    def __init__(
        self, path: Path, *, what: str, hint: str = _STOP, if_possible: bool = False
    ) -> None:
        self._fd = -1
        self.token = secrets.token_hex(8)
        try:
            # What a link leads to would be emptied.
            self._fd = system.open_own(path, os.O_RDWR | os.O_CREAT | system.NONBLOCK)
            with _allowed(_NO_LOCKS if if_possible else ()):
                _lock(self._fd)
            self._say(path, f"{os.getpid()} {self.token}\n".encode())
        except BlockingIOError as error:
            holder = _read(self._fd, path)[0] or "unknown"
            self.release()
            what = f"{what} is in use by process {holder}"
            raise LockedError(what, hint=hint) from error
        except OSError as error:
            self.release()
            raise refused(error, path, what=what) from error

    def _say(self, path: Path, holder: bytes) -> None:
        if system.WINDOWS:
            beside = system.open_own(_beside(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            try:
                os.write(beside, holder)
            finally:
                os.close(beside)
            return
        os.ftruncate(self._fd, 0)
        system.pwrite(self._fd, holder, 0)

    def release(self) -> None:
        """Let go; harmless when repeated."""
        if self._fd >= 0:
            let_go(self._fd)
            self._fd = -1


@contextmanager
def _allowed(errors: Collection[int]) -> Iterator[None]:
    """Go on where one of these errors happens."""
    try:
        yield
    except OSError as error:
        if error.errno not in errors:
            raise


def refused(error: OSError, path: Path, *, what: str) -> StorageError:
    """What is to be said of a lock that cannot be had though nobody else holds it."""
    return StorageError(
        f"{what} cannot be locked: {path}: {error.strerror}",
        hint="a file of custody's own: move away what lies there, or mend disk and permissions",
    )


def held(path: Path) -> str | None:
    """The token of whoever holds a lock now; None where nobody does."""
    try:
        # Windows locks only what may be written, and without another library for one alone.
        flags = os.O_RDWR if system.WINDOWS else os.O_RDONLY | system.NONBLOCK
        fd = os.open(path, flags | system.CLOEXEC)
    except OSError:
        return None
    try:
        take(fd, shared=not system.WINDOWS)
    except BlockingIOError:
        return _read(fd, path)[1]
    finally:
        let_go(fd)
    return None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Whoever is to replace a file from what it says now: one at a time, each waiting for the one
    before it.

    Raises:
        OSError: it cannot be opened.
    """
    if system.WINDOWS:
        with _flocked(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, wait=True):
            yield
            return
    while True:
        with _flocked(path, os.O_RDWR, wait=True) as fd:
            if os.path.samestat(os.fstat(fd), path.stat()):  # or it was replaced meanwhile
                yield
                return


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock file that is for nothing else, made where there is none; waits for whoever has
    it. A disk without locks keeps nobody waiting.

    Raises:
        StorageError: it cannot be opened.
    """
    try:
        fd = system.open_own(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise refused(error, path, what="a list of yours") from error
    try:
        try:
            with _allowed(_NO_LOCKS):
                take(fd, wait=True)
        except OSError as error:
            raise refused(error, path, what="a list of yours") from error
        yield
    finally:
        let_go(fd)


@contextmanager
def used(path: Path, *, folder: bool = False) -> Iterator[int]:
    """Hold a file, made where there is none, or a folder that is there, together with others, until
    none of whom does `unused` take it; its descriptor.

    Raises:
        OSError: there is no such folder, or what was held was taken away at that moment.
    """
    with _flocked(path, _flags(folder=folder), shared=True, wait=True) as fd:
        path.stat()  # it may have been taken away between two steps
        yield fd


@contextmanager
def unused(path: Path, *, folder: bool = False) -> Iterator[bool]:
    """Whether nobody holds a file, or a folder that is there; nobody does until the block ends."""
    with ExitStack() as stack:
        try:
            stack.enter_context(_flocked(path, _flags(folder=folder)))
        except BlockingIOError:
            free = False
        else:
            free = True
        yield free


def take(fd: int, *, shared: bool = False, wait: bool = False) -> None:
    """Lock an open file.

    Args:
        shared: together with others who share it.
        wait: until nobody else holds it.

    Raises:
        BlockingIOError: somebody holds it. OSError: it cannot be locked.
    """
    from portalocker import LockFlags, exceptions, lock  # where nothing is locked, nothing is spent

    how = LockFlags.SHARED if shared else LockFlags.EXCLUSIVE
    while True:
        try:
            lock(fd, how if wait else how | LockFlags.NON_BLOCKING)
        except exceptions.AlreadyLocked as error:
            if wait:  # Windows waits for ten seconds at once
                continue
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error
        except exceptions.LockException as error:
            cause = error.__cause__
            raise (
                cause if isinstance(cause, OSError) else OSError(errno.ENOLCK, str(error))
            ) from error
        return


def let_go(fd: int) -> None:
    """Close an open file, and with it the lock. Windows may take its time, unless it is asked."""
    if system.WINDOWS:
        from portalocker import exceptions, unlock

        with suppress(exceptions.LockException, OSError):  # it was not locked
            unlock(fd)
    os.close(fd)


def _beside(path: Path) -> Path:
    """Where it says who holds a lock, where nobody else could read the lock itself."""
    return path.with_name(path.name + ".holder")


def _flags(*, folder: bool) -> int:
    return os.O_RDONLY | system.DIRECTORY if folder else os.O_RDWR | os.O_CREAT


@contextmanager
def _flocked(path: Path, flags: int, *, shared: bool = False, wait: bool = False) -> Iterator[int]:
    fd = system.open_own(path, flags)
    try:
        try:
            take(fd, shared=shared, wait=wait)
        except OSError as error:
            # On a disk without locks nobody finds out that something is unused.
            if not shared or error.errno not in _NO_LOCKS:
                raise
        yield fd
    finally:
        let_go(fd)


def _lock(fd: int) -> None:
    try:
        take(fd)
    except BlockingIOError:
        time.sleep(_LOOK)  # somebody may just be looking
        take(fd)


def _read(fd: int, path: Path) -> tuple[str, str]:
    """Process and token that a lock's file names."""
    try:
        said = _beside(path).read_bytes()[:64] if system.WINDOWS else system.pread(fd, 64, 0)
    except OSError:
        said = b""
    pid, _, token = said.decode("ascii", "replace").strip().partition(" ")
    return pid, token
