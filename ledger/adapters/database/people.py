"""People, certificates, revocation lists, descriptors, challenges and sessions."""

from __future__ import annotations

from sqlalchemy import distinct, func, select, tuple_

from ledger.adapters.database.unit import Part, blob
from ledger.domain.identity.person import PersonId
from ledger.rows.agencies import CrlRow, DescriptorRow
from ledger.rows.people import (
    MAX_PEOPLE,
    CertificateRow,
    ChallengeRow,
    CustodyKeyRow,
    EnrolmentRow,
    IdentityRow,
    PersonRow,
    SessionRow,
)
from ledger.rows.releases import AccessCountRow, AlarmRow, ReleaseRow

_H = ChallengeRow.__table__.c
_K = CustodyKeyRow.__table__.c
_E = EnrolmentRow.__table__.c
_S = SessionRow.__table__.c
_R = AccessCountRow.__table__.c
_A = AlarmRow.__table__.c
_C = CrlRow.__table__.c
_I = IdentityRow.__table__.c
_L = ReleaseRow.__table__.c
_DAY = 86400
_MAX_VERSIONS = 65_535


class People(Part):
    """People and guests, their certificates, and how they join."""

    def put_certificate(self, digest: bytes, der: bytes) -> None:
        self._keep(CertificateRow(digest, der))  # named by its own bytes

    def certificate(self, digest: bytes) -> bytes | None:
        row = self._one(CertificateRow, digest=digest)
        return blob(row.der) if row else None

    def put(self, row: PersonRow) -> None:
        self._put(row)

    def get(self, person: PersonId) -> PersonRow | None:
        return self._one(PersonRow, person=person)

    def all(self) -> list[PersonRow]:
        return self._find(PersonRow, order="person", limit=MAX_PEOPLE)

    def put_enrolment(self, row: EnrolmentRow) -> None:
        self._put(row)

    def enrolment(self, code: bytes) -> EnrolmentRow | None:
        return self._one(EnrolmentRow, code=code)

    def enrolments(self) -> list[EnrolmentRow]:
        return self._rows(EnrolmentRow, _E.state != "approved", order=_E.expires, limit=MAX_PEOPLE)

    def drop_stale_enrolments(self, now: int, latest: int) -> None:
        self._drop(EnrolmentRow, _E.expires < now, _E.state != "approved")
        self._drop(EnrolmentRow, _E.expires > latest, _E.state != "approved")

    def drop_enrolment(self, code: bytes) -> None:
        self._drop(EnrolmentRow, _E.code == code)

    def put_identity(self, token: bytes, person: PersonId) -> None:
        self.drop_identity(person)
        self._put(IdentityRow(token, person))

    def drop_identity(self, person: PersonId) -> None:
        self._drop(IdentityRow, _I.person == person)

    def identity(self, token: bytes) -> PersonId | None:
        row = self._one(IdentityRow, token=token)
        return row.person if row else None

    def put_custody_key(self, row: CustodyKeyRow) -> None:
        self._put(row)

    def custody_key(self, person: PersonId) -> CustodyKeyRow | None:
        return self._one(CustodyKeyRow, person=person)

    def drop_custody_key(self, person: PersonId) -> None:
        self._drop(CustodyKeyRow, _K.person == person)


class Sessions(Part):
    """Logins and what goes before them."""

    def drop_all_of(self, person: PersonId) -> None:
        self._drop(SessionRow, _S.person == person)

    def listed(self, person: PersonId | None, now: int, latest: int) -> list[SessionRow]:
        conditions = [
            _S.expires >= now,
            _S.expires <= latest,
            *([_S.person == person] if person is not None else []),
        ]
        return self._rows(SessionRow, *conditions, order=_S.expires, limit=MAX_PEOPLE)

    def drop(self, token: bytes) -> None:
        self._drop(SessionRow, _S.token == token)

    def put_challenge(self, nonce: bytes, expires: int) -> None:
        self._add(ChallengeRow(nonce, expires))

    def has_challenge(self, nonce: bytes, now: int, latest: int) -> bool:
        row = self._one(ChallengeRow, nonce=nonce)
        return row is not None and now <= int(row.expires) <= latest

    def take_challenge(self, nonce: bytes, now: int, latest: int) -> bool:
        taken = self._drop(ChallengeRow, _H.nonce == nonce, _H.expires >= now, _H.expires <= latest)
        self.drop_challenges(now, latest)
        return taken == 1

    def drop_challenges(self, now: int, latest: int) -> None:
        self._drop(ChallengeRow, _H.expires < now)
        self._drop(ChallengeRow, _H.expires > latest)

    def drop_ended(self, now: int, latest: int) -> None:
        self._drop(SessionRow, _S.expires < now)
        self._drop(SessionRow, _S.expires > latest)
        self.drop_challenges(now, latest)

    def put(self, row: SessionRow) -> None:
        self._add(row)

    def get(self, token: bytes) -> SessionRow | None:
        return self._one(SessionRow, token=token)


class Releases(Part):
    """What was handed out that opens an item, and alarms about many at once."""

    def put(self, row: ReleaseRow) -> None:
        self._put(row)

    def under(self, statement: bytes) -> list[ReleaseRow]:
        return self._find(ReleaseRow, order="time", statement=statement)

    def page(self, *, after: tuple[bytes, str, str], limit: int) -> list[ReleaseRow]:
        key = (_L.statement, _L.recipient, _L.kind)
        return self._rows(ReleaseRow, tuple_(*key) > after, order=key, limit=limit)

    def put_access(self, statement: bytes, person: PersonId, evidence: str, time: int) -> None:
        self._put(AccessCountRow(statement, person, evidence, time))

    def forget_accesses(self, person: PersonId, now: int) -> None:
        self._drop(AccessCountRow, _R.person == person, _R.time < now - _DAY)

    def accesses(self, person: PersonId, since: int) -> int:
        self.flush(AccessCountRow)
        query = select(func.count(distinct(_R.evidence))).where(
            _R.person == person, _R.time >= since
        )
        return int(self._db.execute(query).scalar_one())

    def put_alarm(self, row: AlarmRow) -> None:
        self._add(row)

    def alarms(self, *, after: int, limit: int, person: PersonId | None = None) -> list[AlarmRow]:
        conditions = [_A.time > after, *([_A.person == person] if person is not None else [])]
        return self._rows(AlarmRow, *conditions, order=_A.time, limit=limit)


class AuthorityFiles(Part):
    """Revocation lists and descriptors as this agency published them."""

    def put_crl(self, row: CrlRow) -> None:
        self._add(row)

    def newest_crl(self) -> CrlRow | None:
        rows = self._rows(CrlRow, order=_C.number.desc(), limit=1)
        return rows[0] if rows else None

    def last_issued(self, until: int) -> int:
        rows = self._rows(CrlRow, _C.issued <= until, order=_C.issued.desc(), limit=1)
        return rows[0].issued if rows else 0

    def put_descriptor(self, row: DescriptorRow) -> None:
        self._put(row)

    def descriptors(self) -> list[DescriptorRow]:
        return self._find(DescriptorRow, order="version", limit=_MAX_VERSIONS)
