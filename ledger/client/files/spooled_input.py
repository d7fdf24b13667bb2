"""What comes through a pipe, kept until it is recorded: how long it is must be known before it is
sealed, since padding follows the size, and it can be read once only.

It lies encrypted on the disk, in a file without a name, under a key that is in memory alone: what
is left of it after a crash opens for nobody.
"""

from __future__ import annotations

import io
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.client.files import steady_file
from ledger.client.files.steady_file import Made
from ledger.domain.errors import SourceError, UnwrittenError, UsageError

_CHUNK: Final = 1 << 20
_TAG: Final = 16
_NAMED: Final = Path("standard input")


class SpooledInput(Made):
    """A stream, read to its end, in the place of a file.

    Args:
        folder: where it is kept meanwhile.

    Raises:
        UsageError: nothing came. SourceError: it broke off. UnwrittenError: there is no room.
    """

    def __init__(self, stream: BinaryIO, folder: Path) -> None:
        self._spool = _Spool(folder)
        try:
            self._fill(stream)
        except BaseException:
            self._spool.close()
            raise
        self.file = cast("BinaryIO", self._spool)

    def _fill(self, stream: BinaryIO) -> None:
        digest, self.size = sha256(), 0
        while data := _chunk(stream):
            digest.update(data)
            self.size += len(data)
            self._spool.add(data)
        if not self.size:
            raise UsageError(
                "nothing came through the pipe: nothing was recorded",
                hint="look at what writes into it; a file that is empty is recorded by its path",
            )
        self.identity: list[Any] = [digest.hexdigest()]

    def require_same(self, digest: str) -> None:
        """Check that what was sealed is what came.

        Raises:
            SourceError: the disk gave something else back.
        """
        if digest != self.identity[0]:
            raise steady_file.changed(_NAMED)

    def close(self) -> None:
        """Let it go; nothing is left of it."""
        self._spool.close()


def _chunk(stream: BinaryIO) -> bytes:
    """As much of a stream as is kept at once, or what there is before its end."""
    found = bytearray()
    try:
        while len(found) < _CHUNK and (data := stream.read(_CHUNK - len(found))):
            found += data
    except OSError as error:
        raise steady_file.unreadable(_NAMED, error) from error
    return bytes(found)


class _Spool(io.RawIOBase):
    """Chunks on the disk, each sealed under a key of this run and its number."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._cipher = AESGCM(AESGCM.generate_key(256))
        self._count = self._next = 0
        self._left = b""
        try:
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (closed by close)
        except OSError as error:
            raise _full(error) from error

    def add(self, data: bytes) -> None:
        """Keep the next chunk; all but the last are of one size."""
        sealed = self._cipher.encrypt(self._count.to_bytes(12, "big"), data, None)
        try:
            self._file.write(sealed)
            self._file.flush()
        except OSError as error:
            raise _full(error) from error
        self._count += 1

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Read on; 0 at the end."""
        view = memoryview(buffer).cast("B")
        if not self._left and self._next < self._count:
            self._left = self._opened(self._next)
            self._next += 1
        count = min(len(view), len(self._left))
        view[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def _opened(self, number: int) -> bytes:
        try:
            self._file.seek(number * (_CHUNK + _TAG))
            sealed = self._file.read(_CHUNK + _TAG)
            return self._cipher.decrypt(number.to_bytes(12, "big"), sealed, None)
        except InvalidTag as error:
            raise SourceError(
                "what came through the pipe was damaged on the disk",
                "damaged on the disk",
                hint="check the disk, then send it again; nothing of it was recorded",
            ) from error

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Back to the beginning, and nowhere else."""
        if (offset, whence) != (0, io.SEEK_SET):
            raise io.UnsupportedOperation("only the beginning")
        self._next, self._left = 0, b""
        return 0

    def close(self) -> None:
        """Let the file go, which has no name."""
        if not self.closed and hasattr(self, "_file"):
            self._file.close()
        super().close()


def _full(error: OSError) -> UnwrittenError:
    return UnwrittenError(
        f"what comes through the pipe cannot be kept: {error.strerror}",
        hint="it is kept, encrypted, on the disk of the home until it is recorded: make room there",
    )
