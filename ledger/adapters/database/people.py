"""People, certificates, revocation lists, descriptors, challenges and sessions."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, distinct, func, select, tuple_

from ledger.adapters.database.tables import (
    Alarm,
    CertificateRecord,
    Challenge,
    Crl,
    DescriptorRecord,
    Enrolment,
    Identity,
    Person,
    Reading,
    Release,
    SessionRecord,
)
from ledger.adapters.database.unit import Part
from ledger.domain.records import AlarmRow, CrlRow, DescriptorRow, EnrolmentRow, PersonRow, ReleaseRow, SessionRow

_H: Any = Challenge
_E: Any = Enrolment
_S: Any = SessionRecord
_R: Any = Reading
_A: Any = Alarm
_I: Any = Identity
_L: Any = Release
_DAY = 86400
_MAX_PEOPLE = 10_000
_MAX_VERSIONS = 65_535


class People(Part):
    """See unit.Unit."""

    def put_certificate(self, digest: bytes, der: bytes) -> None:
        self._put(CertificateRecord, ("digest",), {"digest": digest, "der": der})

    def certificate(self, digest: bytes) -> bytes | None:
        row = self._one(CertificateRecord, digest=digest)
        return bytes(row.der) if row else None

    def put_person(self, row: PersonRow) -> None:
        self._put(Person, ("pseudonym",), asdict(row))

    def person(self, pseudonym: str) -> PersonRow | None:
        row = self._one(Person, pseudonym=pseudonym)
        return PersonRow(**row._mapping) if row else None

    def people(self) -> list[PersonRow]:
        return [PersonRow(**row._mapping) for row in self._find(Person, order="pseudonym", limit=_MAX_PEOPLE)]

    def put_enrolment(self, row: EnrolmentRow) -> None:
        self._put(Enrolment, ("code",), asdict(row))

    def enrolment(self, code: bytes) -> EnrolmentRow | None:
        row = self._one(Enrolment, code=code)
        return EnrolmentRow(**row._mapping) if row else None

    def enrolments(self) -> list[EnrolmentRow]:
        return [EnrolmentRow(**row._mapping) for row in self._find(Enrolment, order="expires", limit=_MAX_PEOPLE)]

    def drop_stale_enrolments(self, now: int) -> None:
        """Forget invitations that nobody can use any more. Those that were used stay: they prove which keys somebody asked for."""
        self.flush(Enrolment)
        self._db.execute(delete(Enrolment).where(_E.expires < now, _E.state != "approved"))

    def drop_sessions(self, pseudonym: str) -> None:
        """End all sessions of a person."""
        self.flush(SessionRecord)
        self._db.execute(delete(SessionRecord).where(_S.pseudonym == pseudonym))

    def sessions(self, pseudonym: str | None, now: int) -> list[SessionRow]:
        """Sessions that go on, of one person or of all."""
        conditions = [_S.expires >= now, *([_S.pseudonym == pseudonym] if pseudonym is not None else [])]
        return [SessionRow(**row._mapping) for row in self._rows(SessionRecord, *conditions, order=_S.expires, limit=_MAX_PEOPLE)]

    def drop_session(self, token: bytes) -> None:
        """End one session."""
        self.flush(SessionRecord)
        self._db.execute(delete(SessionRecord).where(_S.token == token))

    def put_reading(self, statement: bytes, pseudonym: str, evidence: str, time: int) -> None:
        """Note an access, and forget those of yesterday."""
        self.flush(Reading)
        self._db.execute(delete(Reading).where(_R.pseudonym == pseudonym, _R.time < time - _DAY))
        self._put(Reading, ("statement",), {"statement": statement, "pseudonym": pseudonym, "evidence": evidence, "time": time})

    def readings(self, pseudonym: str, since: int) -> int:
        """How many items somebody opened since a time."""
        self.flush(Reading)
        query = select(func.count(distinct(_R.evidence))).where(_R.pseudonym == pseudonym, _R.time >= since)
        return int(self._db.execute(query).scalar_one())

    def put_identity(self, token: bytes, pseudonym: str) -> None:
        """Link an account to a person; one that they had before is theirs no longer."""
        self.flush(Identity)
        self._db.execute(delete(Identity).where(_I.pseudonym == pseudonym))
        self._put(Identity, ("token",), {"token": token, "pseudonym": pseudonym})

    def identity(self, token: bytes) -> str | None:
        row = self._one(Identity, token=token)
        return str(row.pseudonym) if row else None

    def put_release(self, row: ReleaseRow) -> None:
        self._put(Release, ("statement", "recipient", "kind"), asdict(row))

    def releases(self, *, after: tuple[bytes, str, str], limit: int) -> list[ReleaseRow]:
        """Releases beyond one, in the order of (statement, recipient, kind)."""
        key = (_L.statement, _L.recipient, _L.kind)
        return [ReleaseRow(**row._mapping) for row in self._rows(Release, tuple_(*key) > after, order=key, limit=limit)]

    def put_alarm(self, row: AlarmRow) -> None:
        self._add(Alarm, asdict(row))

    def alarms(self, *, after: int, limit: int) -> list[AlarmRow]:
        """Alarms younger than a time, oldest first."""
        return [AlarmRow(**row._mapping) for row in self._rows(Alarm, _A.time > after, order=_A.time, limit=limit)]

    def put_crl(self, row: CrlRow) -> None:
        self._add(Crl, asdict(row))

    def crls(self) -> list[CrlRow]:
        return [CrlRow(**row._mapping) for row in self._find(Crl, order="number", limit=_MAX_VERSIONS)]

    def put_descriptor(self, row: DescriptorRow) -> None:
        self._put(DescriptorRecord, ("version",), asdict(row))

    def descriptors(self) -> list[DescriptorRow]:
        rows = self._find(DescriptorRecord, order="version", limit=_MAX_VERSIONS)
        return [DescriptorRow(**row._mapping) for row in rows]

    def put_challenge(self, nonce: bytes, expires: int) -> None:
        self._add(Challenge, {"nonce": nonce, "expires": expires})

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

    def put_session(self, row: SessionRow) -> None:
        self._add(SessionRecord, asdict(row))

    def session(self, token: bytes) -> SessionRow | None:
        row = self._one(SessionRecord, token=token)
        return SessionRow(**row._mapping) if row else None
