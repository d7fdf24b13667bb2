"""Copies: those that other agencies gave us to take, and the register of who holds which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Header
from fastapi.responses import Response

from api.deps import AgencyCode, CallerDep, GuardedRoute, Item, NodeDep, Statement
from api.schemas_exchange import (
    ConfirmedOut,
    CopiesOut,
    CopyOut,
    CopyRecordOut,
    DisposalOut,
    LineageOut,
    LinkOut,
    TakenIn,
    copy_out,
)
from ledger.domain.codecs.text import b64url, format_time
from ledger.domain.errors import NotFoundError
from ledger.domain.ports.node_and_chain import PartnerApi
from ledger.services.access import authorization, lineage
from ledger.services.handovers import disclosed_copies, erasure
from ledger.services.node.context import Node
from ledger.services.onchain import agency_standing
from ledger.services.partners import directory

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["copies"])
T = TypeVar("T")
_RECORD = 120.0  # seconds for a record of up to 256 MiB
_MOMENT = 60.0  # for a range of 4 MiB, or a few words
_RANGES: dict[int | str, dict[str, Any]] = {206: {"content": {"application/octet-stream": {}}}}


@router.get("/copies", operation_id="list_copies")
def list_copies(node: NodeDep, caller: CallerDep) -> CopiesOut:
    """Copies that other agencies gave us and that we may fetch; agencies that do not answer are
    left out.
    """
    copies = [CopyOut(**asdict(one)) for one in disclosed_copies.for_us(node)]
    return CopiesOut(copies=copies)


@router.get("/copies/{agency}/{evidence}/{statement}", operation_id="copy_record")
def copy_record(
    node: NodeDep, caller: CallerDep, agency: AgencyCode, evidence: Item, statement: Statement
) -> CopyRecordOut:
    """What came with a copy, verified by our node."""
    api = _reach(node, agency)
    found = _asked(
        node,
        agency,
        lambda: disclosed_copies.fetch(node, agency, api, evidence, bytes.fromhex(statement)),
        _RECORD,
    )
    return CopyRecordOut(
        events=found.events,
        opening=found.events[0]["document"],
        disclosed=found.events[-1]["document"],
        grants=[b64url(grant) for grant in found.grants],
    )


@router.get(
    "/copies/{agency}/{evidence}/{statement}/content", operation_id="copy_range", responses=_RANGES
)
def copy_range(
    node: NodeDep,
    caller: CallerDep,
    agency: AgencyCode,
    evidence: Item,
    statement: Statement,
    range: Annotated[str, Header()],
) -> Response:
    """Ciphertext of a copy, in ranges of at most 4 MiB, from the agency that gave it."""
    start, end = disclosed_copies.parse_range(range)
    api = _reach(node, agency)
    data = _asked(node, agency, lambda: api.copy_content(statement, start, end), _MOMENT)
    return Response(data, 206, {"Cache-Control": "no-store"}, "application/octet-stream")


@router.post("/copies/{agency}/{evidence}/{statement}", operation_id="copy_taken", status_code=204)
def copy_taken(
    node: NodeDep,
    caller: CallerDep,
    agency: AgencyCode,
    evidence: Item,
    statement: Statement,
    request: TakenIn,
) -> None:
    """Tell the agency that gave a copy which item of ours it is."""
    with node.records.read() as unit:
        item = authorization.require_visible(node, unit, caller, request.copy_)
        disclosed_copies.require_copy(node, unit, item, evidence, bytes.fromhex(statement))
    api = _reach(node, agency)
    _asked(node, agency, lambda: api.tell_copy(statement, request.copy_), _MOMENT)


@router.get("/evidence/{evidence}/lineage", operation_id="lineage")
def item_lineage(node: NodeDep, caller: CallerDep, evidence: Item) -> LineageOut:
    """Where an item came from and what came from it, as far as the caller may see the items, and
    who holds copies of it.
    """
    with node.records.read() as unit:
        authorization.require_visible(node, unit, caller, evidence)
        links = lineage.around(node, unit, caller, evidence)
        given = unit.copies.of_item(evidence, 500)
    return LineageOut(
        links=[LinkOut(parent=link.parent, child=link.child, kind=link.kind) for link in links],
        copies=[copy_out(row, node.agency) for row in given],
    )


_UNNAMED: Final = "(not named to guests)"


@router.get("/evidence/{evidence}/disposal", operation_id="disposal")
def disposal(node: NodeDep, caller: CallerDep, evidence: Item) -> DisposalOut:
    """What became of an item that was disposed of: when, which keys were destroyed and who
    confirmed it, until when backups live. Guests are told how many IPFS nodes, and no names.
    """
    with node.records.read() as unit:
        authorization.require_visible(node, unit, caller, evidence)
        found = erasure.disposal(node, unit, evidence)
    if found is None:
        raise NotFoundError("this item was not disposed of here")
    guest = caller.is_guest(node.agency)
    confirmed = [
        ConfirmedOut(agency=agency, statement=digest.hex(), time=format_time(time))
        for agency, digest, time in found.confirmed
    ]
    return DisposalOut(
        evidence=evidence,
        agency=node.agency,
        statement=found.statement.hex(),
        disposed=format_time(found.disposed),
        destroyed=found.destroyed,
        backupsExpire=format_time(found.backups) if found.backups else None,
        confirmed=confirmed,
        expected=list(found.expected),
        pins=len(found.pinned),
        pinnedAt=[] if guest else list(found.pinned),
        mayKeep=[_UNNAMED] * len(found.forgotten) if guest else list(found.forgotten),
        stored=found.stored,
        title=node.profile.title if node.profile is not None else "",
        text=node.profile.text if node.profile is not None else "",
    )


def _asked(node: Node, agency: str, work: Callable[[], T], seconds: float) -> T:
    """Ask an agency's node: few at once each, so that a silent one takes up a part of the lane
    alone, and for a while only.
    """
    return node.copying.run(agency, work, seconds=seconds)


def _reach(node: Node, agency: str) -> PartnerApi:
    with node.records.read() as unit:
        agency_standing.require_active(unit, agency)
        return node.reach(directory.known(unit, agency).url)
