"""Whose a key is: one signing key is one person here, and what is sealed to somebody is sealed to
them alone.
"""

from __future__ import annotations

from hashlib import sha256

from ledger.domain.codecs.digests import same
from ledger.domain.errors import AlteredError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import enrolment
from ledger.domain.identity.certificate import Certificate
from ledger.rows.people import PersonRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.partners import directory
from ledger.services.records.documents import hpke_key


def certificate_of(unit: UnitOfWork, person: PersonRow) -> Certificate:
    """The certificate that somebody has now.

    Raises:
        AlteredError: the database lacks it, or holds something else in its place.
    """
    der = unit.people.certificate(person.certificate)
    if der is None or sha256(der).digest() != person.certificate:
        raise AlteredError(
            f"the certificate of {person.person} is not in the database any more",
            hint="the database was altered: custody doctor says where; restore a backup",
        )
    return certificates.parse(der)


def signing_key(unit: UnitOfWork, person: PersonRow) -> bytes:
    """The public signing key of somebody (SPKI), of their newest certificate; empty where that is
    not kept.
    """
    der = unit.people.certificate(person.certificate)
    return enrolment.encode_key(certificates.parse(der).key) if der is not None else b""


def own_people_with(node: Node, unit: UnitOfWork, spki: bytes) -> list[PersonRow]:
    """People of this agency who have a signing key, suspended ones too."""
    return [
        row
        for row in unit.people.all()
        if row.person.agency == node.agency and same(signing_key(unit, row), spki)
    ]


def keys_of_others(node: Node, unit: UnitOfWork, *, spki: bytes) -> set[bytes]:
    """Digests of the HPKE keys to which something here is sealed: of agencies, and of everybody
    with another signing key than this one.
    """
    others = (row for row in unit.people.all() if not same(signing_key(unit, row), spki))
    return {*directory.agency_keys(node, unit), *(hpke_key(row).digest for row in others)}
