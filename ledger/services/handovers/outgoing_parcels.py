"""What our node hands to another agency's: the parcel of an open handover or of its outcome, and
the ciphertext on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, TypeVar

from ledger.domain.bundle.bundle import Bundle
from ledger.domain.bundle.parcel import Parcel, SealedDocument
from ledger.domain.codecs.text import evidence_bytes
from ledger.domain.crypto import content_encryption, grants
from ledger.domain.crypto.grants import Grant
from ledger.domain.errors import DeniedError, NotFoundError
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.identity.descriptor import HpkeKey
from ledger.domain.identity.person import agency_recipient
from ledger.domain.ports.answers import DisposalNote, Exchanged
from ledger.rows.handovers import TransferStepRow
from ledger.rows.items import ItemRow
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import key_release, stolen_orders
from ledger.services.bundles import export
from ledger.services.node.context import Node
from ledger.services.onchain import transfer_steps
from ledger.services.partners import directory
from ledger.services.records import record_keys

PAGE: Final = 1000  # rows of a list that another agency asks for; it asks again behind the last one
_NONE = "no handover between us about such an item"


def between(node: Node, agency: str, after: str = "") -> list[TransferStepRow]:
    """A page of the handovers between an agency and us that the contract has taken and nobody has
    concluded yet, as far as we know.
    """
    rows = transfer_steps.every(node, ("open", "concluding"), agency=agency, after=after)
    return list(islice((row for row in rows if row.offer_time), PAGE))


#: A row of a partner's list, which goes on behind the item that it names.
_Told = TypeVar("_Told", Exchanged, DisposalNote)


def page(node: Node, name: str, ask: Callable[..., list[_Told]]) -> Iterator[_Told]:
    """The rows of a partner's list that are next, one page: the next call goes on behind the last
    row taken, and begins again at the end.

    The place is kept in memory, under ``name``; the lock of the agency is held.
    """
    after = node.pages.get(name, "")
    rows = (ask(after) if after else ask())[:PAGE]
    for row in rows:
        node.pages[name] = row.evidence
        yield row
    if (
        len(rows) < PAGE or rows[-1].evidence <= after
    ):  # the latter: a node that ignores where it was asked to begin
        node.pages[name] = ""


def shared(node: Node, unit: UnitOfWork, agency: str, evidence: str) -> TransferStepRow:
    """The newest handover of an item, if it is between an agency and us and the contract knows it.

    Raises:
        NotFoundError: the same answer whether there is none or it is between others.
    """
    rows = [
        row
        for row in unit.transfers.of_item(evidence)
        if row.state in ("open", "concluding", "concluded") and row.offer_time
    ]
    mine = [row for row in rows if {row.giver, row.taker} == {agency, node.agency}]
    if not mine:
        raise NotFoundError(_NONE)
    return mine[-1]


def pack(node: Node, agency: str, evidence: str) -> bytes:
    """The parcel for an agency that an item was offered to, or that wants to know what became of
    its offer.

    Raises:
        NotFoundError: no handover between us. DeniedError: the keys of the item were destroyed.
    """
    with node.records.read() as unit:
        row = shared(node, unit, agency, evidence)
        outcome = (
            unit.logs.entry_by_digest(row.outcome_digest) if row.state == "concluded" else None
        )
        receiver = directory.descriptor(node, unit, agency)
        if outcome is None and agency == row.taker and not _holds(node, unit, row):
            raise NotFoundError(_NONE)
    # The outcome alone needs no proofs: whoever asks compares it with the contract, where the item
    # may have gone on since.
    until = None if outcome is None else outcome.seq + 1
    is_outcome = outcome is not None
    found = export.bundle(
        node, evidence, until=until, is_excerpt=is_outcome, shown=None, prove=not is_outcome
    )
    if outcome is not None:
        return _outcome(node, found, outcome, receiver.node)
    with node.records.read() as unit:
        key = record_keys.record_key(node, unit, evidence)
        documents = []
        for event in unit.logs.events(evidence):
            sealed = unit.documents.get(event.payload)
            if sealed is not None:
                documents.append(
                    SealedDocument(
                        event.payload, sealed, tuple(unit.documents.disclosures(event.payload))
                    )
                )
        given = [
            grants.parse(one)
            for one in unit.grants.sealed_to(evidence, "content", receiver.custody.digest)
        ]
    given.append(grants.seal(key, receiver.node, evidence=evidence_bytes(evidence), scope="record"))
    key_release.note_release(node, row.offer, agency_recipient(agency), "parcel", evidence)
    return Parcel(
        found.encode(), tuple(documents), tuple(grant.encode() for grant in given)
    ).encode()


def _outcome(node: Node, found: Bundle, row: EntryRow, to: HpkeKey) -> bytes:
    """How a handover ended: the one document that says so, by a key of its own. Whoever did not get
    the item gets no more of it.
    """
    with node.records.read() as unit:
        try:
            document, keys = single(unit, row, record_keys.record_key(node, unit, row.evidence), to)
        except DeniedError:  # destroyed with a disposal since: the statement is what counts
            return Parcel(found.encode(), (), ()).encode()
    return Parcel(found.encode(), (document,), tuple(key.encode() for key in keys)).encode()


def single(
    unit: UnitOfWork, row: EntryRow, key: bytes, to: HpkeKey
) -> tuple[SealedDocument, list[Grant]]:
    """One sealed document, and the keys of it and its disclosures alone.

    Raises:
        DeniedError: it was destroyed.
    """
    sealed, disclosures = (
        unit.documents.get(row.payload),
        tuple(unit.documents.disclosures(row.payload)),
    )
    if sealed is None:
        raise DeniedError("the record of this item was destroyed")
    item = evidence_bytes(row.evidence)
    made = [
        grants.seal(
            content_encryption.document_key(key, row.payload),
            to,
            evidence=item,
            scope="document",
            binding=row.payload,
        )
    ]
    for digest, _ in disclosures:
        made.append(
            grants.seal(
                content_encryption.disclosure_key(key, digest),
                to,
                evidence=item,
                scope="disclosure",
                binding=digest,
            )
        )
    return SealedDocument(row.payload, sealed, disclosures), made


def require_offered(node: Node, unit: UnitOfWork, agency: str, evidence: str) -> ItemRow:
    """An item whose ciphertext an agency may fetch: it is offered to them, and the offer is open.

    Raises:
        NotFoundError: it is not.
    """
    row, item = shared(node, unit, agency, evidence), unit.items.get(evidence)
    if item is None or row.taker != agency or not _holds(node, unit, row):
        raise NotFoundError(_NONE)
    return item


def _holds(node: Node, unit: UnitOfWork, row: TransferStepRow) -> bool:
    """Whether an offer of ours stands: neither taken back, which the contract may not know yet, nor
    expired by any clock's reckoning, nor made with a key that was stolen.
    """
    good = row.state == "open" and node.clock.now() <= row.expires + AHEAD
    return good and stolen_orders.is_given(node, unit, row.offer)
