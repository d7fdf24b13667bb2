"""Items: events in clear; details, keys, content and bundles after a recorded access."""

from __future__ import annotations

from typing import Annotated

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
    LookOut,
    RehearsalIn,
    StandingOut,
)
from api.schemas_exchange import ReadableOut
from ledger.client.reading.redaction import Withheld
from ledger.domain.codecs.text import b64url, format_time, from_b64url, from_hex
from ledger.domain.event.types import AccessMode
from ledger.services.access import authorization, key_release, shown_documents
from ledger.services.bundles import export
from ledger.services.onchain import checkpoint_anchoring
from ledger.services.records import documents, foreign_history
from ledger.services.registration import rehearsal
from ledger.services.registration.item_histories import life_of

router = APIRouter(route_class=GuardedRoute, prefix="/v1/evidence", tags=["evidence"])


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
