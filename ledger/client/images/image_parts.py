"""A disk image that comes back: one content, cut into the segments that were recorded."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Any, BinaryIO, Self

from ledger.domain.errors import FormatError
from ledger.domain.files import ewf


def parts(body: dict[str, Any], first: str) -> list[tuple[str, int]]:
    """Name and size of each segment, where the record of an item says that it is an image of
    several; empty of anything else, and where the record does not agree with itself.

    Args:
        body: of the event that opened the item. first: how the first segment is to be called, from
            which the names of the others follow. Recorded names are not: they are foreign, and
            may be withheld.
    """
    segments = body.get("image", {}).get("segments", [])
    named = ewf.first_name(first)
    if len(segments) < 2 or named is None or any("size" not in one for one in segments):
        return []
    sizes = [one["size"] for one in segments]
    if sum(sizes) != body.get("size") or not all(sizes):
        return []
    stem, kind = named
    try:
        later = [f"{stem}.{ewf.ending(kind, number)}" for number in range(2, len(sizes) + 1)]
    except FormatError:
        return []
    return list(zip([first, *later], sizes, strict=True))


class PartsWriter:
    """Takes the content of an image, and writes its segments one after the other.

    Args:
        open_part: opens the file of a segment, by its name.
    """

    def __init__(
        self,
        each: list[tuple[str, int]],
        open_part: Callable[[str], AbstractContextManager[BinaryIO]],
    ) -> None:
        self._left = each[::-1]
        self._open_part = open_part
        self._stack = ExitStack()
        self._file: BinaryIO | None = None
        self._room = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._file is None and self._left:
            self._next()  # nothing was written: an empty content is an empty file, not none
        self._stack.__exit__(kind, error, trace)

    def write(self, data: bytes) -> int:
        """Write more of the content, of which there is as much as the segments have room for."""
        view = memoryview(data)
        while view.nbytes:
            if not self._room:
                self._next()
            assert self._file is not None
            piece = view[: self._room]
            self._file.write(piece)
            self._room -= piece.nbytes
            view = view[piece.nbytes :]
        return len(data)

    def _next(self) -> None:
        self._stack.close()
        name, self._room = self._left.pop()
        self._file = self._stack.enter_context(self._open_part(name))
