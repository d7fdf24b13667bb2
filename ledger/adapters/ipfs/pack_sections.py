"""Sections of a pack: one block each (CARv1), found again behind what is damaged."""

from __future__ import annotations

import re
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
    good, whole, skipped = at, True, False
    while at < end:
        place, behind = section(fd, number, at)
        if place is not None:
            places.append(place)
            at = good = behind
            whole = whole and not skipped
            continue
        skipped = True
        # As long as its length says, and altered: no write that was torn, wherever it lies.
        whole = whole and not behind
        if behind and section(fd, number, behind)[0] is not None:
            at = behind
        else:
            at, searched = next_section(fd, number, at + 1, end)
            whole = whole and searched
    return places, good, whole


def named_before(place: Place) -> Place:
    """Where the CID of a block lies: straight before it."""
    return Place(place.cid, place.pack, place.at - cids.SIZE, cids.SIZE)


def section(fd: int, number: int, at: int) -> tuple[Place | None, int]:
    """The block that a pack has at an offset, None where none lies there whole; and where the next
    one begins, 0 if nobody can tell.
    """
    head = system.pread(fd, 9 + cids.SIZE, at)
    try:
        size, skip = varint.decode(head, 0)
        if not cids.SIZE <= size <= MAX_BLOCK + cids.SIZE:
            return None, 0
        data = system.pread(fd, size, at + skip)
        if len(data) != size:
            return None, 0
        cid = cids.check(data[: cids.SIZE])
    except FormatError:
        return None, 0
    try:
        cids.verify(cid, data[cids.SIZE :])
    except FormatError:
        return None, at + skip + size
    return Place(cid, number, at + skip + cids.SIZE, size - cids.SIZE), at + skip + size


def next_section(fd: int, number: int, at: int, end: int) -> tuple[int, bool]:
    """Where the next whole block begins behind one whose length is torn or altered; ``end`` where
    there is none, and whether that is certain.

    Whoever stored a block may have filled it with what looks like the beginnings of others: so many
    bytes are hashed, and no more.
    """
    tried = 0
    while at < end:
        data = system.pread(fd, _SEARCHED, at)
        for match in _CID.finditer(data):
            # Before the CID stands the length of both, one to four bytes of it.
            for start in range(max(at + match.start() - 4, at), at + match.start()):
                place, behind = section(fd, number, start)
                if place is not None:
                    return start, True
                tried += max(behind - start, 0)
                if tried > _TRIED:
                    return end, False
        at += len(data) - _OVERLAP if len(data) > _OVERLAP else len(data)
    return end, True
