"""One reading of a file that others may write to meanwhile: what is signed are the bytes that the
file had at one time.

A file that is written to gets a new time of change (ctime), which nobody can set back as they can
the time of modification. That time moves in steps, though, and some file systems keep it to two
seconds only: a file that changed just before it was read is in doubt, and is hashed again. Not seen
is what another process writes through memory that it had mapped and written to before.
"""

from __future__ import annotations

import os
import stat
import time
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from ledger import system
from ledger.client.files.folder_walk import kind_of, reason_of
from ledger.domain.errors import SourceError

_DOUBT: Final = 2 * 10**9  # nanoseconds: the coarsest clock of a file system in use (FAT)
_CHUNK: Final = 1 << 20


class Steady:
    """An open file, as it was before it is read.

    Args:
        file: unbuffered, at its beginning; stays with the caller.

    Raises:
        SourceError: it is no regular file.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file = file
        self._path = path
        self.before = os.fstat(file.fileno())
        if not stat.S_ISREG(self.before.st_mode):
            raise SourceError(
                f"{path} is not a regular file any more",
                f"became a {kind_of(self.before.st_mode)} meanwhile",
            )
        #: Whether it changed so shortly before that a change meanwhile may not be seen.
        self.is_doubted = not system.changes_are_stamped() or (
            time.time_ns() - self.before.st_ctime_ns < _DOUBT
        )

    @property
    def identity(self) -> list[Any]:
        """What changes when the file does: device, inode, size, times of modification and of
        change.
        """
        found = self.before
        return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]

    @property
    def size(self) -> int:
        """Bytes of the file when it was opened."""
        return self.before.st_size

    def require_same(self, digest: str) -> None:
        """Check that what was read is what the file held at one time.

        Args:
            digest: SHA-256 of what was read, in hex.

        Raises:
            SourceError: it changed meanwhile, or cannot be read again.
        """
        self._require_unchanged()
        if self.is_doubted:
            if self._hash_again() != digest:
                raise changed(self._path)
            self._require_unchanged()

    def digest(self) -> str:
        """SHA-256 of the file in hex, read beside the place of reading, which stays.

        Raises:
            SourceError: it changes meanwhile, or cannot be read.
        """
        found = self._hash_again()
        self.require_same(found)
        return found

    def _require_unchanged(self) -> None:
        after, before = os.fstat(self.file.fileno()), self.before
        if (after.st_size, after.st_mtime_ns, after.st_ctime_ns) != (
            before.st_size,
            before.st_mtime_ns,
            before.st_ctime_ns,
        ):
            raise changed(self._path)

    def _hash_again(self) -> str:
        found, at, fd = sha256(), 0, self.file.fileno()
        try:
            while data := system.pread(fd, _CHUNK, at):
                found.update(data)
                at += len(data)
        except OSError as error:
            raise unreadable(self._path, error) from error
        return found.hexdigest()


class Made:
    """What was made in memory, in the place of a file."""

    def __init__(self, data: bytes) -> None:
        self.file: BinaryIO = BytesIO(data)
        self.size = len(data)
        self.identity: list[Any] = [sha256(data).hexdigest()]

    def digest(self) -> str:
        """SHA-256 of it in hex."""
        return str(self.identity[0])

    def require_same(self, digest: str) -> None:
        """Nobody else can write to it."""


CHANGED: Final = "changed while it was read"


def changed(path: Path) -> SourceError:
    """What is told of a file that others write to."""
    return SourceError(
        f"{path} {CHANGED}",
        CHANGED,
        hint="stop what writes to it, then upload again; nothing of it was recorded",
    )


def unreadable(path: Path, error: OSError) -> SourceError:
    """What is told of a file that cannot be read."""
    hint = "check the path, your permissions and the medium; nothing of it was recorded"
    return SourceError(f"cannot read {path}: {error.strerror}", reason_of(error), hint=hint)
