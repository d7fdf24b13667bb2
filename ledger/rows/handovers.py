"""Handovers between agencies, copies given to them, where items came from, and disposals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

from sqlalchemy import Index
from sqlmodel import Field

from ledger.domain.identity.person import PersonId
from ledger.rows.states import ErasureState, LinkKind, TransferState
from ledger.rows.table import (
    INDEXED,
    WORD,
    WORD_KEY,
    Big,
    BytesKey,
    NumberKey,
    Row,
    TextKey,
    table,
)


@table("crossing", Index("crossing_state", "state"))
@dataclass(frozen=True, slots=True)
class TransferStepRow(Row):
    """A handover between agencies, the ``number``-th of its item. Digests are 32 bytes, times
    seconds, outcome as in slots.

    ``state``: offered (signed, not yet taken by the contract), open (taken), concluding (our answer
    or withdrawal is signed, the contract has not decided yet), concluded, or lapsed (withdrawn
    before the contract ever took it). ``sent``: hash of our transaction on its way, else empty.
    """

    evidence: TextKey
    number: NumberKey
    giver: str
    taker: str
    offer: bytes
    expires: Big
    state: Annotated[TransferState, WORD]
    offer_time: Big = 0
    outcome: int = 0
    outcome_digest: bytes = bytes(32)
    time: Big = 0
    sent: bytes = b""


@table("inherited")
@dataclass(frozen=True, slots=True)
class InheritedRow(Row):
    """What others' logs prove about an item: a bundle without documents or proofs of the chain."""

    evidence: TextKey
    data: bytes


@table("given")
@dataclass(frozen=True, slots=True)
class DisclosedCopyRow(Row):
    """A copy given to another agency by a statement; ``taken``: their own item of it, once they
    told; ``until``: fetched by then.
    """

    statement: BytesKey
    evidence: Annotated[str, INDEXED]
    agency: Annotated[str, INDEXED]
    until: Big
    taken: str = ""


@table("link")
@dataclass(frozen=True, slots=True)
class LinkRow(Row):
    """``child`` came from ``parent``: derived, copy, part (of a folder or an exhibit)."""

    parent: TextKey
    child: Annotated[str, Field(primary_key=True, index=True)]
    kind: Annotated[LinkKind, WORD_KEY]


@table("erasure")
@dataclass(frozen=True, slots=True)
class ErasureRow(Row):
    """Keys to be destroyed here for a disposal by ``custodian``, by the digest of its statement.

    ``state``: due, dropped (destroyed, not signed for yet) or done; ``count``: grants destroyed;
    ``backups``: when the last backup that may hold them can no longer be opened, 0 for none.
    """

    evidence: TextKey
    statement: bytes
    custodian: str
    state: Annotated[ErasureState, WORD]
    count: int = 0
    time: Big = 0
    backups: Big = 0


class TransfersRepository(Protocol):
    """Handovers between agencies, and what came with an item."""

    def put(self, row: TransferStepRow) -> None:
        """Write how far a handover is."""
        ...

    def keep(self, row: TransferStepRow) -> None:
        """Write a handover of an earlier holder; one that is there stays."""
        ...

    def of_item(self, evidence: str) -> list[TransferStepRow]:
        """The handovers of an item, oldest first."""
        ...

    def in_states(
        self,
        states: Sequence[str],
        limit: int,
        *,
        agency: str = "",
        giver: str = "",
        outcome: int | None = None,
        after: tuple[str, int] = ("", -1),
    ) -> list[TransferStepRow]:
        """A page of handovers in certain states, in the order of items, behind ``after``: with an
        agency, from a giver, with an outcome, where named.
        """
        ...

    def on_its_way(self) -> TransferStepRow | None:
        """The handover whose transaction is on its way; there is one at most."""
        ...

    def put_inherited(self, evidence: str, data: bytes) -> None:
        """Keep what proves the earlier history of an item."""
        ...

    def inherited(self, evidence: str) -> bytes | None:
        """The bundle that proves the earlier history of an item."""
        ...


class CopiesRepository(Protocol):
    """Copies that other agencies may fetch, and where items came from."""

    def put(self, row: DisclosedCopyRow) -> None:
        """Write a copy that an agency may fetch."""
        ...

    def get(self, statement: bytes) -> DisclosedCopyRow | None:
        """A copy by the statement that disclosed it."""
        ...

    def offered_to(
        self, agency: str, limit: int, *, now: int, after: bytes = b""
    ) -> list[DisclosedCopyRow]:
        """A page of copies that an agency may still fetch, in the order of statements."""
        ...

    def of_item(self, evidence: str, limit: int) -> list[DisclosedCopyRow]:
        """Copies of an item that were given."""
        ...

    def put_link(self, row: LinkRow) -> None:
        """Write that an item came from another one."""
        ...

    def links(
        self,
        evidence: Sequence[str],
        limit: int,
        *,
        person: PersonId | None = None,
        recipient: bytes | None = None,
    ) -> list[LinkRow]:
        """Where items came from and what came from them.

        Args:
            person, recipient: as for pages of items: links of younger items alone that these see,
                or are asked to take.
        """
        ...

    def links_from(self, children: Sequence[str]) -> dict[str, list[LinkKind]]:
        """How each of these items came from others, as its own record says; in one query."""
        ...


class ErasuresRepository(Protocol):
    """Keys to be destroyed for disposals."""

    def put(self, row: ErasureRow) -> None:
        """Write how far a disposal is here."""
        ...

    def get(self, evidence: str) -> ErasureRow | None:
        """The disposal of an item."""
        ...

    def in_states(
        self,
        states: Sequence[str],
        limit: int,
        *,
        custodian: str = "",
        held: str = "",
        after: str = "",
    ) -> list[ErasureRow]:
        """A page in the order of items: of disposals by a custodian, of items that an agency opened
        or held, where they are named.
        """
        ...
