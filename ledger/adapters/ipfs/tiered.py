"""The blocks of a node with replicas: its own disk takes them in, and what it gave up is read from
the replicas.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from ledger.domain.blocks.store import BlockStore, Collected, NodeStore, Replicas
from ledger.domain.errors import (
    CustodyError,
    NetworkError,
    NotFoundError,
    StorageError,
    UnreadableError,
    UsageError,
    VerificationError,
)
from ledger.domain.ipld.unixfs import Block

_LOOKED: Final = 3600.0  # seconds


class TieredBlockStore:
    """See NodeStore.

    Args:
        spool: the node's own disk: durable before anything is acknowledged, whether or not a
            replica can be reached.
    """

    def __init__(self, spool: NodeStore, replicas: Replicas) -> None:
        self._spool = spool
        self._replicas = replicas
        self._looked = -_LOOKED

    def put(self, blocks: Iterable[Block]) -> None:
        """See storage.BlockStore."""
        self._spool.put(blocks)

    def missing(self, wanted: Sequence[bytes]) -> list[bytes]:
        """Those not on the own disk: what lies at a replica without a pin may go at any moment, so
        it counts for nothing.
        """
        return self._spool.missing(wanted)

    def get(self, cid: bytes) -> bytes:
        """See storage.BlockStore; an altered or unreadable copy is passed over where another is
        good, and on the own disk replaced by it.
        """
        try:
            return self._spool.get(cid)
        except (NotFoundError, UnreadableError, VerificationError) as error:
            found: CustodyError = error
        damaged = not isinstance(found, NotFoundError)
        for name in self._replicas.names():
            try:
                data = self._replicas[name].get(cid)
            except (NotFoundError, UsageError):
                continue
            except (NetworkError, UnreadableError, VerificationError) as error:
                # An altered copy is worse news than one out of reach, and that is worse than none.
                if isinstance(found, NotFoundError) or isinstance(error, VerificationError):
                    found = error
                continue
            if damaged:
                with suppress(StorageError):  # a disk that is full keeps nobody from reading
                    self.mend(Block(cid, data))
            return data
        if isinstance(found, NotFoundError) and self._may_ask_again() and self._spool.mend_index():
            return self._spool.get(cid)
        raise found

    def _may_ask_again(self) -> bool:
        """Whether the index of the own disk may be looked through: not for every block that is
        missing, which may be many.
        """
        now = time.monotonic()
        if now < self._looked + _LOOKED:
            return False
        self._looked = now
        return True

    def mend_index(self) -> bool:
        """See NodeStore."""
        return self._spool.mend_index()

    def mend(self, block: Block) -> None:
        """See NodeStore."""
        self._spool.mend(block)

    def cids(self) -> Iterator[bytes]:
        """Those on the own disk."""
        return self._spool.cids()

    def size(self) -> int:
        """Bytes on the own disk."""
        return self._spool.size()

    @property
    def own(self) -> BlockStore:
        """See NodeStore."""
        return self._spool

    def collect(self, live: Iterable[bytes], *, before: int, dry: bool = False) -> Collected:
        """See NodeStore."""
        return self._spool.collect(live, before=before, dry=dry)

    def discard(self, dead: Iterable[bytes], *, kept: Iterable[bytes]) -> Collected:
        """See NodeStore."""
        return self._spool.discard(dead, kept=kept)

    def holds_only(self, known: Iterable[bytes]) -> bool:
        """See NodeStore."""
        return self._spool.holds_only(known)

    def lingering(self, wanted: Sequence[bytes]) -> list[bytes]:
        """See NodeStore."""
        return self._spool.lingering(wanted)

    def close(self) -> None:
        """See storage.BlockStore."""
        for name in self._replicas.names():
            self._replicas[name].close()
        self._spool.close()
