"""The files of a log as a tree of tiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ledger.domain.log import merkle, tiles

if TYPE_CHECKING:
    pass


def reader(leaves: Sequence[bytes]) -> merkle.NodeReader:
    """Nodes over leaves, computed when they are asked for."""

    def node(level: int, index: int) -> bytes:
        part = leaves[index << level : (index + 1) << level]
        while len(part) > 1:
            part = [merkle.node_hash(part[at], part[at + 1]) for at in range(0, len(part), 2)]
        return part[0]

    return node


def tile_files(entries: Sequence[bytes]) -> dict[str, bytes]:
    """Tiles and entry bundles of a log."""
    found: dict[str, bytes] = {}
    for start in range(0, len(entries), 256):
        part = list(entries[start : start + 256])
        found[f"tile/{tiles.format_path(None, start // 256, len(part))}"] = tiles.join_bundle(part)
    level, hashes = 0, [merkle.leaf_hash(entry) for entry in entries]
    while hashes:
        for start in range(0, len(hashes), 256):
            part = hashes[start : start + 256]
            found[f"tile/{tiles.format_path(level, start // 256, len(part))}"] = b"".join(part)
        read = reader(hashes)
        hashes = [read(8, index) for index in range(len(hashes) // 256)]
        level += 1
    return found
