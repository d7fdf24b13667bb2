"""People and guests: who they are, how they join, and their logins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from ledger.domain.identity.person import PersonId
from ledger.rows.states import EnrolmentState
from ledger.rows.table import (
    WORD,
    Big,
    BytesKey,
    IndexedPerson,
    Person,
    PersonKey,
    PersonOrNobody,
    Row,
    table,
)

#: People and guests that a home keeps, suspended ones too, and invitations under way: who is asked
#: about all of them must see all of them.
MAX_PEOPLE: Final = 10_000


@table("person")
@dataclass(frozen=True, slots=True)
class PersonRow(Row):
    """A person who may log in here: one of the agency's own, or a guest of another agency who works
    on items granted to them.

    ``number``: the sealed service number, empty for guests. ``proof``: the request (see
    ledger/domain/identity/enrolment.py) in which they signed for both their keys, empty where it
    was not kept. ``custody``: digest of the custody key that they said they hold, empty for none.
    """

    person: PersonKey
    certificate: bytes
    hpke: bytes
    number: bytes
    active: bool
    proof: bytes = b""
    custody: bytes = b""


@table("certificate")
@dataclass(frozen=True, slots=True)
class CertificateRow(Row):
    """A certificate that signed something in the log."""

    digest: BytesKey
    der: bytes


@table("custody_key")
@dataclass(frozen=True, slots=True)
class CustodyKeyRow(Row):
    """The agency's custody key sealed to a person who has not fetched it yet; ``custody``: its
    digest, ``by``: who sealed it.
    """

    person: PersonKey
    custody: bytes
    sealed: bytes
    by: Person


@table("enrolment")
@dataclass(frozen=True, slots=True)
class EnrolmentRow(Row):
    """An invitation and what became of it. ``code`` is the hash of its secret; ``number`` the
    sealed service number.

    ``state``: invited, requested or approved. ``request``: as received, empty until then;
    ``certificate``: digest once approved.
    """

    code: BytesKey
    roles: str
    number: bytes
    inviter: PersonOrNobody
    state: Annotated[EnrolmentState, WORD]
    expires: Big
    request: bytes = b""
    certificate: bytes = b""


@table("identity")
@dataclass(frozen=True, slots=True)
class IdentityRow(Row):
    """An account at the agency's identity provider by a keyed hash, and whose it is."""

    token: BytesKey
    person: IndexedPerson


@table("challenge")
@dataclass(frozen=True, slots=True)
class ChallengeRow(Row):
    """A login challenge not yet answered."""

    nonce: BytesKey
    expires: Big


@table("session")
@dataclass(frozen=True, slots=True)
class SessionRow(Row):
    """A login: SHA-256 of the token, who, and until when. ``person``: None for another agency's
    node, which is nobody.
    """

    token: BytesKey
    person: PersonOrNobody
    certificate: bytes
    expires: Big


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
        """All invitations by which somebody may still be let in."""
        ...

    def drop_stale_enrolments(self, now: int, latest: int) -> None:
        """Forget invitations that expire before or after these two. Those that were used stay: they
        prove which keys somebody asked for.
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

    def listed(self, person: PersonId | None, now: int, latest: int) -> list[SessionRow]:
        """Sessions that go on, of one person or of all: those that end from now on, and not later
        than any that begins now.
        """
        ...

    def drop(self, token: bytes) -> None:
        """End one session."""
        ...

    def put_challenge(self, nonce: bytes, expires: int) -> None:
        """Write a challenge."""
        ...

    def has_challenge(self, nonce: bytes, now: int, latest: int) -> bool:
        """Whether a challenge can still be answered, which expires between these two; looking at it
        takes nothing.
        """
        ...

    def take_challenge(self, nonce: bytes, now: int, latest: int) -> bool:
        """A challenge is good once; whatever expires before or after these two goes with it."""
        ...

    def drop_challenges(self, now: int, latest: int) -> None:
        """Forget challenges that end before or after these two."""
        ...

    def drop_ended(self, now: int, latest: int) -> None:
        """Forget sessions and challenges that end before or after these two."""
        ...

    def put(self, row: SessionRow) -> None:
        """Write a session."""
        ...

    def get(self, token: bytes) -> SessionRow | None:
        """A session by the hash of its token."""
        ...
