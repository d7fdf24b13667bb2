"""The segments of a disk image read as one file, one behind the other: the content of one item, as
`cat image.E*` would write it. Each segment has a digest of its own in the record.

Segments are opened one at a time, as an image may have thousands; that each is still the file that
it was before is told by what the file system says of it (`ledger/client/files/steady_file.py`).
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from ledger import system
from ledger.client.files import steady_file
from ledger.client.files.steady_file import Steady
from ledger.domain.codecs import strict_json
from ledger.domain.codecs.digests import MultiDigest
from ledger.domain.files import path_names

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class _Segment:
    """A segment as it was before it is read."""

    path: Path
    before: os.stat_result
    identity: list[Any]
    doubted: bool

    @property
    def name(self) -> str:
        """What it is called, spelled as in a manifest."""
        return path_names.encode(os.fsencode(self.path.name))

    def open(self) -> BinaryIO:
        """The segment, which is still the file that it was.

        Raises:
            SourceError: it is not, or cannot be read.
        """
        file = _opened(self.path)
        if Steady(file, self.path).identity != self.identity:
            file.close()
            raise steady_file.changed(self.path)
        return file


class SegmentedFile:
    """Segments of an image, in the place of one file (see steady_file.Steady).

    Args:
        beside: algorithms of digests that others stated of a segment, by its name.

    Raises:
        SourceError: one cannot be read, or is no regular file.
    """

    def __init__(
        self, paths: Sequence[Path], beside: Mapping[str, Iterable[str]] | None = None
    ) -> None:
        self._segments = [_looked_at(path) for path in paths]
        self._beside = beside or {}
        self.before = self._segments[0].before
        self.size = sum(one.before.st_size for one in self._segments)
        identities = strict_json.dump([one.identity for one in self._segments])
        self.identity: list[Any] = [sha256(identities).hexdigest()]
        self._joined = _Joined(self._segments, self._beside)

    @property
    def file(self) -> BinaryIO:
        """The bytes of all segments, from the first one on."""
        return cast("BinaryIO", self._joined)

    def close(self) -> None:
        """Close the segment that is open."""
        self._joined.close()

    def segments(self) -> list[dict[str, Any]]:
        """Name, size and digest of each segment, once all were read (`image`, docs/format.md)."""
        return [
            {
                "name": one.name,
                "size": one.before.st_size,
                "digests": digest.hexdigests(),
            }
            for one, digest in zip(self._segments, self._joined.digests, strict=True)
        ]

    def found(self) -> dict[str, dict[str, str]]:
        """The digests of each segment by its name, with those that others stated of it."""
        digests = zip(self._segments, self._joined.digests, strict=True)
        return {one.name: digest.found() for one, digest in digests}

    def digest(self) -> str:
        """SHA-256 of all segments in hex, read beside the place of reading, which stays.

        Raises:
            SourceError: one changes meanwhile, or cannot be read.
        """
        found = self._hash_again()
        self.require_same(found)
        return found

    def require_same(self, digest: str) -> None:
        """Check that what was read is what all segments held at one time.

        Args:
            digest: SHA-256 of what was read, in hex.

        Raises:
            SourceError: one changed meanwhile, or cannot be read again.
        """
        self._require_unchanged()
        if any(one.doubted for one in self._segments):
            if self._hash_again() != digest:
                raise steady_file.changed(self._segments[0].path)
            self._require_unchanged()

    def _require_unchanged(self) -> None:
        for one in self._segments:
            one.open().close()

    def _hash_again(self) -> str:
        found, buffer = sha256(), memoryview(bytearray(_CHUNK))
        with _Joined(self._segments, {}) as joined:
            while count := joined.readinto(buffer):
                found.update(buffer[:count])
        return found.hexdigest()


class _Joined(io.RawIOBase):
    """Reads segments one behind the other; ``digests``: of those that were read to their end.

    Raises from ``readinto``:
        SourceError: a segment cannot be read, or changed.
    """

    def __init__(self, segments: Sequence[_Segment], beside: Mapping[str, Iterable[str]]) -> None:
        super().__init__()
        self._segments = segments
        self._beside = beside
        self._at = -1
        self._file: BinaryIO | None = None
        self._digest = MultiDigest()
        self.digests: list[MultiDigest] = []

    def readinto(self, buffer: Any) -> int:
        """Fill a part of the buffer; returns how many bytes, 0 at the end."""
        view = memoryview(buffer)
        while view.nbytes:
            if self._file is None and not self._next():
                return 0
            assert self._file is not None
            try:
                count = int(self._file.readinto(view) or 0)  # type: ignore[attr-defined]
            except OSError as error:
                raise steady_file.unreadable(self._segments[self._at].path, error) from error
            if count:
                self._digest.update(view[:count])
                return count
            self._end()
        return 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go back to the beginning, and nowhere else."""
        if offset or whence != os.SEEK_SET:
            raise io.UnsupportedOperation("segments are read from their beginning")
        self._shut()
        self._at, self.digests = -1, []
        return 0

    def close(self) -> None:
        """Close the segment that is open."""
        self._shut()
        super().close()

    def _next(self) -> bool:
        if self._at + 1 >= len(self._segments):
            return False
        self._at += 1
        one = self._segments[self._at]
        self._file, self._digest = one.open(), MultiDigest(beside=self._beside.get(one.name, ()))
        return True

    def _end(self) -> None:
        self._shut()
        self.digests.append(self._digest)

    def _shut(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _opened(path: Path) -> BinaryIO:
    try:
        fd = os.open(path, os.O_RDONLY | system.CLOEXEC | system.NONBLOCK)
    except OSError as error:
        raise steady_file.unreadable(path, error) from error
    return os.fdopen(fd, "rb", buffering=0)


def _looked_at(path: Path) -> _Segment:
    with _opened(path) as file:
        steady = Steady(file, path)
        return _Segment(path, steady.before, steady.identity, steady.is_doubted)
