"""Repositories of people and agencies: who they are, what was handed to whom, and any table as it
stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ledger.domain.identity.person import PersonId
from ledger.domain.ports.rows import (
    AlarmRow,
    CrlRow,
    CustodyKeyRow,
    DescriptorRow,
    DisclosedCopyRow,
    EnrolmentRow,
    ErasureRow,
    LinkRow,
    PartnerRow,
    PersonRow,
    ReleaseRow,
    SessionRow,
    TransferStepRow,
)


class PartnersRepository(Protocol):
    """Other agencies of the registry."""

    def put(self, row: PartnerRow) -> None:
        """Write what is known of an agency."""
        ...

    def get(self, agency: str) -> PartnerRow | None:
        """An agency by its code."""
        ...

    def all(self) -> list[PartnerRow]:
        """Every agency that is known."""
        ...

    def put_descriptor(self, agency: str, row: DescriptorRow) -> None:
        """Write a version of a descriptor."""
        ...

    def descriptors(self, agency: str) -> list[DescriptorRow]:
        """Versions of the descriptor of an agency, oldest first."""
        ...


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

    def links(self, evidence: Sequence[str], limit: int) -> list[LinkRow]:
        """Where items came from and what came from them."""
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


class PeopleRepository(Protocol):
    """People and guests, their certificates, and how they join."""

    def put_certificate(self, digest: bytes, der: bytes) -> None:
        """Write a certificate."""
        ...

    def certificate(self, digest: bytes) -> bytes | None:
        """A certificate (DER) by its digest."""
        ...

    def put(self, row: PersonRow) -> None:
        """Write a person."""
        ...

    def get(self, person: PersonId) -> PersonRow | None:
        """A person or guest."""
        ...

    def all(self) -> list[PersonRow]:
        """Everybody, suspended ones too."""
        ...

    def put_enrolment(self, row: EnrolmentRow) -> None:
        """Write an invitation or what became of it."""
        ...

    def enrolment(self, code: bytes) -> EnrolmentRow | None:
        """An invitation by the hash of its code."""
        ...

    def enrolments(self) -> list[EnrolmentRow]:
        """All invitations."""
        ...

    def drop_stale_enrolments(self, now: int) -> None:
        """Forget invitations that nobody can use any more. Those that were used stay: they prove
        which keys somebody asked for.
        """
        ...

    def drop_enrolment(self, code: bytes) -> None:
        """Forget an invitation: whoever has its code can ask no more."""
        ...

    def put_identity(self, token: bytes, person: PersonId) -> None:
        """Link an account to a person; one that they had before is theirs no longer."""
        ...

    def identity(self, token: bytes) -> PersonId | None:
        """Whose account at the identity provider this is."""
        ...

    def drop_identity(self, person: PersonId) -> None:
        """Forget whose account at the identity provider was a person's."""
        ...

    def put_custody_key(self, row: CustodyKeyRow) -> None:
        """Leave the custody key for somebody, sealed to them."""
        ...

    def custody_key(self, person: PersonId) -> CustodyKeyRow | None:
        """The custody key that waits for somebody."""
        ...

    def drop_custody_key(self, person: PersonId) -> None:
        """Forget a sealed custody key: fetched, or for somebody who is no custodian any more."""
        ...


class SessionsRepository(Protocol):
    """Logins and what goes before them."""

    def drop_all_of(self, person: PersonId) -> None:
        """End all sessions of a person."""
        ...

    def listed(self, person: PersonId | None, now: int) -> list[SessionRow]:
        """Sessions that go on, of one person or of all."""
        ...

    def drop(self, token: bytes) -> None:
        """End one session."""
        ...

    def put_challenge(self, nonce: bytes, expires: int) -> None:
        """Write a challenge."""
        ...

    def has_challenge(self, nonce: bytes, now: int) -> bool:
        """Whether a challenge can still be answered; looking at it takes nothing."""
        ...

    def take_challenge(self, nonce: bytes, now: int) -> bool:
        """A challenge is good once; whatever has expired goes with it."""
        ...

    def drop_expired(self, now: int) -> None:
        """Forget sessions and challenges that nobody can use any more."""
        ...

    def put(self, row: SessionRow) -> None:
        """Write a session."""
        ...

    def get(self, token: bytes) -> SessionRow | None:
        """A session by the hash of its token."""
        ...


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
        """Note an access, and forget those of yesterday."""
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


class AuthorityFilesRepository(Protocol):
    """Revocation lists and descriptors as this agency published them."""

    def put_crl(self, row: CrlRow) -> None:
        """Write a revocation list that was issued."""
        ...

    def newest_crl(self) -> CrlRow | None:
        """The list that counts: it names everything that the earlier ones did."""
        ...

    def put_descriptor(self, row: DescriptorRow) -> None:
        """Write a descriptor that was published."""
        ...

    def descriptors(self) -> list[DescriptorRow]:
        """Descriptors as they were published, oldest first."""
        ...


class TablesRepository(Protocol):
    """Any table as it stands, for those who audit it."""

    def rows(self, table: str, **equal: Any) -> list[dict[str, Any]]:
        """Rows of a table with these members."""
        ...

    def rows_among(self, table: str, column: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        """Rows whose column has one of these values, in one query."""
        ...

    def page(self, table: str, after: Sequence[Any], limit: int) -> list[dict[str, Any]]:
        """Rows beyond a primary key, in its order, with values just as they are stored: of a type
        that no program of ours would write.
        """
        ...

    def distinct(self, table: str, column: str, after: Any, limit: int) -> list[Any]:
        """Values of a column beyond one, in order, each once."""
        ...

    def stray(
        self, table: str, column: str, of: Sequence[tuple[str, str]], limit: int
    ) -> list[Any]:
        """Values of a column that stand in none of the columns ``of``, each once."""
        ...

    def count(self, table: str) -> int:
        """Number of rows of a table."""
        ...

    def schema(self) -> dict[str, str]:
        """Everything that the database is made of and does by itself: tables, indexes, views and
        triggers, with their definitions.
        """
        ...
