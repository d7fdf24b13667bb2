"""A disk image as it lies on a disk: its segments found by their names, and looked at before
anything of it is read or recorded. An image of which a segment is missing, cut off or another one's
is refused as a whole: half of it would be a record of something else.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ledger import system
from ledger.client.files import steady_file
from ledger.domain.codecs.text import counted
from ledger.domain.errors import FormatError, UsageError
from ledger.domain.files import ewf, path_names

#: Bytes of a record that the list of segments may take: a document holds 1 MiB.
_ROOM: Final = 800_000
_EACH: Final = 160  # of a segment's row besides its name: size and digests
_TOLD: Final = 8  # names of an error


@dataclass(frozen=True, slots=True)
class DiskImage:
    """An image that is whole, as far as its segments say of themselves.

    ``segments``: in their order; ``format``: its code in a record; ``error_count``, ``errors``: see
    ewf.Segment, of all segments together.
    """

    segments: tuple[Path, ...]
    format: str
    error_count: int | None
    errors: tuple[tuple[int, int], ...]

    @property
    def first(self) -> Path:
        """The segment by which the image is named."""
        return self.segments[0]

    @property
    def is_split(self) -> bool:
        """Whether it has several segments."""
        return len(self.segments) > 1

    def names_in_lists(self) -> dict[str, list[bytes]]:
        """Under which names lists of digests may have a segment, the most exact one first, by its
        name as a record spells it: a list has each as a file by itself.
        """
        names = {path: os.fsencode(path.name) for path in self.segments}
        return {path_names.encode(name): [os.fsencode(path), name] for path, name in names.items()}

    def as_json(self) -> dict[str, Any]:
        """What a record says of it before it was read (`image`, docs/format.md)."""
        errors = [{"start": first, "count": count} for first, count in self.errors]
        known = {} if self.error_count is None else {"readErrors": errors}
        return {"format": self.format, **known}


def find(path: Path) -> DiskImage | None:
    """The image that a path names by its first segment, or by any other one; None where it is no
    image of media.

    Raises:
        UsageError: a segment is missing, damaged or of another image, or two are called alike.
        SourceError: one cannot be read.
    """
    named = ewf.first_name(path.name)
    if named is None:
        return _of_later(path)
    stem, kind = named
    segments = _segments(path, stem, kind)
    if sum(len(path_names.encode(os.fsencode(one.name))) + _EACH for one in segments) > _ROOM:
        raise UsageError(
            f"the disk image {path} has {len(segments)} segments, more than one record has room "
            "for",
            hint="write it in larger segments (ewfexport -S), and upload those",
        )
    found = [_examined(one) for one in segments]
    for number, (one, segment) in enumerate(zip(segments, found, strict=True), 1):
        if segment.number != number:
            raise _refused(
                f"{one} should be segment {number} of {counted(len(found), 'segment')}, and says "
                f"of itself that it is segment {segment.number}",
                "give each segment its own name back",
            )
        if segment.last and number < len(found):
            raise _refused(
                f"{one} says that it is the last segment, and {segments[number]} is called like "
                "the next one of the same image",
                "move what is of another image elsewhere",
            )
    if not found[-1].last:
        missing = ewf.ending(kind, len(found) + 1)
        raise _refused(
            f"{segments[-1]} says that another segment follows, and {stem}.{missing} is not "
            "beside it",
            f"find {stem}.{missing} and those that follow it, and lay them beside the others",
        )
    counts = [segment.error_count for segment in found]
    errors = tuple(one for segment in found for one in segment.errors)
    total = None if None in counts else sum(count or 0 for count in counts)
    return DiskImage(tuple(segments), f"ewf-{kind}", total, errors[: ewf.MOST_ERRORS])


def _of_later(path: Path) -> DiskImage | None:
    """The image of which a path names a later segment."""
    stem, dot, ending = path.name.rpartition(".")
    if not dot or not re.fullmatch("[A-Za-z][A-Za-z0-9]{2,3}", ending) or not _begins(path):
        return None
    kinds: tuple[ewf.Kind, ...] = ("e01", "ex01", "s01")
    for kind in kinds:
        first = _called(path.parent, f"{stem}.{ewf.ending(kind, 1)}")
        if first and (found := find(first[0])) is not None and path.name in _names(found.segments):
            return found
    raise _refused(
        f"{path} is a later segment of a disk image, and the first one is not beside it",
        f"find {stem}.E01 and the segments between, and lay them beside it",
    )


def _segments(first: Path, stem: str, kind: ewf.Kind) -> list[Path]:
    """The segments of an image, without a gap.

    Raises:
        UsageError: there is a gap, or two are called alike.
    """
    if not _begins(first):
        raise _refused(
            f"{first} is called as a disk image, and does not begin as one of EnCase, FTK, libewf "
            "or SMART does",
            "get the image anew from whoever made it",
        )
    segments = called_as_segments(first)
    gap = ewf.ending(kind, len(segments) + 1)
    later = [
        one
        for paths in _beside(first.parent, stem).values()
        for one in paths
        if one not in segments and _begins(one)
    ]
    if later:
        raise _refused(
            f"segment {stem}.{gap} is missing: {_told(_names(later))} would follow it",
            f"find {stem}.{gap}, and lay it beside the others",
        )
    return segments


def called_as_segments(first: Path) -> list[Path]:
    """A file and those beside it that are called as the next segments of the same image, as far as
    none is missing; the file alone where it is not called as a first segment. None is looked into.

    Raises:
        UsageError: two are called alike. SourceError: the folder cannot be read.
    """
    named = ewf.first_name(first.name)
    if named is None:
        return [first]
    stem, kind = named
    beside, segments = _beside(first.parent, stem), [first]
    while called := beside.get(_next_ending(kind, len(segments)), []):
        if len(called) > 1:
            raise UsageError(
                f"{called[0]} and {called[1]} are called alike: it is not certain which one is the "
                "segment",
                hint="move the one that does not belong to the image elsewhere",
            )
        segments += called
    return segments


def _next_ending(kind: ewf.Kind, number: int) -> str:
    """How the name behind the so-manieth segment ends, in lower case; empty where there is none."""
    try:
        return ewf.ending(kind, number + 1).lower()
    except FormatError:
        return ""


def _beside(folder: Path, stem: str) -> dict[str, list[Path]]:
    """The files of a stem, by how their names end, in lower case."""
    found: dict[str, list[Path]] = {}
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise steady_file.unreadable(folder, error) from error
    for path in paths:
        start, dot, ending = path.name.rpartition(".")
        if dot and start == stem and len(ending) in (3, 4):
            found.setdefault(ending.lower(), []).append(path)
    return found


def _called(folder: Path, name: str) -> list[Path]:
    stem, _, ending = name.rpartition(".")
    return _beside(folder, stem).get(ending.lower(), [])


def _begins(path: Path) -> bool:
    """Whether a file begins as a segment does."""
    try:
        fd = os.open(path, os.O_RDONLY | system.CLOEXEC | system.NONBLOCK)
    except OSError as error:
        raise steady_file.unreadable(path, error) from error
    with os.fdopen(fd, "rb", buffering=0) as file:
        try:
            return ewf.is_segment(system.pread(file.fileno(), ewf.HEAD, 0))
        except OSError:  # a folder, or what cannot be read: it is told as itself later
            return False


def _examined(path: Path) -> ewf.Segment:
    try:
        fd = os.open(path, os.O_RDONLY | system.CLOEXEC | system.NONBLOCK)
        with os.fdopen(fd, "rb", buffering=0) as file:
            return ewf.examine(
                lambda at, size: system.pread(file.fileno(), size, at),
                os.fstat(file.fileno()).st_size,
            )
    except OSError as error:
        raise steady_file.unreadable(path, error) from error
    except FormatError as error:
        raise _refused(
            f"{path} is a damaged segment of a disk image: {error.message}",
            "get this segment anew from whoever made the image",
        ) from error


def _refused(message: str, remedy: str) -> UsageError:
    hint = f"{remedy}; what must be recorded as it is, upload with --plain-file"
    return UsageError(message, hint=hint)


def _names(paths: tuple[Path, ...] | list[Path]) -> list[str]:
    return [path.name for path in paths]


def _told(names: list[str]) -> str:
    more = f" and {counted(len(names) - _TOLD, 'more file')}" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more
