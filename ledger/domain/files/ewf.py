"""Segments of a disk image in the Expert Witness Compression Format, as EnCase, FTK and libewf
write it: how their files are called, and whether one of them is whole.

What is read here are headers of fixed length. What is compressed in an image, and its media, are
read by libewf in a process of its own (`ledger/client/images/image_reader.py`).
"""

from __future__ import annotations

import re
import string
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from ledger.domain.errors import FormatError

#: The kinds of image, by how their first segment ends: EnCase and FTK, EnCase 7, SMART.
Kind = Literal["e01", "ex01", "s01"]
#: Bytes of a segment that say what it is.
HEAD: Final = 32
_FIRST: Final = re.compile(r"(?P<stem>.+)\.(?P<kind>e01|ex01|s01)", re.IGNORECASE | re.DOTALL)
_SIGNATURE: Final = b"EVF\x09\x0d\x0a\xff\x00\x01"
_SIGNATURE_2: Final = b"EVF2\r\n\x81\x00"
_HEADER, _DESCRIPTOR, _TRAILER = 13, 76, 64
_NEXT, _DONE = 0x0D, 0x0F  # sections that end a segment of EnCase 7
#: Sections of one segment: more than its largest one has.
_SECTIONS: Final = 100_000
#: Stretches of sectors that could not be read: as many as a record names.
MOST_ERRORS: Final = 10_000
_ERRORS_AT: Final = 520  # of the list within its section

#: Reads so many bytes at a place; fewer where the file ends.
Read = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Segment:
    """What one segment says of itself.

    ``last``: whether it says that none follows. ``error_count``: how many stretches of sectors
    could not be read when the image was made; None of a format of which they are not read here.
    ``errors``: the first of them, as (first sector, number).
    """

    number: int
    last: bool
    error_count: int | None
    errors: tuple[tuple[int, int], ...]


def first_name(name: str) -> tuple[str, Kind] | None:
    """(stem, kind) of the name of a first segment, such as image.E01; None of any other name."""
    found = _FIRST.fullmatch(name)
    if found is None:
        return None
    kinds: dict[str, Kind] = {"e01": "e01", "ex01": "ex01", "s01": "s01"}
    return found["stem"], kinds[found["kind"].lower()]


def ending(kind: Kind, number: int) -> str:
    """How the name of the so-manieth segment ends, counted from 1, in the usual case.

    Raises:
        FormatError: no name has so high a number.
    """
    lead = {"e01": "E", "ex01": "Ex", "s01": "s"}[kind]
    if number <= 99:
        return f"{lead}{number:02}"
    letters = string.ascii_lowercase if kind == "s01" else string.ascii_uppercase
    rest, third = divmod(number - 100, 26)
    group, second = divmod(rest, 26)
    leads = {
        "e01": string.ascii_uppercase[4:],
        "s01": string.ascii_lowercase[18:],
        "ex01": "xyz",
    }[kind]
    if group >= len(leads):
        raise FormatError(f"segment {number}: a disk image has fewer")
    lead = f"E{leads[group]}" if kind == "ex01" else leads[group]
    return lead + letters[second] + letters[third]


def is_segment(head: bytes) -> bool:
    """Whether a file that begins so is a segment of an image of media."""
    return head.startswith((_SIGNATURE, _SIGNATURE_2))


def examine(read: Read, size: int) -> Segment:
    """What a segment says of itself, once it is known that it is whole.

    Raises:
        FormatError: it does not begin or does not end as a segment does.
    """
    head = read(0, HEAD)
    if head.startswith(_SIGNATURE_2):
        return _examine_second(read, size, head)
    if not head.startswith(_SIGNATURE) or len(head) < _HEADER:
        raise FormatError("it does not begin as a segment of a disk image does")
    (number,) = struct.unpack_from("<H", head, 9)
    at, count = _HEADER, 0
    errors: tuple[tuple[int, int], ...] = ()
    for _ in range(_SECTIONS):
        descriptor = read(at, _DESCRIPTOR)
        if len(descriptor) < _DESCRIPTOR:
            raise FormatError(f"it ends at byte {size}, within a section: it is cut off")
        name, following = struct.unpack_from("<16sQ", descriptor)
        name = name.rstrip(b"\0")
        if name in (b"next", b"done"):
            return Segment(number, name == b"done", count, errors)
        if not at + _DESCRIPTOR <= following < size:
            raise FormatError(
                f"the section at byte {at} says that the next one is at {following}, and the file "
                f"has {size} bytes: it is cut off or damaged"
            )
        if name == b"error2":
            count, errors = _errors(read, at + _DESCRIPTOR, following)
        at = following
    raise FormatError(f"it has more than {_SECTIONS} sections")


def _errors(read: Read, at: int, end: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """The stretches of sectors that could not be read, of the section that begins at a place: how
    many there are, and the first of them.

    Raises:
        FormatError: they are more than the section has room for.
    """
    (count,) = struct.unpack("<I", read(at, 4).ljust(4, b"\0"))
    told = min(count, MOST_ERRORS)
    listed = read(at + _ERRORS_AT, 8 * told)
    if at + _ERRORS_AT + 8 * count > end or len(listed) < 8 * told:
        raise FormatError("its list of sectors that could not be read is cut off")
    return count, tuple(struct.iter_unpack("<II", listed))


def _examine_second(read: Read, size: int, head: bytes) -> Segment:
    """Of EnCase 7 the sections are described behind themselves: the last one ends the file."""
    if len(head) < HEAD:
        raise FormatError("it ends within its header: it is cut off")
    (number,) = struct.unpack_from("<I", head, 12)
    trailer = read(max(size - _TRAILER, 0), _TRAILER)
    kind = struct.unpack_from("<I", trailer)[0] if len(trailer) == _TRAILER else None
    if kind not in (_NEXT, _DONE):
        raise FormatError("its end is not that of a segment: it is cut off or damaged")
    return Segment(number, kind == _DONE, None, ())
