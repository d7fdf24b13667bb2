"""Copies given to other agencies: ours to give, and theirs for us to take (DESIGN section 7, "a
copy given away is not a transfer").

The recipient's node gets the record up to the disclosure, proven, with two documents of it: the one
that opened the item and the one that disclosed it, each by a key of its own; the rest stays sealed.
The content key is sealed to the recipient's custodians.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from ledger.domain.bundle.parcel import Parcel, SealedDocument
from ledger.domain.codecs.text import evidence_bytes
from ledger.domain.crypto import grants
from ledger.domain.errors import (
    CustodyError,
    DeniedError,
    NotFoundError,
    RuleError,
    UsageError,
    VerificationError,
)
from ledger.domain.identity.person import agency_recipient
from ledger.domain.ports.answers import Copy
from ledger.domain.ports.node_and_chain import PartnerApi
from ledger.rows.handovers import DisclosedCopyRow
from ledger.rows.items import ItemRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import key_release, shown_documents, stolen_orders
from ledger.services.bundles import export, unpacking
from ledger.services.handovers import outgoing_parcels
from ledger.services.node.context import Node
from ledger.services.partners import directory
from ledger.services.records import record_keys
from ledger.services.records.documents import read_event

# seconds that somebody who lists copies waits for one partner's node; it is left alone for a while
# afterwards
_EACH: Final = 5.0
_PATIENCE: Final = 15.0  # for all of them
_RANGE: Final = re.compile(r"bytes=(\d{1,15})-(\d{1,15})")
_MAX_RANGE: Final = 4 << 20
_NONE: Final = "no such copy for you, or no longer"


@dataclass(frozen=True, slots=True)
class Offered:
    """A copy that we may fetch: its events from the opening to its disclosure as they are shown,
    and content keys sealed to our custodians.
    """

    evidence: str
    statement: bytes
    events: list[dict[str, Any]]
    grants: tuple[bytes, ...]


def for_agency(node: Node, agency: str, after: bytes = b"") -> list[DisclosedCopyRow]:
    """A page of the copies that an agency may fetch now, in the order of statements."""
    with node.records.read() as unit:
        return unit.copies.offered_to(
            agency, outgoing_parcels.PAGE, now=node.clock.now(), after=after
        )


def require_given(
    node: Node, unit: UnitOfWork, agency: str, statement: bytes
) -> tuple[DisclosedCopyRow, ItemRow]:
    """A copy that an agency may fetch now, and its item.

    Raises:
        NotFoundError: the same answer whether there is none, it is another's or time is over.
    """
    row = unit.copies.get(statement)
    item = unit.items.get(row.evidence if row is not None else "")
    if row is None or item is None or row.agency != agency or row.until <= node.clock.now():
        raise NotFoundError(_NONE)
    if not stolen_orders.is_given(node, unit, statement):
        raise NotFoundError(_NONE)
    return row, item


def pack(node: Node, agency: str, statement: bytes) -> bytes:
    """The parcel of a copy.

    Raises:
        NotFoundError: none for that agency. DeniedError: the keys were destroyed.
    """
    with node.records.read() as unit:
        row, _ = require_given(node, unit, agency, statement)
        entry = unit.logs.entry_by_digest(statement)
        receiver = directory.descriptor(node, unit, agency)
    assert entry is not None
    found = export.bundle(node, row.evidence, until=entry.seq + 1, is_excerpt=True, shown=None)
    with node.records.read() as unit:
        key = record_keys.record_key(node, unit, row.evidence)
        documents: list[SealedDocument] = []
        given = [
            grants.parse(one)
            for one in unit.grants.sealed_to(row.evidence, "content", receiver.custody.digest)
        ]
        for one in (unit.logs.events(row.evidence, limit=1)[0], entry):
            document, keys = outgoing_parcels.single(unit, one, key, receiver.node)
            documents.append(document)
            given += keys
    key_release.note_release(node, statement, agency_recipient(agency), "copy", row.evidence)
    return Parcel(
        found.encode(), tuple(documents), tuple(grant.encode() for grant in given)
    ).encode()


def for_us(node: Node) -> list[Copy]:
    """Copies that other agencies gave us; those whose node does not answer in time are left out."""
    with node.records.read() as unit:
        rows = [row for row in unit.partners.all() if row.active]
    end = time.monotonic() + _PATIENCE
    found: list[Copy] = []
    for row in rows:
        left = end - time.monotonic()
        if left <= 0:
            break
        with suppress(CustodyError):
            told = node.callouts.run(
                row.agency,
                lambda row=row: node.reach(row.url).copies(),  # type: ignore[misc]
                seconds=min(left, _EACH),
            )
            mine = (row.agency, node.agency)
            found += [copy for copy in told if (copy.giver, copy.recipient) == mine]
    return found


def parse_range(text: str) -> tuple[int, int]:
    """[start, end) of one range of at most 4 MiB.

    Raises:
        UsageError: anything else.
    """
    match = _RANGE.fullmatch(text)
    if (
        match is None
        or not int(match[1]) <= int(match[2])
        or int(match[2]) - int(match[1]) >= _MAX_RANGE
    ):
        raise UsageError("expected one range of at most 4 MiB")
    return int(match[1]), int(match[2]) + 1


def fetch(node: Node, code: str, api: PartnerApi, evidence: str, statement: bytes) -> Offered:
    """A copy that another agency gave us: its record, verified as any court would. Nothing of it is
    stored.

    Raises:
        VerificationError, IncompleteError: it does not verify.
    """
    opened = unpacking.open_parcel(node, api.copy(statement.hex()), evidence)
    unpacking.verify_bundle(node, opened.filled(), is_excerpt=True)
    opening, disclosed = opened.events[0], opened.events[-1]
    if (
        opened.statements[-1].digest != statement
        or opening is None
        or disclosed is None
        or disclosed.type != "disclosed"
    ):
        raise VerificationError(2, "the copy is not the one that was disclosed to us")
    unpacking.require_whole((opening, disclosed))
    if disclosed.body.get("to", {}).get("agency") != node.agency:
        raise VerificationError(2, "the disclosure names another recipient")
    if opened.bundle.logs[opened.bundle.statements[-1].log].agency != code:
        raise VerificationError(2, f"the copy was disclosed by another agency than {code}")
    with node.records.read() as unit:
        custodians = node.descriptor(unit).custody.digest
    given = [(grants.parse(one), one) for one in opened.parcel.grants]
    content = tuple(
        one for grant, one in given if grant.scope == "content" and grant.recipient == custodians
    )
    signers = {sha256(der).digest(): der for der in opened.bundle.certificates}
    shown = [
        shown_documents.shown(
            signed.claims.seq, signed.digest, event, bundled.entry, signers.get(signed.certificate)
        )
        for signed, bundled, event in zip(
            opened.statements, opened.bundle.statements, opened.events, strict=True
        )
    ]
    return Offered(evidence, statement, shown, content)


def require_copy(
    node: Node, unit: UnitOfWork, item: ItemRow, evidence: str, statement: bytes
) -> None:
    """An item of ours is a copy of another agency's, by the statement that disclosed it: nobody
    else names theirs in its place.

    Raises:
        RuleError: its record says otherwise.
    """
    opening = read_event(node, unit, unit.logs.events(item.state.evidence, limit=1)[0])
    source = {"evidence": evidence, "statement": statement.hex()}
    if (
        opening is None
        or opening.type != "copied"
        or {name: opening.body["source"].get(name) for name in source} != source
    ):
        raise RuleError(
            "that item is not on record as this copy",
            hint="take the copy first: custody copy take ID",
        )


def note_taken(node: Node, agency: str, statement: bytes, copy: str) -> None:
    """Another agency tells which item of theirs is the copy: this is how the register knows who
    holds which.

    It is their word, and is not looked up: the answer would say whether an item of that name is
    known here.

    Raises:
        NotFoundError: no such copy for them. DeniedError: they told another one before.
    """
    evidence_bytes(copy)
    with node.records.write() as unit:
        row, _ = require_given(node, unit, agency, statement)
        if row.taken not in ("", copy):
            raise DeniedError("another item was named as this copy before")
        unit.copies.put(replace(row, taken=copy))
