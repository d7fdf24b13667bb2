"""Offers as people see them: what waits for an answer, and what one who is asked may look at before
answering.

While an offer is open nothing but its answer may be sequenced for the item, so looking at it cannot
be an `accessed` event. The offer is the record of who was given the keys, and the node writes down
who looked, and when, before it hands anything out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from ledger.domain.codecs.text import format_time
from ledger.domain.errors import NotFoundError, RuleError
from ledger.domain.item.participation import Part, acting_roles
from ledger.rows.items import ItemRow
from ledger.rows.states import ReleaseKind
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization, key_release, shown_documents, stolen_orders
from ledger.services.access.authorization import Caller
from ledger.services.handovers.sync import Synced
from ledger.services.node.context import Node
from ledger.services.records import documents

PAGE: Final = 500  # offers that are told at once
_ITEM: Final = "urn:uuid:"


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An offer: ``state`` inside for one within the agency, else as in records.CrossingRow."""

    evidence: str
    giver: str
    taker: str
    person: str | None
    offer: bytes
    expires: int | None
    state: str
    looked: list[dict[str, str]] = field(default_factory=list)


def under_way(
    node: Node, caller: Caller, *, after: int = -1, limit: int = PAGE
) -> tuple[list[UnderWay], int | None]:
    """A page of the offers that are open, among the items that the caller may know of or is asked
    to take.

    Returns:
        The offers, and the place behind which the next page begins; None where there is none.
    """
    found = []
    with node.records.read() as unit:
        person, recipient = authorization.seen_by(node, unit, caller)
        items = unit.items.offered(after=after, limit=limit, person=person, recipient=recipient)
        for item in items:
            offer = item.state.offer
            if offer is None or not authorization.parts_of(
                node, unit, caller, item.state.evidence, item
            ):
                continue
            rows = unit.transfers.of_item(item.state.evidence)
            state = rows[-1].state if rows and offer.to != item.state.custodian else "inside"
            expires = (
                offer.expires if offer.expires is not None else (rows[-1].expires if rows else None)
            )
            whom = (item.state.evidence, item.state.custodian, offer.to, offer.person)
            found.append(
                UnderWay(
                    *whom,
                    offer.digest,
                    expires,
                    state,
                    shown_documents.looks(node, unit, offer.digest),
                )
            )
    return found, items[-1].opened if len(items) == limit else None


def require_offered(node: Node, unit: UnitOfWork, caller: Caller, evidence: str) -> ItemRow:
    """The item, if it is on offer to the caller, the offer still holds, and they may see it.

    Raises:
        NotFoundError: it is not. RuleError: the offer has expired, and gives nothing any more.
            DeniedError: guarded material, for whoever stands for the defence.
    """
    item = unit.items.get(evidence)
    if item is None or not authorization.is_offered_to(node, caller, item):
        raise NotFoundError("no such item on offer to you", hint="see: custody handover list")
    offer = item.state.offer
    if offer is not None and offer.expires is not None and node.clock.now() > offer.expires:
        raise RuleError(
            f"the offer has expired at {format_time(offer.expires)}",
            hint="ask whoever holds the item for a new one",
        )
    if offer is not None:
        stolen_orders.require_honest_gift(node, unit, offer.digest)
    key_release.require_shown_on_offer(node, unit, caller, evidence)
    return item


def signed(node: Node, caller: Caller, evidence: str) -> dict[str, Any]:
    """The open offer of an item as it was signed: expired or not, whoever may take it back or
    answer it signs behind it. Its document is shown to nobody but its signer, who reads only what
    they wrote, and compares it with what they offer again.

    Raises:
        NotFoundError: no such item, or nothing is on offer that the caller could take back or
            answer.
    """
    with node.records.read() as unit:
        item = authorization.require_visible(node, unit, caller, evidence)
        parts, offer = (
            authorization.parts_of(node, unit, caller, evidence, item),
            item.state.offer,
        )
        concerned = Part.ASKED in parts or acting_roles("transfer-withdrawn", parts, caller.roles)
        row = unit.logs.entry_by_digest(offer.digest) if offer is not None and concerned else None
        if row is None:
            raise NotFoundError(
                "nothing is on offer here that you could take back or answer",
                hint="see: custody handover list",
            )
        certificate = unit.people.certificate(row.certificate)
        own = row.certificate == caller.certificate
        event = documents.read_event(node, unit, row) if own else None
        return shown_documents.shown(row.seq, row.digest, event, row.entry, certificate)


def look(node: Node, caller: Caller, evidence: str, kind: ReleaseKind) -> None:
    """Write down that whoever is asked looks at an item before answering: once for each offer and
    kind, when they first do.

    Args:
        kind: of the release, see access.LOOKS.

    Raises:
        NotFoundError, RuleError: it is not on offer to the caller. StorageError: it cannot be
            written down, and must not be shown.
    """
    with node.records.read() as unit:
        offer = require_offered(node, unit, caller, evidence).state.offer
        assert offer is not None
        known = any(
            (row.recipient, row.kind) == (caller.id.recipient, kind)
            for row in unit.releases.under(offer.digest)
        )
    if not known:
        key_release.note_release(node, offer.digest, caller.id.recipient, kind, evidence)


def shown(node: Node, caller: Caller, done: Synced) -> Synced:
    """What of a round of exchange concerns the caller: agencies, and items that they have a part
    in.
    """
    if authorization.sees_all(node, caller):
        return done
    with node.records.read() as unit:

        def concerns(name: str) -> bool:
            return not name.startswith(_ITEM) or authorization.is_visible(node, unit, caller, name)

        received, settled = (
            [entry for entry in ones if concerns(entry)] for ones in (done.received, done.settled)
        )
        return Synced(
            received,
            settled,
            {name: what for name, what in done.problems.items() if concerns(name)},
        )
