"""The item map of a log from its entries alone, all at once."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.domain.log import item_map
from ledger.domain.log.item_map import MapProof


def map_root(log: bytes, entries: Sequence[bytes]) -> bytes:
    """Of all entries of a log, from the first on."""
    return item_map.subtree(_leaves(log, entries), 0)


def map_proof(log: bytes, entries: Sequence[bytes], subject: str) -> bytes:
    """What that map says of a subject."""
    leaves, key = _leaves(log, entries), item_map.key_of(log, subject)
    siblings: list[bytes | None] = []
    while len(leaves) > 1:
        depth = len(siblings)
        middle = item_map.split(leaves, depth)
        near, far = leaves[:middle], leaves[middle:]
        if item_map.bit(key, depth):
            near, far = far, near
        siblings.append(item_map.subtree(far, depth + 1) if far else None)
        leaves = near
    return MapProof(tuple(siblings), leaves[0] if leaves else None).encode()


def _leaves(log: bytes, entries: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    values: dict[bytes, bytes] = {}
    for index, entry in enumerate(entries):
        key = item_map.key_of(log, item_map.subject_of(entry))
        before = values.get(key, item_map.EMPTY)
        values[key] = item_map.extend(before, index, item_map.entry_hash(entry))
    return sorted(values.items())
