"""Where ciphertext lies: what each IPFS node keeps, or shall keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from sqlalchemy import Index

from ledger.rows.states import ReplicaStateName
from ledger.rows.table import WORD, Big, Row, TextKey, table

#: Seconds for which an item at a replica is put off at most.
LONGEST_PAUSE: Final = 6 * 3600
#: Stands for the node's own disk, as no replica can be called: it may still have something of an
#: item whose keys were destroyed.
OWN_DISK: Final = ", own disk"


@table(
    "holding",
    Index("holding_due", "node", "state", "due"),
    Index("holding_proof", "state", "proof"),
)
@dataclass(frozen=True, slots=True)
class ReplicaStateRow(Row):
    """One item at one replica. ``state``: wanted (to be pinned), pinned, damaged, or released (to
    be removed).

    ``due``: when to try again; ``tries``: failures in a row; ``problem``: what the last one was, in
    one word.
    ``proof``: when the whole was last known good there, pinned or re-read; ``reads``: how often it
    was re-read whole.
    ``place``: blocks that sending or re-reading has behind it; ``seen``: JSON of what a re-reading
    has found so far.
    """

    evidence: TextKey
    node: TextKey
    cid: bytes
    state: Annotated[ReplicaStateName, WORD]
    due: Big
    tries: int = 0
    proof: Big = 0
    reads: int = 0
    place: Big = 0
    seen: str = ""
    problem: str = ""


@table("replication_target")
@dataclass(frozen=True, slots=True)
class ReplicationTargetRow(Row):
    """How many replicas shall keep an item, where that is not the home's own number."""

    evidence: TextKey
    copies: int


@table("opening")
@dataclass(frozen=True, slots=True)
class DisclosureWindowRow(Row):
    """An item disclosed to another agency: its ciphertext may lie at nodes outside until then."""

    evidence: TextKey
    until: Big


class ReplicasRepository(Protocol):
    """What each IPFS node keeps, or shall keep."""

    def put(self, row: ReplicaStateRow) -> None:
        """Write what is known about an item at a replica."""
        ...

    def drop(self, evidence: str, node: str) -> None:
        """Forget an item at a replica."""
        ...

    def is_held_for_others(self, node: str, cid: bytes, evidence: str) -> bool:
        """Whether a replica keeps, or shall keep, a CID for another item too: pins have no
        names.
        """
        ...

    def hurry(self, now: int) -> None:
        """What was put off is due now."""
        ...

    def drop_at(self, node: str) -> None:
        """Forget a replica."""
        ...

    def of_item(self, evidence: str) -> list[ReplicaStateRow]:
        """What is known about an item, at every replica."""
        ...

    def named(self, evidence: Sequence[str]) -> dict[str, list[ReplicaStateRow]]:
        """As ``of_item`` for many items."""
        ...

    def due(self, node: str, now: int, limit: int) -> list[ReplicaStateRow]:
        """What is to be pinned or removed at a replica now, what has waited longest first."""
        ...

    def oldest_proofs(
        self, nodes: Sequence[str], before: int, first: int, now: int, limit: int
    ) -> list[ReplicaStateRow]:
        """What was last known good at these replicas before a time (``first`` where it was never
        read again), or is damaged, and is not put off.
        """
        ...

    def at_node(self, node: str, *, after: str, limit: int) -> list[ReplicaStateRow]:
        """A page of items at a replica."""
        ...

    def counts(self) -> dict[tuple[str, str], int]:
        """Number of items by (replica, state)."""
        ...

    def wanting_items(self, nodes: Sequence[str], agency: str, copies: int) -> int:
        """Items that an agency keeps, or has keys to, and that fewer of these replicas have pinned
        than they shall: ``copies``, or the item's own number.
        """
        ...

    def oldest_proof(self) -> int | None:
        """When the item that was read again longest ago was; None without one."""
        ...

    def put_target(self, evidence: str, copies: int) -> None:
        """Write at how many replicas an item shall lie."""
        ...

    def targets(self, evidence: Sequence[str]) -> dict[str, int]:
        """At how many replicas items shall lie, where that is their own number."""
        ...

    def put_window(self, evidence: str, until: int) -> None:
        """Let ciphertext lie at nodes outside until a time."""
        ...
