"""The item map in tiles of eight levels, so that a proof reads a few rows and a batch writes only
what it changes.

A tile has the prefix of whole bytes that its keys share. For each next byte under which there are
keys it holds the key and value of the only one, or the hash of the tile one byte further. So the
bottom is sparse: a subject costs one leaf in one tile.

- a tile that is read has to have the hash that the tile above it says: a bit that a disk flipped
  must not become a map that the agency signs, and is convicted by
- what is written depends on the entries alone, not on how they were divided into batches
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from ledger.domain.errors import FormatError
from ledger.domain.log import item_map
from ledger.domain.log.item_map import EMPTY, MapProof

#: Reads tiles by their prefixes; those that there are not are left out.
MapTileReader = Callable[[Sequence[bytes]], Mapping[bytes, bytes]]
#: Entries of a subject that are new: their indices with their hashes, in order.
Additions = list[tuple[int, bytes]]

_LEVELS: Final = 8


@dataclass(slots=True)
class _Tile:
    """A tile taken apart: keys and values, and hashes of tiles below, by their next byte."""

    prefix: bytes
    leaves: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    below: dict[int, bytes] = field(default_factory=dict)

    def encode(self) -> bytes:
        """How many leaves, in two bytes; leaves, each the rest of its key and its value; then, of
        the tiles below, their next bytes and hashes. Both in order.
        """
        depth, out = len(self.prefix), bytearray(len(self.leaves).to_bytes(2, "big"))
        for _, (key, value) in sorted(self.leaves.items()):
            out += key[depth:] + value
        for slot, hashed in sorted(self.below.items()):
            out.append(slot)
            out += hashed
        return bytes(out)

    def row(self) -> _Row:
        """Its bottom, from left to right."""
        hashes = {slot: item_map.leaf(*leaf) for slot, leaf in self.leaves.items()}
        slots = sorted([*hashes, *self.below])
        return _Row(slots, [hashes.get(slot) or self.below[slot] for slot in slots], set(hashes))


@dataclass(frozen=True, slots=True)
class _Row:
    """What stands at the bottom of a tile: hashes by their next byte, and which are of one key."""

    slots: list[int]
    hashes: list[bytes]
    single: set[int]

    def hash(self, low: int, high: int, bit: int) -> bytes:
        """Hash over the slots numbered ``low`` to ``high``, which agree in all bits above this."""
        if low == high:
            return EMPTY
        if high - low == 1 and (bit < 0 or self.slots[low] in self.single):
            return self.hashes[low]
        middle = self.middle(low, high, bit)
        left, right = self.hash(low, middle, bit - 1), self.hash(middle, high, bit - 1)
        return sha256(b"\x05" + left + right).digest()  # item_map.node, called millions of times

    def middle(self, low: int, high: int, bit: int) -> int:
        """Where the slots begin that have this bit."""
        if low == high:
            return low
        return bisect_left(self.slots, (self.slots[low] >> bit | 1) << bit, low, high)


def _parse(data: bytes, prefix: bytes) -> _Tile:
    """Take a tile apart; one that is not there is empty.

    Raises:
        FormatError: it is not one that ``update`` wrote.
    """
    tile, at, size = _Tile(prefix), 2, 64 - len(prefix)
    count = int.from_bytes(data[:2], "big")
    for _ in range(count):
        leaf = data[at : at + size]
        if len(leaf) == size:
            tile.leaves[leaf[0]] = (prefix + leaf[:-32], leaf[-32:])
        at += size
    for place in range(at, len(data), 33):
        tile.below[data[place]] = data[place + 1 : place + 33]
    # Whatever is cut short, stands twice or is out of order does not come out the same again.
    if data and tile.encode() != data:
        raise FormatError("a tile of the item map is not as it was written")
    return tile


def _hash(tile: _Tile) -> bytes:
    row = tile.row()
    return row.hash(0, len(row.slots), _LEVELS - 1)


def with_changes(changed: Mapping[bytes, bytes], stored: MapTileReader) -> MapTileReader:
    """Reads tiles that changed and are not stored yet, and the others where they are stored."""

    def read(prefixes: Sequence[bytes]) -> Mapping[bytes, bytes]:
        known = {prefix: changed[prefix] for prefix in prefixes if prefix in changed}
        return {**known, **stored([prefix for prefix in prefixes if prefix not in known])}

    return read


def root(read: MapTileReader) -> bytes:
    """Root of the map whose tiles are read; that of an empty one where there are none."""
    return _hash(_checked(read([b""]), b"", None))


def update(read: MapTileReader, new: Mapping[bytes, Additions]) -> tuple[bytes, dict[bytes, bytes]]:
    """Add entries to a map.

    Args:
        new: by the keys of their subjects.

    Returns:
        the new root, and the tiles that changed, by their prefixes.

    Raises:
        FormatError: the tiles do not agree with each other.
    """
    changed: list[_Tile] = []
    expected: dict[bytes, bytes | None] = {b"": None}
    level: dict[bytes, list[bytes]] = {b"": sorted(new)} if new else {}
    fresh: dict[bytes, _Tile] = {}
    while level:
        stored = read([prefix for prefix in level if prefix not in fresh])
        below: dict[bytes, list[bytes]] = {}
        next_expected: dict[bytes, bytes | None] = {}
        next_fresh: dict[bytes, _Tile] = {}
        for prefix, keys in level.items():
            tile = fresh.get(prefix) or _checked(stored, prefix, expected.get(prefix))
            changed.append(tile)
            for slot, under in _by_next_byte(keys, len(prefix)).items():
                if slot not in tile.below and _is_alone(tile, slot, under):
                    tile.leaves[slot] = (under[0], _extended(tile.leaves.get(slot), new[under[0]]))
                    continue
                child = prefix + bytes((slot,))
                below[child] = under
                if slot in tile.below:
                    next_expected[child] = tile.below[slot]
                    continue
                next_fresh[child] = _Tile(child)
                if (leaf := tile.leaves.pop(slot, None)) is not None:
                    next_fresh[child].leaves[leaf[0][len(child)]] = leaf
                tile.below[slot] = EMPTY  # until the tile below has its hash
        level, expected, fresh = below, next_expected, next_fresh
    return _sealed(read, changed)


def _sealed(read: MapTileReader, changed: list[_Tile]) -> tuple[bytes, dict[bytes, bytes]]:
    """Give each tile the hashes of those below it, from the deepest up."""
    if not changed:
        return root(read), {}
    by_prefix = {tile.prefix: tile for tile in changed}
    hashed = EMPTY
    for tile in reversed(changed):
        hashed = _hash(tile)
        if tile.prefix:
            by_prefix[tile.prefix[:-1]].below[tile.prefix[-1]] = hashed
    return hashed, {tile.prefix: tile.encode() for tile in changed}


def _by_next_byte(keys: Iterable[bytes], depth: int) -> dict[int, list[bytes]]:
    groups: dict[int, list[bytes]] = {}
    for key in keys:
        groups.setdefault(key[depth], []).append(key)
    return groups


def _is_alone(tile: _Tile, slot: int, keys: list[bytes]) -> bool:
    """Whether one key alone stands at a slot, with those that come."""
    held = tile.leaves.get(slot)
    return len(keys) == 1 and (held is None or held[0] == keys[0])


def _extended(held: tuple[bytes, bytes] | None, additions: Additions) -> bytes:
    value = EMPTY if held is None else held[1]
    for index, hashed in additions:
        value = item_map.extend(value, index, hashed)
    return value


def _checked(stored: Mapping[bytes, bytes], prefix: bytes, expected: bytes | None) -> _Tile:
    """A stored tile, which has the hash that the one above it says. The root tile is compared by
    whoever knows the root.
    """
    tile = _parse(stored.get(prefix, b""), prefix)
    if expected is not None and _hash(tile) != expected:
        raise FormatError(
            f"tile {prefix.hex()} of the item map has not the hash that the one above it says"
        )
    return tile


def prove(read: MapTileReader, key: bytes) -> MapProof:
    """The proof of a key, or that it is absent. Tiles are not compared with each other here:
    whoever hands the proof out verifies it.

    Raises:
        FormatError: a tile is not one that ``update`` wrote.
    """
    siblings: list[bytes | None] = []
    for depth in range(len(key)):
        tile = _parse(read([key[:depth]]).get(key[:depth], b""), key[:depth])
        row, slot = tile.row(), key[depth]
        low, high, bit = 0, len(row.slots), _LEVELS - 1
        while bit >= 0 and low < high and (high - low > 1 or row.slots[low] not in row.single):
            middle = row.middle(low, high, bit)
            own, other = ((middle, high), (low, middle))[:: 1 if slot >> bit & 1 else -1]
            siblings.append(row.hash(*other, bit - 1) if other[0] < other[1] else None)
            (low, high), bit = own, bit - 1
        if low == high:
            return MapProof(tuple(siblings), None)
        if row.slots[low] in row.single:
            return MapProof(tuple(siblings), tile.leaves[row.slots[low]])
    raise FormatError("the item map has tiles deeper than a key")
