"""What lies in packs where no whole block does: blocks that a disk altered and no index knows, and
writes that a crash tore. Ciphertext that was to be destroyed may be among it, so nobody is told
that nothing is left before it was looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ledger import system
from ledger.adapters.ipfs.pack_sections import LONGEST_LENGTH, frame_of, length, names, scan
from ledger.adapters.ipfs.packfiles import HEADER, PackFiles, start_of
from ledger.adapters.ipfs.packindex import PackIndex, Place
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import MAX_BLOCK
from ledger.domain.ports.node_and_chain import Clock

_READ: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Remnant:
    """A stretch of a pack that is no whole block, from an offset on, behind the name if there is
    one.

    ``digests`` that the block may have which it was: what stands in its name, and what it hashes
    to. ``is_alone``: it is of one block and no other.
    """

    digests: frozenset[bytes]
    is_alone: bool
    at: int
    size: int


def remnants(fd: int, places: Iterable[Place], start: int, end: int) -> Iterator[Remnant]:
    """What lies in a stretch of a pack beside the whole blocks that `scan` found in it.

    Raises:
        OSError: it cannot be read.
    """
    for place in places:
        first, size = frame_of(place)
        yield from _between(fd, start, first)
        start = first + size
    yield from _between(fd, start, end)


def _between(fd: int, at: int, end: int) -> Iterator[Remnant]:
    """Blocks one behind the other, as their lengths say; the rest, as what names blocks in it."""
    named = list(names(fd, at, end))
    if len(named) == 1 and (whole := _named(fd, named[0], at, end)) is not None:
        yield whole
        return
    while at < end:
        size, skip = length(system.pread(fd, 9, at))
        if not size or at + skip + size > end:
            yield from _rest(fd, at, end)
            return
        data = system.pread(fd, size, at + skip)
        inside = [name for name in named if at <= name < at + skip + size]
        yield Remnant(
            frozenset({sha256(data[cids.SIZE :]).digest(), *_digests(fd, inside)}),
            inside in ([], [at + skip]),
            at + skip + cids.SIZE,
            size - cids.SIZE,
        )
        at += skip + size


def _named(fd: int, name_at: int, at: int, end: int) -> Remnant | None:
    """One block that fills a stretch and whose length was altered; None where it does not."""
    place = Place(b"", 0, name_at + cids.SIZE, end - name_at - cids.SIZE)
    if not 0 <= place.size <= MAX_BLOCK or frame_of(place)[0] != at:
        return None
    data = system.pread(fd, cids.SIZE + place.size, name_at)
    digests = {cids.digest_of(data[: cids.SIZE]), sha256(data[cids.SIZE :]).digest()}
    return Remnant(frozenset(digests), True, place.at, place.size)


def _rest(fd: int, at: int, end: int) -> Iterator[Remnant]:
    """What has no length that could be right: altered, or torn before all of it was written."""
    named = list(names(fd, at, end))
    if named or not _is_empty(fd, at, end):
        is_alone = len(named) == 1 and named[0] <= at + LONGEST_LENGTH
        first = named[0] + cids.SIZE if is_alone else at
        yield Remnant(frozenset(_digests(fd, named)), is_alone, first, max(end - first, 0))


def _digests(fd: int, named: Iterable[int]) -> Iterator[bytes]:
    for at in named:
        yield cids.digest_of(system.pread(fd, cids.SIZE, at))


def _is_empty(fd: int, at: int, end: int) -> bool:
    """Whether a stretch has nothing but zeros, as what a crash kept from being written, or is too
    short to hold anything of a block.
    """
    return end - at <= LONGEST_LENGTH + cids.SIZE or not any(
        any(system.pread(fd, min(_READ, end - start), start)) for start in range(at, end, _READ)
    )


def may_lie_among(
    found: Iterable[Remnant], wanted: Sequence[bytes], is_stored: Callable[[bytes], bool]
) -> set[bytes]:
    """Those of ``wanted`` that what is no whole block may be of: all, where nobody can tell.

    Args:
        is_stored: whether a block is known to lie whole elsewhere, so that its name is certain.
    """
    digests = {cids.digest_of(cid) for cid in wanted}
    there = set[bytes]()
    for remnant in found:
        if hit := remnant.digests & digests:
            there |= hit
        elif not _is_of(remnant, is_stored):
            return set(wanted)
    return {cid for cid in wanted if cids.digest_of(cid) in there}


def _is_of(remnant: Remnant, is_known: Callable[[bytes], bool]) -> bool:
    """Whether a remnant is of one block, which is one of those that are known."""
    named = (cid for digest in remnant.digests for cid in cids.with_digest(digest))
    return remnant.is_alone and any(is_known(cid) for cid in named)


class Remnants:
    """Those of all packs of a store, looked for once. One thread at a time: the store's lock guards
    them.
    """

    def __init__(self, index: PackIndex, packs: PackFiles, clock: Clock) -> None:
        self._index, self._packs, self._clock = index, packs, clock
        self._of: dict[int, list[Remnant]] = {}
        self._given_up = set[Remnant]()
        self._looked = False

    def is_known(self, number: int, end: int) -> bool:
        """Whether all of a pack is known, alive or dead, before the pack is given up.

        The index is a cache, and may have lost rows: what it does not account for is looked for. A
        pack with a damaged block in it stays, unless that was given up or is stored elsewhere: a
        copy of the block may not be had elsewhere. One that the disk cannot read stays.
        """
        if len(HEADER) + self._index.accounted(number) == end:
            return True
        try:
            with self._packs.path(number).open("rb") as file:
                start = start_of(file.fileno())
                places, _, whole = scan(file.fileno(), number, start, end)
                found = list(remnants(file.fileno(), places, start, end))
        except FileNotFoundError:
            return False
        except OSError:
            self._of[number] = [Remnant(frozenset(), False, 0, end)]
            return False
        self._index.remember(places, number, end, now=self._clock.now())
        self._of[number] = [remnant for remnant in found if not self._lies(number, remnant)]
        return whole or all(
            remnant in self._given_up or _is_of(remnant, self._is_stored)
            for remnant in self._of[number]
        )

    def _lies(self, number: int, remnant: Remnant) -> bool:
        """Whether the index has a block, alive or dead, at this very place: it is told there."""
        if self._index.buried(number, remnant.at - 1, 1)[:1] == [(remnant.at, remnant.size)]:
            return True
        named = [cid for digest in remnant.digests for cid in cids.with_digest(digest)]
        here = [Place(cid, number, remnant.at, remnant.size) for cid in named]
        return any(self._index.find(place.cid) == place for place in here)

    def _is_stored(self, cid: bytes) -> bool:
        return self._index.find(cid) is not None

    def look(self) -> None:
        """Look once for what the index does not account for."""
        for number in self._index.indexed() if not self._looked else ():
            path = self._packs.path(number)
            if path.exists():
                self.is_known(number, path.stat().st_size)
        self._looked = True

    def give_up_marked(self) -> None:
        """Let go what was a block that is marked in the index."""
        self.look()
        self._given_up.update(
            remnant for remnant in self._every() if _is_of(remnant, self._index.is_marked)
        )

    def all_marked(self) -> bool:
        """Whether all that is no whole block is of blocks that are marked in the index."""
        return all(_is_of(remnant, self._index.is_marked) for remnant in self._every())

    def may_be(self, wanted: Sequence[bytes]) -> set[bytes]:
        """Those of some blocks of which something may lie here that is no whole block."""
        return may_lie_among(self._every(), wanted, self._is_stored)

    def stored_elsewhere(self, number: int) -> list[bytes]:
        """Blocks of which something lies in a pack that is no whole block, and all elsewhere."""
        named = (digest for remnant in self._of.get(number, ()) for digest in remnant.digests)
        return [cid for digest in named for cid in cids.with_digest(digest) if self._is_stored(cid)]

    def _every(self) -> Iterator[Remnant]:
        for found in self._of.values():
            yield from found

    def drop(self, number: int) -> None:
        """Forget those of a pack whose file is gone."""
        self._of.pop(number, None)
