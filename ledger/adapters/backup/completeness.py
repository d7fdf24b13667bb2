"""Whether the ciphertext of items is in a backup: an index that forgot what a pack lost misses
nothing, but the items do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from ledger import system
from ledger.adapters.ipfs.index_view import Places, reading_places
from ledger.adapters.ipfs.pack_sections import checked, scan
from ledger.adapters.ipfs.packfiles import name_of, packs_in, start_of
from ledger.adapters.ipfs.packindex import Place
from ledger.domain.errors import FormatError, UnreadableError, VerificationError
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld import unixfs

_PAGE: Final = 1000


def lacking(
    source: Path,
    folder: Path,
    ends: Mapping[str, int],
    roots: Iterable[bytes],
    *,
    doubtful: Collection[str] = (),
) -> tuple[set[bytes], set[bytes]]:
    """Those of some roots of which the home has not all in what was copied of its packs, and of
    them those of which no copy has all: blocks that name others are read in the copies, and of all
    others it is asked whether their place was copied.

    Args:
        ends: up to where packs were copied, by their names.
        doubtful: packs in which something was lost, of which every block is read.

    Raises:
        StorageError: the index of the home cannot be read.
    """
    with reading_places(source) as index:
        copies = _Copies(index, folder, ends, doubtful)
        lost = {root for root in roots if not copies.have(root)}
        if lost:  # what the home lost may be in its copies alone
            copies.add_all()
        return lost, {root for root in lost if not copies.have(root)}


class _Copies:
    """The copies of a home's packs, in which blocks are found by the index of the home."""

    def __init__(
        self, index: Places, folder: Path, ends: Mapping[str, int], doubtful: Collection[str]
    ) -> None:
        self._index, self._folder, self._ends, self._doubtful = index, folder, ends, doubtful
        self._others: dict[bytes, Place] = {}

    def add_all(self) -> None:
        """Find blocks by the copies themselves from now on, where the index has none there."""
        for number, path in packs_in(self._folder).items():
            try:
                with path.open("rb", buffering=0) as file:
                    start, end = start_of(file.fileno()), path.stat().st_size
                    places, _, _ = scan(file.fileno(), number, start, end)
            except OSError:  # a bad sector: what lies in this copy is not counted on
                continue
            self._others |= {place.cid: place for place in places}

    def have(self, root: bytes) -> bool:
        """Whether all blocks of a tree are in the copies."""
        seen, todo = {root}, [root]
        while todo:
            page = todo[-_PAGE:]
            del todo[-_PAGE:]
            places = self._places(page)
            for cid in page:
                if (place := places.get(cid)) is None:
                    return False
                if cids.codec_of(cid) != cids.RAW:
                    links = self._links(place)
                    if links is None:
                        return False
                    new = [link for link in links if link not in seen]
                    seen.update(new)
                    todo += new
        return True

    def _places(self, wanted: list[bytes]) -> dict[bytes, Place]:
        found = {
            cid: place
            for cid, place in self._index(wanted).items()
            if place.at + place.size <= self._ends.get(name_of(place.pack), 0)
            and (name_of(place.pack) not in self._doubtful or self._read(place) is not None)
        }
        return {cid: self._others[cid] for cid in wanted if cid in self._others} | found

    def _links(self, place: Place) -> list[bytes] | None:
        """What a block names, read in a copy; None where it is not good there."""
        data = self._read(place)
        with suppress(FormatError):
            if data is not None:
                return [link.cid for link in unixfs.decode_node(data)]
        return None

    def _read(self, place: Place) -> bytes | None:
        with (
            suppress(OSError, UnreadableError, VerificationError),
            (self._folder / name_of(place.pack)).open("rb", buffering=0) as file,
        ):
            return checked(place.cid, system.pread(file.fileno(), place.size, place.at), place)
        return None
