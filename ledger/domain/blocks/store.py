"""Protocols for ciphertext: a store of blocks, the one that an agency's node keeps itself, and a
replica elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ledger.domain.ipld.unixfs import Block


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection removed: blocks, their bytes, and the bytes that the disk got back (later,
    where packs are in use).
    """

    blocks: int
    size: int
    freed: int

    def __add__(self, other: Collected) -> Collected:
        return Collected(
            self.blocks + other.blocks, self.size + other.size, self.freed + other.freed
        )


class BlockStore(Protocol):
    """Content-addressed blocks with IPFS CIDs. Safe for use by several threads.

    Raises from every method of a store behind a network:
        NetworkError: it could not be reached in time; nothing is known about the blocks.
    """

    def put(self, blocks: Iterable[Block]) -> None:
        """Store blocks, each checked against its CID.

        Durable when it returns; storing a block twice is harmless; all or nothing up to the block
        that failed.

        Raises:
            FormatError: a block does not hash to its CID.
            StorageError: the disk refused; nothing of the failed call is promised.
        """
        ...

    def missing(self, cids: Sequence[bytes]) -> list[bytes]:
        """Those of ``cids`` that are not stored, in the order given; the others count as just
        stored for ``collect``.
        """
        ...

    def get(self, cid: bytes) -> bytes:
        """A block, hashed again on the way out.

        Raises:
            NotFoundError: not stored.
            UnreadableError: the disk could not be read.
            VerificationError: the stored bytes no longer hash to the CID (step 9).
        """
        ...

    def cids(self) -> Iterator[bytes]:
        """All stored CIDs."""
        ...

    def size(self) -> int:
        """Bytes stored."""
        ...

    def close(self) -> None:
        """Release files, connections and locks."""
        ...


class NodeStore(BlockStore, Protocol):
    """The blocks that a node reads and takes in: its own disk, and behind it the replicas where
    there are some.
    """

    @property
    def own(self) -> BlockStore:
        """Its own disk alone, which answers without a network."""
        ...

    def collect(self, live: Iterable[bytes], *, before: int, dry: bool = False) -> Collected:
        """Remove blocks on the node's own disk that are not among ``live`` and were stored, or last
        asked for, before a time in seconds.

        May be interrupted at any point and repeated; a live block can be read all the while.

        Args:
            dry: count only.

        Returns:
            how much was removed.

        Raises:
            StorageError: the disk refused; nothing live was touched.
        """
        ...

    def discard(self, dead: Iterable[bytes], *, kept: Iterable[bytes]) -> Collected:
        """Remove these blocks from the node's own disk, however young, but for those that are also
        among ``kept``.

        An item is opened with any CID, so its blocks may be those of another item, which still
        needs them.

        Returns:
            how much was removed.

        Raises:
            StorageError: the disk refused; nothing else was touched.
        """
        ...

    def holds_only(self, known: Iterable[bytes]) -> bool:
        """Whether nothing but these blocks lies on the node's own disk, also of what was removed
        and the disk did not get back yet.

        Raises:
            StorageError: the disk could not be read.
        """
        ...

    def mend(self, block: Block) -> None:
        """Write a block anew whose copy on the node's own disk is damaged; nothing where it has
        none.

        Raises:
            FormatError: the block does not hash to its CID.
            StorageError: the disk refused.
        """
        ...

    def mend_index(self) -> bool:
        """Look whether the node's own disk has lost track of the blocks that lie on it; what it has
        is then known again, and True is returned.

        Raises:
            StorageError: the disk refused.
        """
        ...

    def lingering(self, wanted: Sequence[bytes]) -> list[bytes]:
        """Those of ``wanted`` whose bytes lie on the node's own disk, also where they were removed
        and the disk did not get them back yet.

        Raises:
            StorageError: the disk could not be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """What a replica says of itself: sizes in bytes, ``limit`` 0 where unknown."""

    version: str
    peer: str
    addresses: tuple[str, ...]
    peers: int
    size: int
    limit: int


class Replica(BlockStore, Protocol):
    """An IPFS node that keeps blocks pinned. It answers from its own repository: nothing is fetched
    from peers unless that is asked.
    """

    def send(self, blocks: Iterable[Block]) -> None:
        """As put, for blocks that the caller has just hashed: the daemon hashes them once more."""
        ...

    def pin(self, roots: Sequence[bytes], *, fetch: bool = False, blocks: int = 0) -> None:
        """Pin roots with all below them; durable when it returns.

        Args:
            fetch: let it fetch what it lacks from the peers of its swarm, for as long as that goes
                forward.
            blocks: how many lie at and below the roots, 0 where nobody has counted: for no more is
                it given time, whatever it counts itself.

        Raises:
            StorageError: its disk is full or failed. NotFoundError: a root is not there.
            NetworkError: something below a root is missing, or it takes too long; try again.
            VerificationError: it answers with other CIDs than ours.
        """
        ...

    def unpin(self, root: bytes) -> bool:
        """Take a pin away and remove the blocks that nothing else pins; harmless where there is
        none.

        Returns:
            False where blocks may be left: what names them cannot be read, or something else pins
            them; what names them stays.
        """
        ...

    def pinned(self, roots: Sequence[bytes]) -> set[bytes]:
        """Those of ``roots`` that are pinned with all below them."""
        ...

    def replace(self, root: bytes, block: Block) -> None:
        """Write a block below a pinned root anew, though one with that CID is there, and pin the
        root again.
        """
        ...

    def status(self) -> ReplicaStatus:
        """How large its repository is, how many peers it has, and which Kubo it runs."""
        ...

    def introduce(self, addresses: Sequence[str]) -> None:
        """Connect to a peer of its swarm.

        Raises:
            NetworkError: it cannot reach it.
        """
        ...


@dataclass(frozen=True)
class Replicas:
    """An agency's own replicas by name, and how many of them shall keep an item.

    ``outside``: nodes in a swarm with other agencies, which hold an item while it is open to one of
    them, and no longer.
    """

    own: Mapping[str, Replica] = field(default_factory=dict)
    outside: Mapping[str, Replica] = field(default_factory=dict)
    target: int = 0

    def __getitem__(self, name: str) -> Replica:
        return self.own[name] if name in self.own else self.outside[name]

    def names(self) -> list[str]:
        """All names, own first."""
        return [*self.own, *self.outside]
