"""What was handed out that opens an item, and alarms about many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Protocol

from sqlalchemy import BigInteger
from sqlmodel import Field

from ledger.domain.identity.person import PersonId, Recipient
from ledger.rows.states import ReleaseKind
from ledger.rows.table import WORD_KEY, Big, BytesKey, IndexedPerson, Person, Row, TextKey, table


@table("reading")
@dataclass(frozen=True, slots=True)
class AccessCountRow(Row):
    """Somebody's recorded access, for a day: so that many at once are noticed."""

    statement: BytesKey
    person: IndexedPerson
    evidence: str
    time: Big


@table("release")
@dataclass(frozen=True, slots=True)
class ReleaseRow(Row):
    """Something handed out that opens an item: which statement covers it, to whom, and what. Kept
    for audits.

    ``kind``: content (keys), details (documents), listing (what the items of a case are called),
    bundle, parcel or copy, with the time when it was last handed out; offer (record and keys of an
    item on offer) or offer-content (its ciphertext), with the time when whoever is asked first
    looked.
    """

    statement: BytesKey
    recipient: Annotated[Recipient, WORD_KEY]
    kind: Annotated[ReleaseKind, WORD_KEY]
    evidence: str
    time: Big


@table("alarm")
@dataclass(frozen=True, slots=True)
class AlarmRow(Row):
    """Something that auditors must see: ``kind`` bulk-access, with how many items somebody opened
    within an hour.
    """

    id: TextKey
    kind: str
    person: Person
    count: int
    time: Annotated[int, Field(sa_type=BigInteger, index=True)]


class ReleasesRepository(Protocol):
    """What was handed out that opens an item, and alarms about many at once."""

    def put(self, row: ReleaseRow) -> None:
        """Write down what is handed out, under which statement."""
        ...

    def under(self, statement: bytes) -> list[ReleaseRow]:
        """What was handed out under one statement, in the order of time."""
        ...

    def page(self, *, after: tuple[bytes, str, str], limit: int) -> list[ReleaseRow]:
        """Releases beyond one, in the order of (statement, recipient, kind)."""
        ...

    def put_access(self, statement: bytes, person: PersonId, evidence: str, time: int) -> None:
        """Note an access."""
        ...

    def forget_accesses(self, person: PersonId, now: int) -> None:
        """Forget somebody's accesses of yesterday."""
        ...

    def accesses(self, person: PersonId, since: int) -> int:
        """How many items somebody opened since a time."""
        ...

    def put_alarm(self, row: AlarmRow) -> None:
        """Raise an alarm."""
        ...

    def alarms(self, *, after: int, limit: int, person: PersonId | None = None) -> list[AlarmRow]:
        """Alarms younger than a time, oldest first; of one person, where they are named."""
        ...
