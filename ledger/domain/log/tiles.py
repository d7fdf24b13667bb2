"""Tiles of a log (C2SP tlog-tiles): 256 hashes a tile, so that any node is found by reading one
tile.

A tile (level, index) holds the hashes of the perfect subtrees of height 8 * level, numbers 256 *
index onwards. Level 0 holds leaf hashes. A partial tile holds the first w < 256 of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ledger.domain.errors import FormatError
from ledger.domain.log.merkle import NodeReader

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
#: Reads a tile: (level, index) -> at least the hashes written so far, 32 bytes each.
TileReader = Callable[[int, int], bytes]

_PATH: Final = re.compile(
    r"(?:(?P<level>0|[1-5])|(?P<entries>entries))/(?P<index>(?:x\d{3}/)*\d{3})(?:\.p/(?P<width>[1-9]\d{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class TilePath:
    """A parsed path; ``level`` is None for an entry bundle. ``width`` is 256 for a full tile."""

    level: int | None
    index: int
    width: int


def format_path(level: int | None, index: int, width: int = WIDTH) -> str:
    """Path below ``tile/`` (C2SP tlog-tiles, "Merkle Tree")."""
    parts = [f"{index % 1000:03}"]
    while index := index // 1000:
        parts.append(f"x{index % 1000:03}")
    tail = "" if width == WIDTH else f".p/{width}"
    return f"{'entries' if level is None else level}/{'/'.join(reversed(parts))}{tail}"


def parse_path(path: str) -> TilePath:
    """Parse what follows ``tile/``; only the one canonical spelling is accepted.

    Returns:
        level, index and width.

    Raises:
        FormatError: any other path.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise FormatError("not a tile path")
    index = int(match["index"].replace("/", "").replace("x", ""))
    parsed = TilePath(
        None if match["entries"] else int(match["level"]), index, int(match["width"] or WIDTH)
    )
    if parsed.width > WIDTH or format_path(parsed.level, parsed.index, parsed.width) != path:
        raise FormatError("not a canonical tile path")
    return parsed


def width_at(size: int, level: int | None, index: int) -> int:
    """Width of a tile, or of an entry bundle, in a log of ``size`` entries."""
    return min((size >> HEIGHT * (level or 0)) - index * WIDTH, WIDTH)


def places(size: int) -> Iterator[tuple[int, int]]:
    """(level, index) of every tile of a log of ``size`` entries."""
    level = 0
    while count := size >> HEIGHT * level:
        yield from ((level, index) for index in range(-(-count // WIDTH)))
        level += 1


def node_reader(read: TileReader) -> NodeReader:
    """Turn a reader of tiles into a reader of nodes; tiles read once are kept for the life of the
    reader.
    """
    cache: dict[tuple[int, int], bytes] = {}
    inner: dict[tuple[int, int], bytes] = {}  # proofs of neighbours share most of their nodes

    def node(level: int, index: int) -> bytes:
        if (level, index) in inner:
            return inner[level, index]
        tile_level, height = divmod(level, HEIGHT)
        first = index << height
        key = (tile_level, first >> HEIGHT)
        if key not in cache:
            cache[key] = read(*key)
        offset = (first & (WIDTH - 1)) * 32
        row = cache[key][offset : offset + (32 << height)]
        if len(row) != 32 << height:
            raise FormatError(f"tile {key[0]}/{key[1]} is shorter than the log")
        for _ in range(height):  # node_hash of each pair, without taking the pairs apart
            row = b"".join(
                [sha256(b"\x01" + row[at : at + 64]).digest() for at in range(0, len(row), 64)]
            )
        inner[level, index] = row
        return row

    return node


def split_bundle(data: bytes) -> list[bytes]:
    """Entries of an entry bundle: each behind its length in two bytes (C2SP tlog-tiles, "Log
    Entries").

    Raises:
        FormatError: a truncated entry, or more than 256 of them.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        if len(entries) == WIDTH:
            raise FormatError(f"entry bundle holds more than {WIDTH} entries")
        size = int.from_bytes(data[at : at + 2], "big")
        entry = data[at + 2 : at + 2 + size]
        if at + 2 > len(data) or len(entry) != size:
            raise FormatError("entry bundle is truncated")
        entries.append(entry)
        at += 2 + size
    return entries


def join_bundle(entries: list[bytes]) -> bytes:
    """The entry bundle of ``entries``, each at most 65,535 bytes."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
