"""Items: lists and events in clear; details, keys, content and bundles after a recorded access."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response

from api.deps import CallerDep, GuardedRoute, Item, NodeDep
from api.ranges import ranged
from api.schemas import (
    AccessIn,
    BundleIn,
    DetailsOut,
    EventOut,
    EventsOut,
    GrantsOut,
    ItemOut,
    ItemsOut,
    LookOut,
    OfferOut,
    RehearsalIn,
    ReplicaOut,
    SearchedOut,
    SearchIn,
    StandingOut,
)
from api.schemas_exchange import ReadableOut
from ledger.client.redaction import Withheld
from ledger.domain.codecs.text import b64url, format_time, from_b64url, from_hex
from ledger.domain.event.types import AccessMode
from ledger.domain.ipld import cid as cids
from ledger.domain.item.custody_transitions import Offer
from ledger.domain.item.participation import Part
from ledger.rows.items import ItemRow
from ledger.rows.storage import OWN_DISK, ReplicaStateRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization, key_release, shown_documents
from ledger.services.bundles import export
from ledger.services.node.context import Node
from ledger.services.onchain import checkpoint_anchoring
from ledger.services.records import documents, foreign_history, record_keys
from ledger.services.registration import rehearsal
from ledger.services.registration.item_histories import life_of

_FOUND: Final = 500  # items that a search tells at once

router = APIRouter(route_class=GuardedRoute, prefix="/evidence", tags=["evidence"])


def _item_out(
    node: Node,
    item: ItemRow,
    reached: checkpoint_anchoring.Progress,
    held: list[ReplicaStateRow],
    *,
    erased: bool,
    parts: Iterable[Part] = (),
) -> ItemOut:
    state = item.state
    return ItemOut(
        evidence=state.evidence,
        origin=state.origin,
        custodian=state.custodian,
        events=state.seq + 1,
        head=state.head.hex(),
        time=format_time(state.time),
        closed=state.closed,
        erased=erased,
        holder=item.holder.shown_at(item.state.custodian) if item.holder is not None else "",
        offer=_offer_out(state.offer),
        cid=None if item.cid is None else cids.to_text(item.cid),
        index=item.latest_index,
        state=checkpoint_anchoring.state_of(node, reached, item.latest_log, item.latest_index),
        replicas=[_replica_out(row) for row in held if row.node != OWN_DISK],
        parts=sorted(part.name.lower() for part in parts),
    )


def _is_erased(unit: UnitOfWork, item: ItemRow) -> bool:
    """Whether the keys of an item are destroyed, or will be at once; asked for items that could be
    only.
    """
    return unit.erasures.get(item.state.evidence) is not None


def _offer_out(offer: Offer | None) -> OfferOut | None:
    if offer is None:
        return None
    return OfferOut(
        agency=offer.to,
        person=offer.person,
        expires=None if offer.expires is None else format_time(offer.expires),
    )


def _replica_out(row: ReplicaStateRow) -> ReplicaOut:
    proof = format_time(row.proof) if row.proof else None
    return ReplicaOut(
        node=row.node, state=row.state, proof=proof, reads=row.reads, problem=row.problem
    )


@router.get("", operation_id="list_evidence")
def list_evidence(
    node: NodeDep,
    caller: CallerDep,
    after: Annotated[int, Query(ge=-1, lt=1 << 63)] = -1,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ItemsOut:
    """A page of the items that the caller may see."""
    with node.records.read() as unit:
        rows = authorization.visible_items(node, unit, caller, after=after, limit=limit)
        reached, held = (
            checkpoint_anchoring.progress(node, unit),
            unit.replicas.named([row.state.evidence for row in rows]),
        )
        erased = {row.state.evidence for row in rows if _is_erased(unit, row)}
    return ItemsOut(
        items=[
            _item_out(
                node,
                row,
                reached,
                held.get(row.state.evidence, []),
                erased=row.state.evidence in erased,
            )
            for row in rows
        ],
        next=rows[-1].opened if len(rows) == limit else None,
    )


@router.post("/search", operation_id="search_evidence")
def search_evidence(node: NodeDep, caller: CallerDep, request: SearchIn) -> SearchedOut:
    """Items with this identifier (case, exhibit), among those that the caller may see; 500 a
    page.
    """
    with node.records.read() as unit:
        token = record_keys.identifier_token(node, request.scheme, request.value)
        rows = authorization.visible_items(
            node, unit, caller, after=request.after, limit=_FOUND, token=token
        )
    return SearchedOut(
        evidence=[row.evidence for row in rows],
        next=rows[-1].opened if len(rows) == _FOUND else None,
    )


@router.get("/{evidence}", operation_id="show_evidence")
def show_evidence(node: NodeDep, caller: CallerDep, evidence: Item) -> ItemOut:
    """What the node keeps in clear about one item."""
    with node.records.read() as unit:
        item = authorization.require_visible(node, unit, caller, evidence)
        return _item_out(
            node,
            item,
            checkpoint_anchoring.progress(node, unit),
            unit.replicas.of_item(evidence),
            erased=_is_erased(unit, item),
            parts=authorization.parts_of(node, unit, caller, evidence, item),
        )


@router.get("/{evidence}/events", operation_id="list_events")
def list_events(
    node: NodeDep,
    caller: CallerDep,
    evidence: Item,
    after: Annotated[int, Query(ge=-1, lt=1 << 63)] = -1,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> EventsOut:
    """A page of an item's events as the log shows them."""
    with node.records.read() as unit:
        authorization.require_visible(node, unit, caller, evidence)
        reached = checkpoint_anchoring.progress(node, unit)
        rows = unit.logs.events(evidence, void=True, after=after, limit=limit)
        if len(rows) == limit:  # two may stand at one seq, and the next page begins behind it
            last = rows[-1].seq
            rows = [row for row in rows if row.seq < last]
            rows += unit.logs.events_at(evidence, last, void=True)
        times = foreign_history.proven_times(node, unit, rows)
        looked = {
            row.digest: shown_documents.looks(node, unit, row.digest)
            for row in rows
            if row.effect == "offer"
        }
    events = [
        EventOut(
            seq=row.seq,
            effect=row.effect,
            time=format_time(row.time),
            agency=row.agency,
            statement=row.digest.hex(),
            index=row.index,
            state=checkpoint_anchoring.state_of(node, reached, row.log, row.index),
            provenTime=format_time(time) if time else None,
            void=row.void,
            looked=[LookOut(**look) for look in looked.get(row.digest, [])],
        )
        for row, time in zip(rows, times, strict=True)
    ]
    return EventsOut(events=events, next=rows[-1].seq if len(rows) >= limit else None)


