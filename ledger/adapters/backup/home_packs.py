"""What the index of a home says of its packs, before they are copied: an index is only a cache, and
what it does not say of a pack would be in no backup.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ledger.adapters.ipfs.index_view import PacksKnown, read_packs
from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.adapters.ipfs.packfiles import HEADER, name_of, packs_in
from ledger.domain.errors import LockedError, StorageError


@dataclass(frozen=True, slots=True)
class HomePacks:
    """What an index says, the packs that are there with their sizes, and names of those of which it
    says too little, or more than there is.
    """

    known: PacksKnown
    sizes: dict[int, int]
    differing: list[str]


def read(directory: Path) -> HomePacks:
    """What the index of a home says of its packs. Where that is not what is there, as after a loss
    of power, the store is opened once, which brings the index up to the packs.

    Raises:
        StorageError: the index could not be read.
    """
    is_served = False
    with suppress(StorageError):
        found = _compared(directory, is_served=False)
        if not found.differing:
            return found
    try:
        LocalBlockStore(directory).close()
    except LockedError:  # whoever holds it brought the index up to the packs, and may be writing
        is_served = True
    except StorageError:
        pass  # a full disk keeps nobody from a backup: what the index lacks is told
    return _compared(directory, is_served=is_served)


def _compared(directory: Path, *, is_served: bool) -> HomePacks:
    before = _sizes(directory)
    known = read_packs(directory)
    after = _sizes(directory)
    newest = max(before, default=-1)
    indexed = {number: known.indexed.get(number, len(HEADER)) for number in before}
    behind = {
        number
        for number, size in before.items()
        if size > indexed[number]
        and number not in known.compacted
        and not (is_served and number == newest)
    }
    beyond = {number for number, end in known.indexed.items() if end > after.get(number, 0)}
    return HomePacks(known, after, sorted(name_of(number) for number in behind | beyond))


def _sizes(directory: Path) -> dict[int, int]:
    return {number: path.stat().st_size for number, path in packs_in(directory).items()}
