"""People, their certificates and sessions, partners, and what the node notes down about its own work: as far as anything tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from ledger.domain import enrolment
from ledger.domain.errors import CustodyError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.descriptor import HpkeKey
from ledger.domain.identity.names import log_urn
from ledger.domain.records import AlarmRow, EnrolmentRow, HoldingRow, PartnerRow, PersonRow, ReleaseRow, SessionRow
from ledger.domain.unit import Unit
from ledger.services import agencylog, alarms, partners, people, sessions
from ledger.services.audit.comparing import shown
from ledger.services.audit.rebuilding import Rebuild

Row = dict[str, Any]
_SIGNERS: Final = 100_000


def rebuild_lists(book: Rebuild) -> None:
    """Revocation lists that the log announces."""
    held = set()
    for _, into, page in book.pages("crl"):
        for row in page:
            with book.guarded(f"crl {row['number']}"):
                digest = agencylog.digest_of(row["der"])
                if digest in book.announced:
                    held.add(digest)
                    into.put_crl(agencylog.crl_row(row["der"]))
    for digest in sorted(book.announced - held):
        book.find("row-missing", f"crl {digest[:16]}", "a statement in the log announces this list", "none")


def rebuild_certificates(book: Rebuild) -> None:
    """Certificates that an agency of ours or a partner issued."""
    for _, into, page in book.pages("certificate"):
        for row in page:
            try:
                found = certificates.parse(row["der"])
                certificates.verify_issued(found, book.authorities, found.not_before)
            except (CustodyError, TypeError):
                continue  # nothing calls for it
            into.put_certificate(found.digest, found.der)


# Every rule takes the home, the rebuilt database and a row, whether or not it needs all three.
# ruff: noqa: ARG002, ARG004


class People:
    """Rebuilds the rest, each table by its own rule."""

    def __init__(self, book: Rebuild) -> None:
        self._book = book
        self._requested: dict[bytes, HpkeKey] = {}

    def run(self) -> None:
        """Rebuild every table that is left."""
        rules: dict[str, Callable[[Unit, Unit, Row], None]] = {
            "enrolment": self._enrolment, "person": self._person, "partner": self._partner, "session": self._session,
            "identity": self._identity, "challenge": self._challenge, "alarm": self._alarm, "release": self._release,
            "holding": self._holding, "replication_target": self._target,
        }  # fmt: skip
        for table, rule in rules.items():
            for unit, into, page in self._book.pages(table):
                for row in page:
                    with self._book.guarded(f"{table} {' '.join(shown(value) for value in list(row.values())[:1])}"):
                        rule(unit, into, row)
        self._readings()
        self._signers()

    def _enrolment(self, unit: Unit, into: Unit, row: Row) -> None:
        node, asked = self._book.node, EnrolmentRow(**row)
        state = "requested" if asked.request else "invited"
        request = enrolment.parse(asked.request) if asked.request else None
        if request is not None and request.server != log_urn(node.log_id):
            return
        made = EnrolmentRow(asked.code, asked.roles, asked.number, asked.inviter, state, asked.expires, asked.request)
        people.open_number(node, asked.number, asked.code)
        if asked.certificate and request is not None:
            found = self._book.certificate(unit, asked.certificate)
            if found is None or enrolment.encode_key(found.key) != request.spki:
                return
            self._requested[request.spki] = request.hpke
            made = replace(made, roles=",".join(sorted(found.roles)), state="approved", certificate=found.digest)
        into.put_enrolment(made)

    def _person(self, unit: Unit, into: Unit, row: Row) -> None:
        node, told = self._book.node, PersonRow(**row)
        found = self._book.certificate(unit, told.certificate)
        if found is None:
            self._book.find("row-missing", f"certificate {shown(told.certificate)}", "a person has it", "none")
            return
        guest = found.agency != node.agency
        if not guest:
            people.open_number(node, told.number, found.pseudonym.encode())
        asked = self._requested.get(enrolment.encode_key(found.key))
        hpke = people.encode_hpke(asked) if asked is not None and not guest else told.hpke
        agency, kind = (found.agency, "guest") if guest else ("", found.kind)
        active = bool(told.active) and (guest or not self._revoked(unit, found))
        into.put_person(PersonRow(found.pseudonym, kind, found.digest, hpke, told.number, active, agency))

    @staticmethod
    def _revoked(unit: Unit, found: Certificate) -> bool:
        """Whether the newest list revokes somebody's certificate."""
        serial = certificates.load(found.der).serial_number
        return any(certificates.load_crl(one.der).get_revoked_certificate_by_serial_number(serial) for one in unit.crls()[-1:])

    def _partner(self, unit: Unit, into: Unit, row: Row) -> None:
        told, crl = PartnerRow(**row), b""
        known = into.partner_descriptors(told.agency)
        descriptor = partners.in_force(known, self._book.node.clock.now())
        if descriptor is None:
            return
        if told.crl:
            certificates.require_signed_list(told.crl, descriptor.authorities)
            crl = told.crl
        into.put_partner(PartnerRow(told.agency, descriptor.service or told.url, crl, told.checked))

    def _session(self, unit: Unit, into: Unit, row: Row) -> None:
        """A session is somebody's who may have one, and no longer than one is good for."""
        node, told = self._book.node, SessionRow(**row)
        found = self._book.certificate(unit, told.certificate)
        if found is None or not told.expires <= node.clock.now() + sessions.SESSION_LIFE:
            return
        if sessions.is_enrolled(node, unit, found):
            into.put_session(SessionRow(told.token, found.pseudonym, found.digest, told.expires))

    def _identity(self, unit: Unit, into: Unit, row: Row) -> None:
        person = unit.person(row["pseudonym"])
        if person is not None and person.kind == "person" and not person.agency:
            into.put_identity(row["token"], row["pseudonym"])

    def _challenge(self, unit: Unit, into: Unit, row: Row) -> None:
        if row["expires"] <= self._book.node.clock.now() + sessions.PERSON_LIFE:
            into.put_challenge(row["nonce"], row["expires"])

    def _alarm(self, unit: Unit, into: Unit, row: Row) -> None:
        if unit.person(row["pseudonym"]) is not None:
            into.put_alarm(AlarmRow(row["id"], alarms.BULK_ACCESS, row["pseudonym"], row["count"], row["time"]))

    def _release(self, unit: Unit, into: Unit, row: Row) -> None:
        entry = into.entry_by_digest(row["statement"])
        if entry is not None:
            into.put_release(ReleaseRow(entry.digest, row["recipient"], row["kind"], entry.evidence, row["time"]))

    def _holding(self, unit: Unit, into: Unit, row: Row) -> None:
        item = into.item(row["evidence"])
        if item is not None and item.cid is not None and row["node"] in self._book.node.replicas.names():
            into.put_holding(replace(HoldingRow(**row), cid=item.cid))

    @staticmethod
    def _target(unit: Unit, into: Unit, row: Row) -> None:
        if into.item(row["evidence"]) is not None:
            into.put_target(row["evidence"], row["copies"])

    def _readings(self) -> None:
        """Accesses of the last day, in their order, as each one's statement says."""
        with self._book.node.records.read() as unit, self._book.into.write() as into:
            for row in sorted(unit.rows("reading"), key=lambda one: int(one["time"])):
                entry = into.entry_by_digest(row["statement"])
                signer = self._book.certificate(unit, entry.certificate) if entry is not None else None
                if entry is not None and signer is not None:
                    into.put_reading(entry.digest, signer.pseudonym, entry.evidence, row["time"])

    def _signers(self) -> None:
        """Whoever signed in the log as a person is written down as one."""
        with self._book.node.records.read() as unit, self._book.into.read() as into:
            for digest in into.distinct("entry", "certificate", b"", _SIGNERS):
                found = self._book.certificate(unit, digest)
                ours = found is not None and (found.kind, found.agency) == ("person", self._book.node.agency)
                if found is not None and ours and unit.person(found.pseudonym) is None:
                    why = "somebody of that pseudonym signed in the log"
                    self._book.find("row-missing", f"person {shown(found.pseudonym)}", why, "none")
