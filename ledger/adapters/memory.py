"""Test doubles: blocks in memory and a clock that stands still. They lose everything, and say so by
their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ledger.domain.blocks.store import BlockStore, Collected
from ledger.domain.errors import NotFoundError
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block


class VolatileBlockStore:
    """See storage.NodeStore, but nothing survives the process: for tests only."""

    def __init__(self) -> None:
        self._blocks: dict[bytes, bytes] = {}

    def put(self, blocks: Iterable[Block]) -> None:
        """See storage.NodeStore."""
        checked = {}
        for block in blocks:
            cids.verify(cids.check(block.cid), block.data)
            checked[block.cid] = bytes(block.data)
        self._blocks |= checked

    def missing(self, wanted: Sequence[bytes]) -> list[bytes]:
        """See storage.NodeStore."""
        return [cid for cid in wanted if cid not in self._blocks]

    @property
    def own(self) -> BlockStore:
        """See storage.NodeStore."""
        return self

    def collect(self, live: Iterable[bytes], *, before: int, dry: bool = False) -> Collected:  # noqa: ARG002
        """See storage.NodeStore; here every block is old."""
        dead = self._blocks.keys() - set(live)
        size = sum(len(self._blocks[cid]) for cid in dead)
        if not dry:
            self._blocks = {cid: data for cid, data in self._blocks.items() if cid not in dead}
        return Collected(len(dead), size, 0 if dry else size)

    def discard(self, dead: Iterable[bytes], *, kept: Iterable[bytes]) -> Collected:
        """See storage.NodeStore."""
        sizes = [len(self._blocks.pop(cid)) for cid in set(dead) - set(kept) if cid in self._blocks]
        return Collected(len(sizes), sum(sizes), sum(sizes))

    def holds_only(self, known: Iterable[bytes]) -> bool:
        """See storage.NodeStore."""
        return self._blocks.keys() <= set(known)

    def mend_index(self) -> bool:
        """See storage.NodeStore."""
        return False

    def lingering(self, wanted: Sequence[bytes]) -> list[bytes]:
        """See storage.NodeStore."""
        return [cid for cid in wanted if cid in self._blocks]

    def get(self, cid: bytes) -> bytes:
        """See storage.NodeStore."""
        if cid not in self._blocks:
            raise NotFoundError(f"block {cids.to_text(cid)} is not stored here")
        return self._blocks[cid]

    def cids(self) -> Iterator[bytes]:
        """See storage.NodeStore."""
        yield from sorted(self._blocks)

    def size(self) -> int:
        """See storage.NodeStore."""
        return sum(len(data) for data in self._blocks.values())

    def close(self) -> None:
        """See storage.NodeStore."""
        self._blocks.clear()


class StoppedClock:
    """See ports.Clock: moves only when told."""

    def __init__(self, now: int) -> None:
        self.time = now

    def now(self) -> int:
        """Seconds since 1970, UTC."""
        return self.time
