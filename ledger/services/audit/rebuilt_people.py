"""People, their certificates and sessions, partners, and what the node notes down about its own
work: as far as anything tells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ledger.domain.codecs.text import require, told_time
from ledger.domain.crypto import custody_key
from ledger.domain.errors import CustodyError, VerificationError
from ledger.domain.event import normalization
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity import enrolment
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.names import log_urn
from ledger.domain.identity.person import PersonId, read_stored
from ledger.rows.agencies import PartnerRow
from ledger.rows.people import CustodyKeyRow, EnrolmentRow, PersonRow, SessionRow
from ledger.rows.releases import AlarmRow, ReleaseRow
from ledger.rows.states import EnrolmentState
from ledger.rows.storage import ReplicaStateRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import custody_keys, service_numbers, sessions
from ledger.services.audit.rebuilding import Rebuild
from ledger.services.audit.row_comparison import shown
from ledger.services.records import documents
from ledger.services.registration import agency_statements, bulk_access_alarm

Row = dict[str, Any]


def rebuild_lists(book: Rebuild) -> None:
    """Revocation lists that the log announces."""
    held = set()
    for _, into, page in book.pages("crl"):
        for row in page:
            with book.guarded(f"crl {row['number']}"):
                digest = agency_statements.digest_of(row["der"])
                if digest in book.announced:
                    held.add(digest)
                    into.authority.put_crl(agency_statements.crl_row(row["der"]))
    for digest in sorted(book.announced - held):
        book.find(
            "row-missing",
            f"crl {digest[:16]}",
            "a statement in the log announces this list",
            "none",
        )


def rebuild_certificates(book: Rebuild) -> None:
    """Certificates that an agency of ours or a partner issued."""
    for _, into, page in book.pages("certificate"):
        for row in page:
            try:
                certificate = certificates.parse(row["der"])
                certificates.verify_issued(certificate, book.authorities, certificate.not_before)
            except (CustodyError, TypeError):
                continue  # nothing calls for it
            into.people.put_certificate(certificate.digest, certificate.der)


# Every rule takes the home, the rebuilt database and a row, whether or not it needs all three.
# ruff: noqa: ARG002, ARG004


class People:
    """Rebuilds the rest, each table by its own rule."""

    def __init__(self, book: Rebuild) -> None:
        self._book = book
        self._requested: dict[
            bytes, EnrolmentRow
        ] = {}  # requests that were approved, by the key that they name
        with book.into.read() as into:
            self._custody = {
                descriptors.parse(row.document).custody.digest
                for row in into.authority.descriptors()
            }

    def run(self) -> None:
        """Rebuild every table that is left."""
        rules: dict[str, Callable[[UnitOfWork, UnitOfWork, Row], None]] = {
            "enrolment": self._enrolment, "person": self._person, "custody_key": self._custody_key,
            "partner": self._partner,
            "session": self._session, "identity": self._identity, "challenge": self._challenge,
            "alarm": self._alarm,
            "release": self._release, "holding": self._holding, "replication_target": self._target,
        }  # fmt: skip
        for table, rule in rules.items():
            for unit, into, page in self._book.pages(table):
                for row in page:
                    with self._book.guarded(
                        f"{table} {' '.join(shown(value) for value in list(row.values())[:1])}"
                    ):
                        rule(unit, into, row)
        self._readings()
        self._signers()
        with self._book.into.write() as into:
            # Whoever opens a home brings its index up to this.
            into.items.put_index_form(normalization.VERSION)

    def _enrolment(self, unit: UnitOfWork, into: UnitOfWork, row: Row) -> None:
        node = self._book.node
        asked = EnrolmentRow(**{**row, "inviter": _who(row["inviter"]) if row["inviter"] else None})
        state: EnrolmentState = "requested" if asked.request else "invited"
        request = enrolment.parse(asked.request) if asked.request else None
        if request is not None and request.server != log_urn(node.log_id):
            return
        made = EnrolmentRow(
            asked.code,
            asked.roles,
            asked.number,
            asked.inviter,
            state,
            asked.expires,
            asked.request,
        )
        service_numbers.open_number(node, asked.number, asked.code)
        if asked.certificate and request is not None:
            certificate = self._book.certificate(unit, asked.certificate)
            if certificate is None or enrolment.encode_key(certificate.key) != request.spki:
                return
            self._requested[request.spki] = asked
            made = replace(
                made,
                roles=",".join(sorted(certificate.roles)),
                state="approved",
                certificate=certificate.digest,
            )
        into.people.put_enrolment(made)

    def _person(self, unit: UnitOfWork, into: UnitOfWork, row: Row) -> None:
        node, person = self._book.node, PersonRow(**{**row, "person": _who(row["person"])})
        certificate = self._book.certificate(unit, person.certificate)
        if certificate is None:
            self._book.find(
                "row-missing", f"certificate {shown(person.certificate)}", "a person has it", "none"
            )
            return
        if certificate.kind != "person":
            return
        guest = certificate.agency != node.agency
        if not guest:
            service_numbers.open_number(node, person.number, certificate.pseudonym.encode())
        hpke, proof = self._keys_of(certificate, person)
        into.people.put(
            PersonRow(
                certificate.subject,
                certificate.digest,
                hpke,
                b"" if guest else person.number,
                self._is_active(unit, certificate, person),
                proof,
                person.custody if not guest and person.custody in self._custody else b"",
            )
        )

    def _is_active(self, unit: UnitOfWork, certificate: Certificate, person: PersonRow) -> bool:
        """Whether somebody is let in: of a guest nobody signs that; our own people are until a list
        revokes them, which is signed in the transaction that shuts them out.
        """
        if certificate.agency != self._book.node.agency:
            return bool(person.active)
        serial = certificates.load(certificate.der).serial_number
        return agency_statements.revoked_since(unit, serial) is None

    def _keys_of(self, certificate: Certificate, person: PersonRow) -> tuple[bytes, bytes]:
        """Somebody's HPKE key, and what proves it: what they signed for both their keys when they
        joined, wherever that is kept.
        """
        spki = enrolment.encode_key(certificate.key)
        asked = self._requested.get(spki)
        proof = person.proof or (
            asked.request if asked is not None and asked.certificate == person.certificate else b""
        )
        signed = [
            enrolment.parse(given)
            for given in (asked.request if asked is not None else b"", proof)
            if given
        ]
        if any(
            (challenge.spki, challenge.server) != (spki, log_urn(self._book.node.log_id))
            for challenge in signed
        ):
            raise VerificationError(
                3, "somebody's keys were signed for with another key, or for another node"
            )
        return documents.encode_hpke(signed[0].hpke) if signed else person.hpke, proof

    def _custody_key(self, unit: UnitOfWork, into: UnitOfWork, row: Row) -> None:
        """A custody key on its way is a key of this agency's, sealed to a custodian by the key that
        this person signed for.
        """
        sealed = custody_key.parse(row["sealed"])
        person = into.people.get(sealed.person)
        certificate = (
            self._book.certificate(unit, person.certificate) if person is not None else None
        )
        if (
            person is None
            or certificate is None
            or not person.active
            or person.person.agency != self._book.node.agency
        ):
            return
        right = (
            custody_keys.ROLE in certificate.roles
            and sealed.recipient == documents.hpke_key(person).digest
        )
        if right and sealed.custody in self._custody:
            into.people.put_custody_key(
                CustodyKeyRow(person.person, sealed.custody, row["sealed"], _who(row["by"]))
            )

    def _partner(self, unit: UnitOfWork, into: UnitOfWork, row: Row) -> None:
        """A partner's address and list are those of one of its versions: which of them was in force
        when the node last asked, its clock alone tells.
        """
        partner = PartnerRow(**row)
        known = [
            descriptors.parse(version.document)
            for version in into.partners.descriptors(partner.agency)
        ]
        if not known:
            return
        authorities = [der for descriptor in known for der in descriptor.authorities]
        revocation_lists.require_signed_list(partner.crl, authorities)
        services = [descriptor.service for descriptor in known]
        url = partner.url if {partner.url, ""} & set(services) else services[-1]
        into.partners.put(PartnerRow(partner.agency, url, partner.crl, partner.checked))

    def _session(self, unit: UnitOfWork, into: UnitOfWork, row: Row) -> None:
        """A session is somebody's who may have one, and no longer than one is good for."""
        node, session = self._book.node, SessionRow(**row)
        certificate = self._book.certificate(unit, session.certificate)
        if certificate is None or not sessions.is_enrolled(node, unit, certificate):
            return
        self._tell_clock("session", session.token, session.expires, sessions.latest_end)
        person = certificate.subject if certificate.kind == "person" else None
        into.sessions.put(SessionRow(session.token, person, certificate.digest, session.expires))

    def _tell_clock(
        self, table: str, key: bytes, expires: int, latest: Callable[[int], int]
    ) -> None:
        """A time further ahead than any that is written down now was said by a wrong clock, and
        contradicts nothing: the row opens nothing.
        """
        now = self._book.node.clock.now()
        if expires > latest(now):
            expected = f"by {told_time(latest(now))}, as the clock says {told_time(now)}"
            place, found = f"{table} {shown(key)}", f"an end at {told_time(expires)}"
            self._book.find("clock-was-ahead", place, expected, found)

    def _identity(self, unit: UnitOfWork, into: UnitOfWork, row: Row) -> None:
        person = unit.people.get(_who(row["person"]))
        if person is not None and person.person.agency == self._book.node.agency:
            into.people.put_identity(row["token"], person.person)

    def _challenge(self, unit: UnitOfWork, into: UnitOfWork, row: Row) -> None:
        self._tell_clock("challenge", row["nonce"], row["expires"], sessions.latest_challenge)
        into.sessions.put_challenge(row["nonce"], row["expires"])

    def _alarm(self, unit: UnitOfWork, into: UnitOfWork, row: Row) -> None:
        person = _who(row["person"])
        if unit.people.get(person) is not None:
            into.releases.put_alarm(
                AlarmRow(
                    row["id"], bulk_access_alarm.BULK_ACCESS, person, row["count"], row["time"]
                )
            )

    def _release(self, unit: UnitOfWork, into: UnitOfWork, row: Row) -> None:
        entry = into.logs.entry_by_digest(row["statement"])
        if entry is not None:
            into.releases.put(
                ReleaseRow(entry.digest, row["recipient"], row["kind"], entry.evidence, row["time"])
            )

    def _holding(self, unit: UnitOfWork, into: UnitOfWork, row: Row) -> None:
        item = into.items.get(row["evidence"])
        if item is not None and item.cid is not None:
            into.replicas.put(replace(ReplicaStateRow(**row), cid=item.cid))

    @staticmethod
    def _target(unit: UnitOfWork, into: UnitOfWork, row: Row) -> None:
        if into.items.get(row["evidence"]) is not None:
            into.replicas.put_target(row["evidence"], row["copies"])

    def _readings(self) -> None:
        """Accesses of the last day, in their order, as each one's statement says."""
        with self._book.node.records.read() as unit, self._book.into.write() as into:
            for row in sorted(
                unit.tables.rows("reading"), key=lambda counted: int(counted["time"])
            ):
                entry = into.logs.entry_by_digest(row["statement"])
                signer = (
                    self._book.certificate(unit, entry.certificate) if entry is not None else None
                )
                if entry is not None and signer is not None:
                    into.releases.put_access(
                        entry.digest, signer.subject, entry.evidence, row["time"]
                    )

    def _signers(self) -> None:
        """Whoever signed in the log as a person, or whose enrolment was approved, is written down
        as one.
        """
        approved = {row.certificate for row in self._requested.values()} - self._book.signers
        reasons = (
            ("they signed in the log", self._book.signers),
            ("their enrolment was approved", approved),
        )
        with self._book.node.records.read() as unit:
            for reason, digests in reasons:
                for digest in sorted(digests):
                    certificate = self._book.certificate(unit, digest)
                    if (
                        certificate is not None
                        and certificate.kind == "person"
                        and unit.people.get(certificate.subject) is None
                    ):
                        place = f"person {certificate.subject}"
                        self._book.find("row-missing", place, reason, "none")


def _who(value: object) -> PersonId:
    """The person that a column names, as it is stored.

    Raises:
        FormatError: it names nobody.
    """
    require(isinstance(value, str) and value != "", "a column that names a person names nobody")
    return read_stored(str(value))