@router.get("/{evidence}/readable", operation_id="readable")
def readable(
    node: NodeDep, caller: CallerDep, evidence: Item, mode: AccessMode, pausing: bool = False
) -> ReadableOut:
    """Whether something could follow an access of this mode, to be asked before one is signed;
    refused with the reason where not. ``pausing``: once the item's open offer is taken back.
    """
    with node.records.read() as unit:
        item = authorization.require_visible(node, unit, caller, evidence)
        keys = key_release.require_readable(node, unit, caller, item, mode, pausing=pausing)
    return ReadableOut(content=item.cid is not None, keys=[key.hex() for key in keys])


@router.post("/{evidence}/rehearsals", operation_id="rehearse", status_code=204)
def rehearse(node: NodeDep, caller: CallerDep, evidence: Item, request: RehearsalIn) -> None:
    """Whether an event of the caller's could follow, to be asked before the access that it needs is
    signed; refused with the reason where not. Nothing is recorded.
    """
    document = from_b64url(request.document, what="document")
    rehearsal.rehearse(node, caller, evidence, document, tuple(request.disclosures))


@router.post("/{evidence}/details", operation_id="details")
def details(node: NodeDep, caller: CallerDep, evidence: Item, request: AccessIn) -> DetailsOut:
    """The item's documents, after a recorded access of any mode."""
    key_release.release(node, caller, evidence, request.access, "details")
    with node.records.read() as unit:
        events = list(documents.read_events(node, unit, unit.logs.events(evidence)))
        return DetailsOut(
            events=shown_documents.details(node, unit, events),
            standing=StandingOut(**life_of(node, unit, events).standing()),
        )


@router.post("/{evidence}/grants", operation_id="grants")
def grants(node: NodeDep, caller: CallerDep, evidence: Item, request: AccessIn) -> GrantsOut:
    """The content keys sealed to the caller, after a recorded access of mode copy or export."""
    key_release.release(node, caller, evidence, request.access, "content")
    with node.records.read() as unit:
        return GrantsOut(
            grants=[
                b64url(content_grant)
                for content_grant in key_release.content_grants(node, unit, caller, evidence)
            ]
        )


@router.get(
    "/{evidence}/content",
    operation_id="content",
    responses={206: {"content": {"application/octet-stream": {}}}},
)
def content(
    node: NodeDep,
    caller: CallerDep,
    evidence: Item,
    access_digest: Annotated[str, Header(alias="Custody-Access")],
    range: Annotated[str, Header()],
) -> Response:
    """Ciphertext in ranges of at most 4 MiB (RFC 9110 section 14), after a recorded access of mode
    copy or export.
    """
    with node.records.read() as unit:
        key_release.require_access(
            node, unit, caller, evidence, from_hex(access_digest, what="access", size=32), "content"
        )
        return ranged(
            node, unit, authorization.require_visible(node, unit, caller, evidence), range
        )


@router.post(
    "/{evidence}/bundle",
    operation_id="bundle",
    responses={200: {"content": {"application/vnd.custody.bundle+cbor": {}}}},
)
def bundle(node: NodeDep, caller: CallerDep, evidence: Item, request: BundleIn) -> Response:
    """The evidence bundle, ending before the event that records its export. Once an item's keys are
    destroyed nothing is left in it that an access could be recorded for, and none is asked.
    """
    with node.records.read() as unit:
        authorization.require_visible(node, unit, caller, evidence)
        covered = key_release.is_covered(unit, evidence, request.access)
    until = (
        key_release.release(node, caller, evidence, request.access, "bundle").seq
        if covered
        else None
    )
    withheld = Withheld(request.withhold)
    shown = withheld.shown if covered else None
    data = export.bundle(node, evidence, until=until, shown=shown).encode()
    withheld.require_met()
    return Response(data, 200, {"Cache-Control": "no-store"}, "application/vnd.custody.bundle+cbor")
