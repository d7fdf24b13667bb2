"""Sealed records opened on the node: documents with their disclosures, and people's public keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ledger.domain.crypto import content_encryption
from ledger.domain.event import document as documents
from ledger.domain.event.document import Event
from ledger.domain.identity.descriptor import HpkeKey
from ledger.rows.logs import EntryRow
from ledger.rows.people import PersonRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.records import record_keys

_AT_ONCE: Final = 100  # of at most 1 MiB each, and mostly of one KiB


def hpke_key(person: PersonRow) -> HpkeKey:
    """The stored HPKE key of a person."""
    kem, _, key = person.hpke.partition(b"\x00")
    return HpkeKey(kem.decode(), key)


def encode_hpke(key: HpkeKey) -> bytes:
    """An HPKE key as it is stored."""
    return key.kem.encode() + b"\x00" + key.key


def read_event(node: Node, unit: UnitOfWork, row: EntryRow) -> Event | None:
    """Decrypt the document of an entry with all its disclosures; None where it was destroyed."""
    [(_, event)] = read_events(node, unit, [row])
    return event


def read_events(
    node: Node, unit: UnitOfWork, rows: Sequence[EntryRow], *, key: bytes | None = None
) -> Iterator[tuple[EntryRow, Event | None]]:
    """As read_event, of several entries, with a query or two for a hundred of them: an item may
    have thousands. Its key is opened once.

    Args:
        key: that of the one item of these entries, where its grant is not to be looked up.
    """
    keys: dict[str, bytes] = {}
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        sealed = unit.documents.named([row.payload for row in part])
        shown = unit.documents.disclosures_of(list(sealed))
        for row in part:
            document = sealed.get(row.payload)
            if document is None:
                yield row, None
            elif row.effect == "agency":
                yield row, documents.parse(document)
            else:
                if row.evidence not in keys:
                    found = key or record_keys.record_key(node, unit, row.evidence)
                    keys[row.evidence] = found
                yield row, _opened(keys[row.evidence], row, document, shown.get(row.payload, []))


def values(node: Node, unit: UnitOfWork, rows: Sequence[EntryRow]) -> dict[str, dict[str, Any]]:
    """The documents of entries, completed, by the statement digests in hex, without those that were
    destroyed.
    """
    return {
        row.digest.hex(): event.value
        for row, event in read_events(node, unit, rows)
        if event is not None
    }


def _opened(
    key: bytes, row: EntryRow, sealed: bytes, disclosures: Sequence[tuple[bytes, bytes]]
) -> Event:
    raw = content_encryption.open_document(key, row.payload, sealed)
    shown = [
        content_encryption.open_disclosure(key, digest, disclosure)
        for digest, disclosure in disclosures
    ]
    return documents.parse(raw, shown)
