"""Ciphertext of offered items on its way to our disk: how far each transfer is, and which blocks
came with it.

A transfer goes on from round to round, each for a while, so that nobody's large item keeps small
ones waiting. It lives in memory: after a restart it begins anew, and the daily collection takes
what lies there. Transfers of several agencies may bring the same block (whoever gave an item away
knows its ciphertext): a block that another transfer counts on is not discarded with the one that
fails.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from ledger.domain.blocks import dag
from ledger.domain.blocks.store import BlockStore
from ledger.domain.crypto.content_encryption import Content
from ledger.domain.errors import CustodyError, NetworkError, VerificationError
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld import unixfs
from ledger.domain.ipld.unixfs import Block

RANGE: Final = 4 * unixfs.LEAF
RATE: Final = 64 << 10  # bytes a second: whoever sends more slowly fails, as if they did not answer
GRACE: Final = 60.0  # seconds that a transfer may take besides
Read = Callable[[int, int], bytes]


class TooSlowError(NetworkError):
    """Ciphertext comes so slowly that what came is given up."""


@dataclass
class Transfer:
    """One item's ciphertext.

    ``place``: of the newest item when it began; ``seconds`` it was worked on; ``touched``: when it
    was last, monotonic;
    ``blocks``: all that it counts on, ``fresh`` those of them that were not here before.
    """

    agency: str
    evidence: str
    content: Content
    place: int
    done: int = 0
    seconds: float = 0.0
    touched: float = 0.0
    whole: bool = False
    blocks: set[bytes] = field(default_factory=set)
    fresh: set[bytes] = field(default_factory=set)
    builder: unixfs.Builder = field(default_factory=unixfs.Builder)


class Transfers:
    """Those under way, by agency and item. One thread works on a transfer at a time: whoever holds
    the lock of its agency.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Transfer] = {}
        # Innermost of all locks; around the disk, never around a call of others.
        self._mutex = threading.RLock()

    def find(self, agency: str, evidence: str) -> Transfer | None:
        """The transfer of an item, if it began."""
        with self._mutex:
            return self._rows.get((agency, evidence))

    def of(self, agency: str) -> list[Transfer]:
        """Transfers from an agency."""
        with self._mutex:
            return [row for row in self._rows.values() if row.agency == agency]

    def progress(self) -> tuple[int, int]:
        """Bytes that came, and that come altogether, of all under way."""
        with self._mutex:
            rows = list(self._rows.values())
        return sum(row.done for row in rows), sum(row.content.ciphertext_size for row in rows)

    def begin(self, transfer: Transfer) -> None:
        """Count its blocks from now on."""
        with self._mutex:
            self._rows[transfer.agency, transfer.evidence] = transfer

    def claim(self, store: BlockStore, transfer: Transfer) -> bool:
        """Begin with what lies here from an earlier offer, so that nothing discards it; False, and
        nothing begun, where a part lacks.

        Args:
            store: the own disk alone: others wait meanwhile.

        Returns:
            whether all of it lies here.
        """
        root = cids.from_text(transfer.content.cid)
        with self._mutex:
            try:
                dag.require_stored(store, transfer.content)
                transfer.blocks.update(dag.every(store, root))
            except CustodyError:
                return False
            transfer.done, transfer.whole = transfer.content.ciphertext_size, True
            self.begin(transfer)
        return True

    @contextmanager
    def counted_on(self) -> Iterator[set[bytes]]:
        """The blocks that transfers count on: none begins, comes further or ends within the
        block.
        """
        with self._mutex:
            yield {block for row in self._rows.values() for block in row.blocks}

    def go_on(
        self, store: BlockStore, transfer: Transfer, read: Read, stopped: Callable[[], bool]
    ) -> bool:
        """Fetch a part, at least one range; whether all of it is here. Every block gets the CID
        that it has, all together the recorded one.

        Args:
            read: a range from the other node. stopped: asked between two ranges.

        Raises:
            VerificationError: what comes is not what was recorded. NetworkError: it does not come.
                TooSlowError: more slowly than RATE.
        """
        root, total = cids.from_text(transfer.content.cid), transfer.content.ciphertext_size
        while transfer.done < total:
            begin = time.monotonic()
            try:
                self._range(store, transfer, read, min(transfer.done + RANGE, total))
            finally:
                transfer.touched = time.monotonic()
                transfer.seconds += transfer.touched - begin
            if transfer.seconds > GRACE + transfer.done / RATE:
                raise TooSlowError(
                    f"{transfer.agency} sends fewer than {RATE >> 10} KiB a second",
                    hint="it begins anew later",
                )
            if transfer.done < total and stopped():
                return False
        if not transfer.whole:
            built, rest = transfer.builder.finish()
            if built != root:
                raise VerificationError(
                    9, "the ciphertext that the other node sent does not have the recorded CID"
                )
            self._put(store, transfer, rest)
            transfer.whole = True
        return True

    def _range(self, store: BlockStore, transfer: Transfer, read: Read, end: int) -> None:
        data = memoryview(read(transfer.done, end))
        if len(data) != end - transfer.done:
            raise VerificationError(
                9,
                (
                    f"the other node sent {len(data)} bytes of ciphertext, expected "
                    f"{end - transfer.done}"
                ),
            )
        blocks: list[Block] = []
        for at in range(0, len(data), unixfs.LEAF):
            leaf = data[at : at + unixfs.LEAF]
            blocks.append(Block(cids.of(leaf), leaf))
            blocks += transfer.builder.add(blocks[-1].cid, len(leaf))
        self._put(store, transfer, blocks)
        transfer.done = end

    def _put(self, store: BlockStore, transfer: Transfer, blocks: list[Block]) -> None:
        names = [block.cid for block in blocks]
        with self._mutex:
            transfer.fresh.update(store.missing(names))
            transfer.blocks.update(names)
            store.put(blocks)

    def end(self, agency: str, evidence: str) -> None:
        """Its item is written down: what came with it is no other transfer's to discard."""
        with self._mutex:
            done = self._rows.pop((agency, evidence), None)
            if done is not None:
                for other in self._rows.values():
                    other.fresh -= done.blocks

    @contextmanager
    def fail(self, agency: str, evidence: str) -> Iterator[Iterable[bytes]]:
        """The blocks to discard, within the block: those that were not here before and no other
        transfer counts on.
        """
        with self._mutex:
            gone = self._rows.pop((agency, evidence), None)
            fresh = gone.fresh if gone is not None else set()
            for other in self._rows.values():
                other.fresh |= fresh & other.blocks  # from now on theirs to discard
                fresh = fresh - other.blocks
            yield fresh
