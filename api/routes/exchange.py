"""Between agencies: what another agency's node may ask of ours, with its service certificate (role "service")."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response

from api.deps import CallerDep, GuardedRoute, Item, NodeDep
from api.ranges import ranged
from api.schemas_exchange import ExchangedOut, ExchangeOut
from ledger.services import parcels

router = APIRouter(route_class=GuardedRoute, prefix="/exchange", tags=["exchange"])
_PARCEL = "application/vnd.custody.parcel+cbor"


@router.get("", operation_id="exchanged")
def exchanged(node: NodeDep, caller: CallerDep) -> ExchangeOut:
    """Handovers between the caller's agency and ours that the contract knows."""
    found = [
        ExchangedOut(evidence=row.evidence, giver=row.giver, taker=row.taker, offer=row.offer.hex(), expires=row.expires, state=row.state)
        for row in parcels.between(node, caller.agency)
    ]
    return ExchangeOut(handovers=found)


@router.get("/{evidence}/parcel", operation_id="parcel", responses={200: {"content": {_PARCEL: {}}}})
def parcel(node: NodeDep, caller: CallerDep, evidence: Item) -> Response:
    """An item on offer to the caller's agency, or how a handover between us ended: record and keys, sealed to their node."""
    return Response(parcels.pack(node, caller.agency, evidence), 200, {"Cache-Control": "no-store"}, _PARCEL)


@router.get("/{evidence}/content", operation_id="offered_content", responses={206: {"content": {"application/octet-stream": {}}}})
def offered_content(node: NodeDep, caller: CallerDep, evidence: Item, range: Annotated[str, Header()]) -> Response:
    """Ciphertext of an item on offer to the caller's agency, in ranges of at most 4 MiB."""
    with node.records.read() as unit:
        item = parcels.require_offered(node, unit, caller.agency, evidence)
        return ranged(node, unit, item, range)
