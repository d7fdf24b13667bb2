"""Sections of a pack: one block each (CARv1), found again behind what is damaged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Final

from ledger import system
from ledger.adapters.ipfs.packindex import Place
from ledger.domain.codecs import varint
from ledger.domain.errors import (
    FormatError,
    UnreadableError,
    VerificationError,
)
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import MAX_BLOCK

RESTORE_HINT: Final = "restore the block from a replica or a backup"
_SEARCHED: Final = 1 << 20
_TRIED: Final = 1 << 30  # bytes
LONGEST_LENGTH: Final = 4  # bytes
_OVERLAP: Final = 16  # longer than a length and the beginning of a CID
_CID: Final = re.compile(
    rb"\x01[\x55\x70]\x12\x20"
)  # version 1, raw or dag-pb, SHA-256 of 32 bytes


def checked(cid: bytes, data: bytes, place: Place) -> bytes:
    """What was read of a block, if it is the block.

    Raises:
        UnreadableError, VerificationError: it is cut short, or altered.
    """
    if len(data) != place.size:
        raise UnreadableError(f"block {cids.to_text(cid)} is cut short on disk", hint=RESTORE_HINT)
    try:
        cids.verify(cid, data)
    except FormatError as error:
        raise VerificationError(
            9, f"block {cids.to_text(cid)} was altered on disk", hint=RESTORE_HINT
        ) from error
    return data


def scan(fd: int, number: int, at: int, end: int) -> tuple[list[Place], int, bool]:
    """The blocks of a pack from an offset on; where the last one ends; and whether nothing but what
    was torn at the end of the pack is no block.
    """
    places: list[Place] = []
    good, whole = at, True
    while at < end:
        place, behind = section(fd, number, at)
        if place is not None:
            places.append(place)
            at = good = behind
            continue
        following, is_certain = behind, True
        if not behind or section(fd, number, behind)[0] is None:
            following, is_certain = next_section(fd, number, at + 1, end)
        whole = whole and is_certain and following == end and _is_torn(fd, at, end)
        at = following
    return places, good, whole


def _is_torn(fd: int, at: int, end: int) -> bool:
    """Whether what lies at the end of a pack, and is no whole block, is a write that a crash tore,
    and not blocks that a disk altered. A torn write is the beginning of one block, and shorter than
    its length says: whatever else names blocks there was written whole.
    """
    size, skip = length(system.pread(fd, 9, at))
    for name_at in names(fd, at, end):
        if name_at > at + LONGEST_LENGTH:
            return False
        is_framed = size > 0 and name_at == at + skip
        if (is_framed and at + skip + size <= end) or _reaches(fd, name_at, end):
            return False
    return not size or at + skip + size > end


def names(fd: int, at: int, end: int) -> Iterator[int]:
    """Where, in a stretch of a pack, something lies that is the beginning of a CID."""
    while at < end:
        data = system.pread(fd, min(_SEARCHED, end - at), at)
        for match in _CID.finditer(data):
            if match.start() < len(data) - _OVERLAP or at + len(data) >= end:
                yield at + match.start()
        if len(data) <= _OVERLAP:
            return
        at += len(data) - _OVERLAP


def _reaches(fd: int, name_at: int, end: int) -> bool:
    """Whether all that lies behind a CID hashes to it: the length before it was altered."""
    size = end - name_at - cids.SIZE
    if not 0 <= size <= MAX_BLOCK:
        return False
    data = system.pread(fd, cids.SIZE + size, name_at)
    return sha256(data[cids.SIZE :]).digest() == data[4 : cids.SIZE]


def frame_of(place: Place) -> tuple[int, int]:
    """Where a block begins with its frame, and how long it is with it."""
    head = len(varint.encode(cids.SIZE + place.size)) + cids.SIZE
    return place.at - head, head + place.size


def named_before(place: Place) -> Place:
    """Where the CID of a block lies: straight before it."""
    return Place(place.cid, place.pack, place.at - cids.SIZE, cids.SIZE)


def section(fd: int, number: int, at: int) -> tuple[Place | None, int]:
    """The block that a pack has at an offset, None where none lies there whole; and where the next
    one begins, 0 if nobody can tell.
    """
    size, skip = length(system.pread(fd, 9, at))
    if not size:
        return None, 0
    data = system.pread(fd, size, at + skip)
    if len(data) != size:
        return None, 0
    try:
        cid = cids.check(data[: cids.SIZE])
        cids.verify(cid, data[cids.SIZE :])
    except FormatError:
        return None, at + skip + size
    return Place(cid, number, at + skip + cids.SIZE, size - cids.SIZE), at + skip + size


def length(head: bytes) -> tuple[int, int]:
    """The length with which a section begins, and of how many bytes that is; 0 for both where no
    block has such a length.
    """
    with suppress(FormatError):
        size, skip = varint.decode(head, 0)
        if cids.SIZE <= size <= MAX_BLOCK + cids.SIZE:
            return size, skip
    return 0, 0


def next_section(fd: int, number: int, at: int, end: int) -> tuple[int, bool]:
    """Where the next whole block begins behind one whose length is torn or altered; ``end`` where
    there is none, and whether that is certain.

    Whoever stored a block may have filled it with what looks like the beginnings of others: so many
    bytes are hashed, and no more.
    """
    tried = 0
    while at < end:
        data = system.pread(fd, _SEARCHED, at)
        if not data:  # the file ends before what is said to be in it: it was cut
            return end, False
        for match in _CID.finditer(data):
            # Before the CID stands the length of both, one to four bytes of it.
            for start in range(max(at + match.start() - LONGEST_LENGTH, at), at + match.start()):
                place, behind = section(fd, number, start)
                if place is not None:
                    return start, True
                tried += max(behind - start, 0)
                if tried > _TRIED:
                    return end, False
        at += len(data) - _OVERLAP if len(data) > _OVERLAP else len(data)
    return end, True
