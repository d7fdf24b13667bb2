"""Sealed records opened on the node: documents with their disclosures, and people's public keys."""

from __future__ import annotations

from ledger.domain.crypto import content_encryption
from ledger.domain.event import document as documents
from ledger.domain.event.document import Event
from ledger.domain.identity.descriptor import HpkeKey
from ledger.rows.logs import EntryRow
from ledger.rows.people import PersonRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.records import record_keys


def hpke_key(person: PersonRow) -> HpkeKey:
    """The stored HPKE key of a person."""
    kem, _, key = person.hpke.partition(b"\x00")
    return HpkeKey(kem.decode(), key)


def encode_hpke(key: HpkeKey) -> bytes:
    """An HPKE key as it is stored."""
    return key.kem.encode() + b"\x00" + key.key


def read_event(node: Node, unit: UnitOfWork, row: EntryRow) -> Event | None:
    """Decrypt the document of an entry with all its disclosures; None where it was destroyed."""
    sealed = unit.documents.get(row.payload)
    if sealed is None:
        return None
    if row.effect == "agency":
        return documents.parse(sealed)
    key = record_keys.record_key(node, unit, row.evidence)
    raw = content_encryption.open_document(key, row.payload, sealed)
    shown = [
        content_encryption.open_disclosure(key, digest, one)
        for digest, one in unit.documents.disclosures(row.payload)
    ]
    return documents.parse(raw, shown)
