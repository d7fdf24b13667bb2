"""Other agencies that we work with, and their keys."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import CallerDep, GuardedRoute, NodeDep
from api.schemas_exchange import PartnerIn, PartnerOut, PartnersOut
from ledger.domain.codecs.text import b64url, format_time
from ledger.rows.agencies import PartnerRow
from ledger.services.access.still_enrolled import require_still
from ledger.services.node.context import Node
from ledger.services.partners import directory

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["partners"])


def _out(node: Node, row: PartnerRow) -> PartnerOut:
    with node.records.read() as unit:
        descriptor = directory.descriptor(node, unit, row.agency)
    return PartnerOut(
        agency=row.agency,
        url=row.url,
        active=row.active,
        checked=format_time(row.checked),
        descriptor=b64url(descriptor.raw),
    )


@router.get("/partners", operation_id="list_partners")
def list_partners(node: NodeDep, caller: CallerDep) -> PartnersOut:
    """Agencies known here, each with its descriptor in force."""
    return PartnersOut(partners=[_out(node, row) for row in directory.list_partners(node)])


@router.post("/partners", operation_id="add_partner")
def add_partner(node: NodeDep, caller: CallerDep, request: PartnerIn) -> PartnerOut:
    """Get to know the agency whose node is at an address; what it says is compared with the
    registry.
    """
    partner = directory.add(
        node,
        request.url,
        allowed=lambda unit: require_still(node, unit, caller.id, "administrator"),
    )
    with node.records.read() as unit:
        row = directory.known(unit, partner.agency)
    return _out(node, row)
