"""Whose a key is: one signing key is one person here, and what is sealed to somebody is sealed to
them alone.
"""

from __future__ import annotations

from ledger.domain.codecs.digests import same
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import enrolment
from ledger.rows.people import PersonRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.partners import directory
from ledger.services.records.documents import hpke_key


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
