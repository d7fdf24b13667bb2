"""Repositories of evidence: logs, items, documents, keys, and where ciphertext lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ledger.domain.identity.person import PersonId
from ledger.domain.ports.rows import (
    CheckpointRow,
    EntryRow,
    ItemRow,
    LogRow,
    ReplicaStateRow,
    ShareRow,
    TransactionRow,
)


class LogsRepository(Protocol):
    """Logs of this agency: entries in order, and the hashes of their tree."""

    def get(self, log: bytes) -> LogRow | None:
        """A log by its id."""
        ...

    def put(self, row: LogRow) -> None:
        """Write how far a log is."""
        ...

    def add_entries(self, rows: Sequence[EntryRow]) -> None:
        """Append entries; an index that is taken is a ConflictError."""
        ...

    def entry(self, log: bytes, index: int) -> EntryRow | None:
        """The entry at an index."""
        ...

    def entry_by_digest(self, digest: bytes) -> EntryRow | None:
        """The entry of a statement, by its digest."""
        ...

    def entries(self, log: bytes, start: int, end: int) -> list[EntryRow]:
        """Entries ``start`` to ``end`` in order."""
        ...

    def events(self, evidence: str, *, void: bool = False) -> list[EntryRow]:
        """Entries about an item, in order; with ``void`` those too that lost a race on chain."""
        ...

    def keep_entry(self, row: EntryRow) -> None:
        """Insert the entry of another log; the very same one changes nothing.

        Raises:
            ConflictError: another entry is known at its place, or it is known at another place.
        """
        ...

    def void_entry(self, log: bytes, index: int) -> None:
        """Mark an entry as one that lost against another on chain."""
        ...

    def tile(self, log: bytes, level: int, index: int) -> bytes:
        """Hashes of a tile; empty where there is none."""
        ...

    def put_tile(self, log: bytes, level: int, index: int, data: bytes) -> None:
        """Write a tile."""
        ...


class CheckpointsRepository(Protocol):
    """Checkpoints on their way to the chain, and the transactions that take them there."""

    def put(self, row: CheckpointRow) -> None:
        """Write a checkpoint."""
        ...

    def drop(self, log: bytes, size: int) -> None:
        """Remove a checkpoint that never reached the chain."""
        ...

    def page(self, log: bytes, *, after: int = 0, limit: int = 1000) -> list[CheckpointRow]:
        """Checkpoints beyond a size, in order."""
        ...

    def newest(self, log: bytes, states: Sequence[str]) -> CheckpointRow | None:
        """The newest checkpoint in one of these states."""
        ...

    def covering(self, log: bytes, index: int) -> CheckpointRow | None:
        """The first checkpoint that covers an entry."""
        ...

    def put_transaction(self, row: TransactionRow) -> None:
        """Keep a transaction before it is sent."""
        ...

    def transaction(self, digest: bytes) -> TransactionRow | None:
        """A transaction by its hash."""
        ...


class ItemsRepository(Protocol):
    """Items: where each stands, who has a part in it, and what it is found by."""

    def get(self, evidence: str) -> ItemRow | None:
        """Where an item stands."""
        ...

    def named(self, evidence: Sequence[str]) -> dict[str, ItemRow]:
        """Those of the items that exist, in one query."""
        ...

    def put(self, row: ItemRow) -> None:
        """Write where an item stands."""
        ...

    def newest_place(self) -> int:
        """Place of the last item in the order of lists; -1 before the first."""
        ...

    def drop_secrets(self, evidence: str, scopes: Sequence[str], *, record: bool) -> int:
        """Destroy the grants of an item in these scopes, and with ``record`` its documents and what
        it is found by; grants destroyed.
        """
        ...

    def forget(self, evidence: str) -> None:
        """Remove all rows of an item that only the logs of others tell of: where it stands, their
        entries, documents and keys, what it is found by and came from.
        """
        ...

    def page(
        self,
        *,
        after: int,
        limit: int,
        person: PersonId | None,
        evidence: Sequence[str] | None,
        recipient: bytes | None = None,
        token: bytes | None = None,
        beside: str = "",
    ) -> list[ItemRow]:
        """A page of items in the order in which they were opened.

        Args:
            person: who opened or holds them, or was given a part in them. recipient: also those of
                which a key is sealed to this one.
            token: by which the blind index finds them. beside: one that is left out.
        """
        ...

    def offered(self) -> list[ItemRow]:
        """Items with an open offer: as many as are on their way between agencies just now."""
        ...

    def disclosed(self, now: int) -> list[ItemRow]:
        """Items disclosed as a copy to somebody outside who may still fetch it."""
        ...

    def put_share(self, row: ShareRow) -> None:
        """Give somebody a part in an item."""
        ...

    def share(self, evidence: str, person: PersonId) -> ShareRow | None:
        """The part that somebody was given in an item."""
        ...

    def put_token(self, token: bytes, evidence: str) -> None:
        """Let an item be found by a token."""
        ...

    def drop_tokens(self, evidence: str) -> None:
        """Let an item be found no more."""
        ...

    def index_form(self) -> int:
        """Under which form of numbers the index was made; 0 where that was never said."""
        ...

    def put_index_form(self, version: int) -> None:
        """Write under which form of numbers tokens were made."""
        ...

    def tokens(self, token: bytes, limit: int) -> list[str]:
        """Items that are found by a token."""
        ...


class DocumentsRepository(Protocol):
    """Sealed documents and disclosures."""

    def put(self, digest: bytes, evidence: str, sealed: bytes) -> None:
        """Write a sealed document."""
        ...

    def keep(self, digest: bytes, evidence: str, sealed: bytes) -> None:
        """Write a sealed document from outside; one that is there stays."""
        ...

    def get(self, digest: bytes) -> bytes | None:
        """A sealed document by the digest of its text."""
        ...

    def put_disclosure(self, digest: bytes, document: bytes, position: int, sealed: bytes) -> None:
        """Write a sealed disclosure of a document."""
        ...

    def keep_disclosure(self, digest: bytes, document: bytes, position: int, sealed: bytes) -> None:
        """Write a disclosure from outside; one that is there stays."""
        ...

    def disclosures(self, document: bytes) -> list[tuple[bytes, bytes]]:
        """(digest, sealed) of the disclosures of a document, in their order."""
        ...


class GrantsRepository(Protocol):
    """Keys of items, each sealed to one recipient."""

    def put(self, evidence: str, scope: str, recipient: bytes, binding: bytes, data: bytes) -> None:
        """Write a sealed key."""
        ...

    def keep(
        self, evidence: str, scope: str, recipient: bytes, binding: bytes, data: bytes
    ) -> None:
        """Write a sealed key from outside; one that is there stays."""
        ...

    def sealed_to(self, evidence: str, scope: str, recipient: bytes) -> list[bytes]:
        """Keys of an item that are sealed to a recipient."""
        ...

    def named(self, evidence: Sequence[str], scope: str, recipient: bytes) -> dict[str, bytes]:
        """The grant of each item to one recipient, in one query; for scopes that have one alone."""
        ...

    def are_left(self, evidence: str, scope: str) -> bool:
        """Whether anybody has a key of this scope."""
        ...

    def drop(self, evidence: str, scope: str, recipient: bytes) -> None:
        """Destroy the keys of a recipient."""
        ...

    def drop_all_to(self, recipient: bytes) -> None:
        """Drop whatever was sealed to a key."""
        ...


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

    def oldest_proofs(self, before: int, first: int, now: int, limit: int) -> list[ReplicaStateRow]:
        """What was last known good before a time (``first`` where it was never read again), or is
        damaged, and is not put off.
        """
        ...

    def at_node(self, node: str, *, after: str, limit: int) -> list[ReplicaStateRow]:
        """A page of items at a replica."""
        ...

    def counts(self) -> dict[tuple[str, str], int]:
        """Number of items by (replica, state)."""
        ...

    def wanting_items(self, nodes: Sequence[str]) -> int:
        """Items that one of these replicas shall keep and does not yet, and items for which nobody
        has chosen a replica yet.
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
