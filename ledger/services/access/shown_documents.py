"""Documents of an item as they are shown, and who looked at one on offer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger.domain.codecs.text import b64url, format_time
from ledger.domain.event.document import Event
from ledger.domain.identity.person import read_stored
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access.authorization import LOOKS
from ledger.services.node.context import Node


def looks(node: Node, unit: UnitOfWork, offer: bytes) -> list[dict[str, str]]:
    """Who that an offer was made to looked at the item before answering: the record (with the
    keys), or the content, and first when.
    """
    return [
        {
            "person": read_stored(row.recipient).shown_at(node.agency),
            "what": LOOKS[row.kind],
            "time": format_time(row.time),
        }
        for row in unit.releases.under(offer)
        if row.kind in LOOKS
    ]


def shown(
    seq: int, digest: bytes, event: Event | None, entry: bytes, certificate: bytes | None
) -> dict[str, Any]:
    """An event as it is shown: completed, and as it was signed, so that its reader need not believe
    the first.
    """
    return {
        "seq": seq,
        "statement": digest.hex(),
        "document": None if event is None else event.value,
        "signed": {
            "entry": b64url(entry),
            "certificate": b64url(certificate or b""),
            "document": None if event is None else b64url(event.raw),
            "disclosures": []
            if event is None
            else [disclosure.encoded for disclosure in event.disclosures],
        },
    }


def details(
    node: Node, unit: UnitOfWork, events: Sequence[tuple[EntryRow, Event | None]]
) -> list[dict[str, Any]]:
    """The documents of an item, completed, in order, with what was signed; with an offer who looked
    before answering it.

    Args:
        events: all of the item's, as they were read.
    """
    found = []
    digests = {row.certificate for row, _ in events}
    signers = {digest: unit.people.certificate(digest) for digest in digests}
    for row, event in events:
        one = shown(row.seq, row.digest, event, row.entry, signers[row.certificate])
        if row.effect == "offer":
            one["looked"] = looks(node, unit, row.digest)
        found.append(one)
    return found
