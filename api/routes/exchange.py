"""Between agencies: what another agency's node may ask of ours, with its service certificate (role
"service").
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from api.deps import CallerDep, GuardedRoute, Item, NodeDep, Statement
from api.ranges import ranged
from api.ratelimit import LISTS
from api.schemas_exchange import (
    CopiesOut,
    DisposalNoteOut,
    DisposalsOut,
    ExchangedOut,
    ExchangeOut,
    TakenIn,
    TimeIn,
    copy_out,
)
from ledger.domain.errors import NotFoundError
from ledger.services.handovers import disclosed_copies, erasure, outgoing_parcels
from ledger.services.registration import agency_statements

router = APIRouter(route_class=GuardedRoute, prefix="/v1/exchange", tags=["exchange"])
_BUNDLE = "application/vnd.custody.bundle+cbor"
_CRL = "application/pkix-crl"
_PARCEL = "application/vnd.custody.parcel+cbor"
After = Annotated[str, Query(max_length=45)]


@router.get("", operation_id="exchanged")
def exchanged(node: NodeDep, caller: CallerDep, after: After = "") -> ExchangeOut:
    """Handovers between the caller's agency and ours that the contract knows: 1,000 in the order of
    items, behind one of them.
    """
    handovers = [
        ExchangedOut(
            evidence=row.evidence,
            giver=row.giver,
            taker=row.taker,
            offer=row.offer.hex(),
            expires=row.expires,
            state=row.state,
        )
        for row in outgoing_parcels.between(node, caller.agency, after)
    ]
    return ExchangeOut(handovers=handovers)


@router.get("/disposals", operation_id="disposals_for_agency")
def disposals_for_agency(node: NodeDep, caller: CallerDep, after: After = "") -> DisposalsOut:
    """Disposals of items that the caller's agency held before, so that it destroys its own keys:
    1,000, behind one of them.
    """
    return DisposalsOut(
        disposals=[
            DisposalNoteOut(**asdict(note))
            for note in erasure.for_agency(node, caller.agency, after)
        ]
    )


@router.get(
    "/{evidence}/closing", operation_id="closing", responses={200: {"content": {_BUNDLE: {}}}}
)
def closing(node: NodeDep, caller: CallerDep, evidence: Item, confirmed: bool = False) -> Response:
    """What our log says of an item up to its disposal, for an agency that held it before; with
    ``confirmed`` up to the newest anchored event, so that it shows who has destroyed their keys.
    """
    data = erasure.closing(node, caller.agency, evidence, confirmed=confirmed)
    return Response(data, 200, {"Cache-Control": "no-store"}, _BUNDLE)


@router.get("/copies", operation_id="copies_for_agency")
def copies_for_agency(
    node: NodeDep,
    caller: CallerDep,
    after: Annotated[str, Query(pattern=r"^([0-9a-f]{64})?$")] = "",
) -> CopiesOut:
    """Copies that the caller's agency may fetch: 1,000 in the order of statements, behind one of
    them.
    """
    rows = disclosed_copies.for_agency(node, caller.agency, bytes.fromhex(after))
    return CopiesOut(copies=[copy_out(row, node.agency) for row in rows])


@router.get(
    "/copies/{statement}", operation_id="copy_parcel", responses={200: {"content": {_PARCEL: {}}}}
)
def copy_parcel(node: NodeDep, caller: CallerDep, statement: Statement) -> Response:
    """A copy given to the caller's agency: the record up to its disclosure, and what of it they may
    read.
    """
    return Response(
        disclosed_copies.pack(node, caller.agency, bytes.fromhex(statement)),
        200,
        {"Cache-Control": "no-store"},
        _PARCEL,
    )


@router.get(
    "/copies/{statement}/content",
    operation_id="copy_content",
    responses={206: {"content": {"application/octet-stream": {}}}},
)
def copy_content(
    node: NodeDep, caller: CallerDep, statement: Statement, range: Annotated[str, Header()]
) -> Response:
    """Ciphertext of a copy given to the caller's agency, in ranges of at most 4 MiB."""
    with node.records.read() as unit:
        _, item = disclosed_copies.require_given(
            node, unit, caller.agency, bytes.fromhex(statement)
        )
        return ranged(node, unit, item, range)


@router.post("/copies/{statement}", operation_id="tell_copy", status_code=204)
def tell_copy(node: NodeDep, caller: CallerDep, statement: Statement, request: TakenIn) -> None:
    """Which item of the caller's agency is the copy."""
    disclosed_copies.note_taken(node, caller.agency, bytes.fromhex(statement), request.copy_)


@router.post("/crl", operation_id="crl_for_agency", responses={200: {"content": {_CRL: {}}}})
def crl_for_agency(node: NodeDep, caller: CallerDep, asked: Request, request: TimeIn) -> Response:
    """The revocation list, issued anew where the newest is older than an event that the caller's
    bundle must prove.

    An agency that asks for more than a few new ones gets the newest as it is: whoever needs a
    younger one comes again.
    """
    with node.records.read() as unit:
        row = unit.authority.newest_crl()
    if (row is None or row.issued < request.time) and not asked.app.state.lists.take(
        ("crl", caller.agency.encode()), LISTS
    ):
        with node.records.write() as unit:
            row = agency_statements.fresh_crl(node, unit, request.time)
    if row is None:
        raise NotFoundError("no revocation list was issued yet")
    return Response(row.der, 200, {"Cache-Control": "no-store"}, _CRL)


@router.get(
    "/{evidence}/parcel", operation_id="parcel", responses={200: {"content": {_PARCEL: {}}}}
)
def parcel(node: NodeDep, caller: CallerDep, evidence: Item) -> Response:
    """An item on offer to the caller's agency, or how a handover between us ended: record and keys,
    sealed to their node.
    """
    return Response(
        outgoing_parcels.pack(node, caller.agency, evidence),
        200,
        {"Cache-Control": "no-store"},
        _PARCEL,
    )


@router.get(
    "/{evidence}/content",
    operation_id="offered_content",
    responses={206: {"content": {"application/octet-stream": {}}}},
)
def offered_content(
    node: NodeDep, caller: CallerDep, evidence: Item, range: Annotated[str, Header()]
) -> Response:
    """Ciphertext of an item on offer to the caller's agency, in ranges of at most 4 MiB."""
    with node.records.read() as unit:
        item = outgoing_parcels.require_offered(node, unit, caller.agency, evidence)
        return ranged(node, unit, item, range)
