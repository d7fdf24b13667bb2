"""The root of an item map from the entries of a log alone."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.domain.log import item_map


def map_root(log: bytes, entries: Sequence[bytes]) -> bytes:
    """Of all entries of a log, from the first on."""
    values: dict[bytes, bytes] = {}
    for index, entry in enumerate(entries):
        key = item_map.key_of(log, item_map.subject_of(entry))
        before = values.get(key, item_map.EMPTY)
        values[key] = item_map.extend(before, index, item_map.entry_hash(entry))
    return item_map.subtree(sorted(values.items()), 0)
