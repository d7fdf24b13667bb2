"""Sealed documents, their disclosures, and the keys that they and contents are opened with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

from sqlmodel import Field

from ledger.rows.table import INDEXED, BytesKey, Row, TextKey, table


@table("document")
@dataclass(frozen=True, slots=True)
class DocumentRow(Row):
    """An event document, encrypted under its item's record key."""

    digest: BytesKey
    evidence: Annotated[str, INDEXED]
    sealed: bytes


@table("disclosure")
@dataclass(frozen=True, slots=True)
class DisclosureRow(Row):
    """A disclosure, encrypted on its own so that it can be withheld or erased on its own."""

    document: BytesKey
    digest: BytesKey
    position: int
    sealed: bytes


@table("grant")
@dataclass(frozen=True, slots=True)
class GrantRow(Row):
    """A key sealed to one recipient; ``binding`` is empty for record keys."""

    evidence: TextKey
    scope: TextKey
    recipient: Annotated[bytes, Field(primary_key=True, index=True)]
    binding: BytesKey
    data: bytes


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

    def named(self, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those of the sealed documents that are there, in one query."""
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

    def disclosures_of(self, documents: Sequence[bytes]) -> dict[bytes, list[tuple[bytes, bytes]]]:
        """As ``disclosures``, of several documents in one query; none for those that have none."""
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

    def named(
        self, evidence: Sequence[str], scope: str, recipients: Collection[bytes]
    ) -> dict[str, bytes]:
        """A grant of each item to one of some keys, in one query; for scopes that have one
        alone.
        """
        ...

    def page_to(self, recipient: bytes, scope: str, limit: int) -> list[tuple[str, bytes]]:
        """Items with their grants of a scope to a key, the first ones."""
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
