"""The item map of the agency's log as it is kept: brought up to a checkpoint in one batch, and
proven at each one from the last final one on.

The map of a checkpoint is derived before its transaction is signed, and written with its row: a
crash between leaves neither, and the same entries give the same tiles again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.domain.codecs.text import counted
from ledger.domain.errors import FormatError, FrozenError, NotFoundError, VerificationError
from ledger.domain.log import item_map, map_tiles
from ledger.domain.log.item_map import MapProof
from ledger.domain.log.map_tiles import Additions, MapTileReader
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.log import merkle_log
from ledger.services.log.merkle_log import FROZEN_HINT


@dataclass(frozen=True, slots=True)
class DerivedMap:
    """The map of a checkpoint: its root, and the tiles that it and those before it change, by their
    sizes.
    """

    root: bytes
    #: Root of the map as it was kept, which the checkpoint of that size has.
    before: bytes
    changes: Mapping[int, Mapping[bytes, bytes]]


def derive(unit: UnitOfWork, log: bytes, size: int) -> DerivedMap:
    """Bring the map up to a size, through every checkpoint before it that it has not.

    Returns:
        the map, of which nothing is written yet.

    Raises:
        FrozenError: its tiles contradict each other, or entries are missing.
    """
    kept = unit.logs.map_size(log, size)
    written: dict[bytes, bytes] = {}
    read = map_tiles.with_changes(written, _reader(unit, log, kept))
    changes: dict[int, Mapping[bytes, bytes]] = {}
    try:
        root = before = map_tiles.root(read)
        for end in _sizes(unit, log, kept, size):
            root, changes[end] = map_tiles.update(read, _additions(unit, log, kept, end))
            written |= changes[end]
            kept = end
    except FormatError as error:
        raise FrozenError(error.message, hint=FROZEN_HINT) from error
    return DerivedMap(root, before, changes)


def _sizes(unit: UnitOfWork, log: bytes, kept: int, size: int) -> list[int]:
    """Sizes to bring the map to, which depend on the checkpoints alone: the tiles that are kept do,
    too, and an audit compares them.
    """
    sizes: list[int] = []
    after = kept
    while page := unit.checkpoints.page(log, after=after):
        sizes += [row.size for row in page if row.size < size]
        after = page[-1].size
    return [*sizes, size] if size > kept else []


def _reader(unit: UnitOfWork, log: bytes, size: int) -> MapTileReader:
    return lambda prefixes: unit.logs.map_tiles(log, prefixes, size)


def _additions(unit: UnitOfWork, log: bytes, start: int, end: int) -> dict[bytes, Additions]:
    """What entries ``start`` to ``end`` add, by the keys of their subjects."""
    new: dict[bytes, Additions] = {}
    for row in merkle_log.entries(unit, log, start, end):
        key = item_map.key_of(log, item_map.subject_of(row.entry))
        new.setdefault(key, []).append((row.index, item_map.entry_hash(row.entry)))
    return new


def keep(unit: UnitOfWork, log: bytes, derived: DerivedMap) -> None:
    """Write a derived map down; what is behind its last size was final before."""
    newest = max(derived.changes, default=0)
    for size, tiles in derived.changes.items():
        unit.logs.put_map_tiles(log, size, tiles)
        if size != newest:
            unit.logs.settle_map(log, size)


def prove(
    unit: UnitOfWork, log: bytes, size: int, root: bytes, subject: str
) -> tuple[MapProof, bytes | None]:
    """The proof of a subject's value in the map of a checkpoint.

    Args:
        root: of the map at that size.

    Returns:
        the proof, and the value that it shows: None where the subject has no entry.

    Raises:
        NotFoundError: the map of that checkpoint is not kept.
        FrozenError: the tiles do not give that root.
    """
    if unit.logs.map_size(log, size) != size:
        raise NotFoundError(f"the item map is not kept at {counted(size, 'entry')}")
    key = item_map.key_of(log, subject)
    try:
        proof = map_tiles.prove(_reader(unit, log, size), key)
        return proof, item_map.proven_value(root, key, proof)
    except (FormatError, VerificationError) as error:
        raise FrozenError(error.message, hint=FROZEN_HINT) from error
