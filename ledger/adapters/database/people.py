"""People, certificates, revocation lists, descriptors, challenges and sessions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, distinct, func, select, tuple_

from ledger.adapters.database.columns import blob
from ledger.adapters.database.tables import (
    AccessCount,
    Alarm,
    CertificateRecord,
    Challenge,
    Crl,
    CustodyKey,
    DescriptorRecord,
    Enrolment,
    Identity,
    Person,
    Release,
    SessionRecord,
)
from ledger.adapters.database.unit import Part, values
from ledger.domain.identity.person import PersonId
from ledger.domain.ports.rows import (
    AlarmRow,
    CrlRow,
    CustodyKeyRow,
    DescriptorRow,
    EnrolmentRow,
    PersonRow,
    ReleaseRow,
    SessionRow,
)

_H: Any = Challenge
_K: Any = CustodyKey
_E: Any = Enrolment
_S: Any = SessionRecord
_R: Any = AccessCount
_A: Any = Alarm
_C: Any = Crl
_I: Any = Identity
_L: Any = Release
_DAY = 86400
_MAX_PEOPLE = 10_000
_MAX_VERSIONS = 65_535


class People(Part):
    """People and guests, their certificates, and how they join."""

    def put_certificate(self, digest: bytes, der: bytes) -> None:
        self._keep(
            CertificateRecord, ("digest",), {"digest": digest, "der": der}
        )  # named by its own bytes

    def certificate(self, digest: bytes) -> bytes | None:
        row = self._one(CertificateRecord, digest=digest)
        return blob(row.der) if row else None

    def put(self, row: PersonRow) -> None:
        self._put(Person, ("person",), values(row))

    def get(self, person: PersonId) -> PersonRow | None:
        row = self._one(Person, person=person)
        return PersonRow(**row._mapping) if row else None

    def all(self) -> list[PersonRow]:
        return [
            PersonRow(**row._mapping)
            for row in self._find(Person, order="person", limit=_MAX_PEOPLE)
        ]

    def put_enrolment(self, row: EnrolmentRow) -> None:
        self._put(Enrolment, ("code",), values(row))

    def enrolment(self, code: bytes) -> EnrolmentRow | None:
        row = self._one(Enrolment, code=code)
        return EnrolmentRow(**row._mapping) if row else None

    def enrolments(self) -> list[EnrolmentRow]:
        return [
            EnrolmentRow(**row._mapping)
            for row in self._find(Enrolment, order="expires", limit=_MAX_PEOPLE)
        ]

    def drop_stale_enrolments(self, now: int) -> None:
        """Forget invitations that nobody can use any more. Those that were used stay: they prove
        which keys somebody asked for.
        """
        self.flush(Enrolment)
        self._db.execute(delete(Enrolment).where(_E.expires < now, _E.state != "approved"))

    def drop_enrolment(self, code: bytes) -> None:
        """Forget an invitation."""
        self.flush(Enrolment)
        self._db.execute(delete(Enrolment).where(_E.code == code))

    def put_identity(self, token: bytes, person: PersonId) -> None:
        """Link an account to a person; one that they had before is theirs no longer."""
        self.drop_identity(person)
        self._put(Identity, ("token",), {"token": token, "person": person})

    def drop_identity(self, person: PersonId) -> None:
        """Forget the account that is linked to a person."""
        self.flush(Identity)
        self._db.execute(delete(Identity).where(_I.person == person))

    def identity(self, token: bytes) -> PersonId | None:
        row = self._one(Identity, token=token)
        return row.person if row else None

    def put_custody_key(self, row: CustodyKeyRow) -> None:
        self._put(CustodyKey, ("person",), values(row))

    def custody_key(self, person: PersonId) -> CustodyKeyRow | None:
        row = self._one(CustodyKey, person=person)
        return CustodyKeyRow(**row._mapping) if row else None

    def drop_custody_key(self, person: PersonId) -> None:
        """Forget a sealed custody key: fetched, or for somebody who is no custodian any more."""
        self.flush(CustodyKey)
        self._db.execute(delete(CustodyKey).where(_K.person == person))


class Sessions(Part):
    """Logins and what goes before them."""

    def drop_all_of(self, person: PersonId) -> None:
        """End all sessions of a person."""
        self.flush(SessionRecord)
        self._db.execute(delete(SessionRecord).where(_S.person == person))

    def listed(self, person: PersonId | None, now: int) -> list[SessionRow]:
        """Sessions that go on, of one person or of all."""
        conditions = [_S.expires >= now, *([_S.person == person] if person is not None else [])]
        return [
            SessionRow(**row._mapping)
            for row in self._rows(SessionRecord, *conditions, order=_S.expires, limit=_MAX_PEOPLE)
        ]

    def drop(self, token: bytes) -> None:
        """End one session."""
        self.flush(SessionRecord)
        self._db.execute(delete(SessionRecord).where(_S.token == token))

    def put_challenge(self, nonce: bytes, expires: int) -> None:
        self._add(Challenge, {"nonce": nonce, "expires": expires})

    def has_challenge(self, nonce: bytes, now: int) -> bool:
        """Whether a challenge can still be answered; looking at it takes nothing."""
        row = self._one(Challenge, nonce=nonce)
        return row is not None and int(row.expires) >= now

    def take_challenge(self, nonce: bytes, now: int) -> bool:
        """A challenge is good once; whatever has expired goes with it."""
        self.flush(Challenge)
        taken = self._db.execute(delete(Challenge).where(_H.nonce == nonce, _H.expires >= now))
        self._db.execute(delete(Challenge).where(_H.expires < now))
        return taken.rowcount == 1

    def drop_expired(self, now: int) -> None:
        """Forget sessions and challenges that nobody can use any more."""
        for table in (SessionRecord, Challenge):
            self.flush(table)
            expires: Any = table.expires
            self._db.execute(delete(table).where(expires < now))

    def put(self, row: SessionRow) -> None:
        self._add(SessionRecord, values(row))

    def get(self, token: bytes) -> SessionRow | None:
        row = self._one(SessionRecord, token=token)
        return SessionRow(**row._mapping) if row else None


class Releases(Part):
    """What was handed out that opens an item, and alarms about many at once."""

    def put(self, row: ReleaseRow) -> None:
        self._put(Release, ("statement", "recipient", "kind"), values(row))

    def under(self, statement: bytes) -> list[ReleaseRow]:
        """What was handed out under one statement, in the order of time."""
        return [
            ReleaseRow(**row._mapping)
            for row in self._find(Release, order="time", statement=statement)
        ]

    def page(self, *, after: tuple[bytes, str, str], limit: int) -> list[ReleaseRow]:
        """Releases beyond one, in the order of (statement, recipient, kind)."""
        key = (_L.statement, _L.recipient, _L.kind)
        return [
            ReleaseRow(**row._mapping)
            for row in self._rows(Release, tuple_(*key) > after, order=key, limit=limit)
        ]

    def put_access(self, statement: bytes, person: PersonId, evidence: str, time: int) -> None:
        """Note an access, and forget those of yesterday."""
        self.flush(AccessCount)
        self._db.execute(delete(AccessCount).where(_R.person == person, _R.time < time - _DAY))
        self._put(
            AccessCount,
            ("statement",),
            {"statement": statement, "person": person, "evidence": evidence, "time": time},
        )

    def accesses(self, person: PersonId, since: int) -> int:
        """How many items somebody opened since a time."""
        self.flush(AccessCount)
        query = select(func.count(distinct(_R.evidence))).where(
            _R.person == person, _R.time >= since
        )
        return int(self._db.execute(query).scalar_one())

    def put_alarm(self, row: AlarmRow) -> None:
        self._add(Alarm, values(row))

    def alarms(self, *, after: int, limit: int, person: PersonId | None = None) -> list[AlarmRow]:
        """Alarms younger than a time, oldest first; of one person, where they are named."""
        conditions = [_A.time > after, *([_A.person == person] if person is not None else [])]
        return [
            AlarmRow(**row._mapping)
            for row in self._rows(Alarm, *conditions, order=_A.time, limit=limit)
        ]


class AuthorityFiles(Part):
    """Revocation lists and descriptors as this agency published them."""

    def put_crl(self, row: CrlRow) -> None:
        self._add(Crl, values(row))

    def newest_crl(self) -> CrlRow | None:
        """The list that counts: it names everything that the earlier ones did."""
        rows = self._rows(Crl, order=_C.number.desc(), limit=1)
        return CrlRow(**rows[0]._mapping) if rows else None

    def put_descriptor(self, row: DescriptorRow) -> None:
        self._put(DescriptorRecord, ("version",), values(row))

    def descriptors(self) -> list[DescriptorRow]:
        rows = self._find(DescriptorRecord, order="version", limit=_MAX_VERSIONS)
        return [DescriptorRow(**row._mapping) for row in rows]
