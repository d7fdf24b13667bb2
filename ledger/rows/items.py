"""Items: where each stands, who has a part in it, and what it is found by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Protocol

from sqlalchemy import BigInteger
from sqlmodel import Field

from ledger.domain.identity.person import PersonId
from ledger.domain.item.custody_transitions import ItemState, Offer
from ledger.rows.table import (
    INDEXED,
    Big,
    BigOrNone,
    BytesKey,
    IndexedPersonKey,
    NumberKey,
    PersonType,
    Row,
    TextKey,
    table,
)

#: Places in the order of lists that one log entry leaves for items that come from other agencies.
PLACES: Final = 65_536
_INDEXED_PERSON: Any = Field(sa_type=PersonType, nullable=False, index=True)


@table("item")
@dataclass(frozen=True)  # no slots: where custody stands is put together once
class ItemRow(Row):
    """An item: where custody of it stands, the CID of its ciphertext, who opened it here, and who
    holds it in this agency; None for nobody. ``opened``: place in the order of lists.
    """

    evidence: TextKey
    origin: str
    ref: bytes
    custodian: str
    seq: int
    head: bytes
    time: Big
    closed: bool
    offer: bytes | None
    offer_to: Annotated[str | None, INDEXED]
    offer_expires: BigOrNone
    offer_person: str | None
    cid: bytes | None
    opener: Annotated[PersonId | None, _INDEXED_PERSON]
    opened: Annotated[int, Field(sa_type=BigInteger, unique=True)]
    latest_log: bytes
    latest_index: Big
    holder: Annotated[PersonId | None, _INDEXED_PERSON] = None

    @classmethod
    def of(
        cls,
        state: ItemState,
        cid: bytes | None,
        opener: PersonId | None,
        opened: int,
        latest_log: bytes,
        latest_index: int,
        holder: PersonId | None = None,
    ) -> ItemRow:
        """An item of which custody stands at ``state``.

        Returns:
            Its row.
        """
        offer = state.offer
        return cls(
            state.evidence, state.origin, state.ref, state.custodian, state.seq, state.head,
            state.time, state.closed,
            offer.digest if offer else None, offer.to if offer else None,
            offer.expires if offer else None, offer.person if offer else None,
            cid, opener, opened, latest_log, latest_index, holder,
        )  # fmt: skip

    def at(self, state: ItemState) -> ItemRow:
        """The item where its custody has gone on.

        Returns:
            The row, otherwise as it was.
        """
        return ItemRow.of(
            state, self.cid, self.opener, self.opened, self.latest_log, self.latest_index,
            self.holder,
        )  # fmt: skip

    @cached_property
    def state(self) -> ItemState:
        """Where custody of the item stands."""
        offer = None
        if self.offer:
            offer = Offer(self.offer, self.offer_to or "", self.offer_expires, self.offer_person)
        return ItemState(
            self.evidence, self.origin, self.ref, self.custodian, self.seq, self.head, self.time,
            self.closed, offer,
        )  # fmt: skip


@table("share")
@dataclass(frozen=True, slots=True)
class ShareRow(Row):
    """Somebody was given a part in an item by a statement."""

    evidence: TextKey
    person: IndexedPersonKey
    statement: bytes


@table("blind_index")
@dataclass(frozen=True, slots=True)
class BlindTokenRow(Row):
    """Keyed index for search by case, exhibit or digest: HMAC values, useless without the key."""

    token: BytesKey
    evidence: TextKey


@table("index_form")
@dataclass(frozen=True, slots=True)
class IndexFormRow(Row):
    """The form of numbers that the blind index was made under: one row at most."""

    id: NumberKey
    version: int


#: What a list may be limited to, from what is clear of an item: what it is, and where it stands.
#: Cases, which are no items, stand in lists of cases alone.
ItemKind = Literal["file", "thing", "derived", "copy", "part", "case"]
ItemStanding = Literal["open", "offered", "closed", "destroyed"]


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """What a list of items is limited to; what is empty limits nothing.

    tokens: groups of tokens of the blind index, of each of which one finds the item. ``beginning``:
    hexadecimal digits with which its id, or the digest of its opening statement, begins.
    ``among``: of these alone. ``since``, ``until``: when it was recorded, in seconds.
    ``shared``: with whom. ``custodian``: the agency.
    """

    tokens: tuple[tuple[bytes, ...], ...] = ()
    beginning: str = ""
    among: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    opener: PersonId | None = None
    holder: PersonId | None = None
    shared: PersonId | None = None
    custodian: str = ""
    kind: ItemKind | None = None
    standing: ItemStanding | None = None


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
        cases: bool = True,
    ) -> list[ItemRow]:
        """A page of items in the order in which they were opened.

        Args:
            cases: with the cases, whose histories are kept as those of items are.
            person: who opened or holds them, or was given a part in them. recipient: also those of
                which a key is sealed to this one.
            token: by which the blind index finds them.
        """
        ...

    def filtered(
        self,
        wanted: ItemFilter,
        *,
        after: int | None,
        newest: bool,
        limit: int,
        person: PersonId | None,
        recipient: bytes | None = None,
        asked: PersonId | None = None,
    ) -> tuple[list[ItemRow], int | None]:
        """A page of items by what is clear of them, in the order in which they were opened, and
        where the next page begins: None behind the last. A page looks at so many items at most, and
        may be empty though others follow.

        Args:
            after: the place behind which the page begins. newest: the newest first.
            person, recipient: as for pages. asked: also items on offer to this person, or to their
                agency from another one.
        """
        ...

    def found_by(
        self,
        tokens: Sequence[bytes],
        *,
        each: int,
        person: PersonId | None,
        recipient: bytes | None = None,
    ) -> dict[bytes, list[ItemRow]]:
        """Items that are found by each of these tokens, in one query: the first ones of each, in
        the order in which they were opened; a token that finds none is not there.

        Args:
            tokens: by each of which few items of anybody's are found, so that looking at all of
                them takes no time to speak of.
            person, recipient: as for pages.
        """
        ...

    def offered(
        self,
        *,
        after: int = -1,
        limit: int | None = None,
        person: PersonId | None = None,
        recipient: bytes | None = None,
    ) -> list[ItemRow]:
        """Items with an open offer.

        Args:
            after, limit: a page of them, in the order in which they were opened; all by default.
            person, recipient: as for pages of items, and those that they may be asked to take.
        """
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
