"""Handovers as people see them: what is under way, and items on offer to be checked before they are
accepted.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response

from api.deps import CallerDep, GuardedRoute, Item, NodeDep
from api.ranges import ranged
from api.schemas import LookOut, StandingOut
from api.schemas_exchange import (
    ComingOut,
    HandoverOut,
    HandoversOut,
    IncomingOut,
    OpenOfferOut,
    RoundOut,
)
from ledger.domain.codecs.text import b64url, format_time
from ledger.services.access import key_release, shown_documents
from ledger.services.handovers import offers, sync
from ledger.services.handovers.offers import UnderWay
from ledger.services.records import documents
from ledger.services.registration.item_histories import life_of

router = APIRouter(route_class=GuardedRoute, prefix="/v1/handovers", tags=["handovers"])
_TIMEOUT = 30.0


def _listed(found: list[UnderWay]) -> list[HandoverOut]:
    return [
        HandoverOut(
            evidence=one.evidence,
            giver=one.giver,
            taker=one.taker,
            person=one.person,
            offer=one.offer.hex(),
            expires=format_time(one.expires) if one.expires is not None else None,
            state=one.state,
            looked=[LookOut(**look) for look in one.looked],
        )
        for one in found
    ]


@router.get("", operation_id="list_handovers")
def list_handovers(
    node: NodeDep,
    caller: CallerDep,
    after: Annotated[int, Query(ge=-1, lt=1 << 63)] = -1,
    limit: Annotated[int, Query(ge=1, le=500)] = offers.PAGE,
) -> HandoversOut:
    """A page of the offers that nobody has answered yet, and answers that the chain has not taken
    yet.
    """
    found, following = offers.under_way(node, caller, after=after, limit=limit)
    return HandoversOut(handovers=_listed(found), next=following)


@router.post("/sync", operation_id="sync_handovers")
def sync_handovers(node: NodeDep, caller: CallerDep) -> RoundOut:
    """Anchor, bring handovers forward on the chain, and exchange with other agencies now; a node
    that serves does so by itself.
    """
    sync.settle(node, timeout=_TIMEOUT)
    done = offers.shown(node, caller, sync.sync(node))
    came, size = node.transfers.progress()
    return RoundOut(
        received=done.received,
        settled=done.settled,
        problems=done.problems,
        coming=ComingOut(done=came, size=size),
        handovers=_listed(offers.under_way(node, caller)[0]),
    )


@router.get("/{evidence}/offer", operation_id="open_offer")
def open_offer(node: NodeDep, caller: CallerDep, evidence: Item) -> OpenOfferOut:
    """The open offer of an item as it was signed, for whoever may take it back or answer it: they
    sign behind that statement, and need not believe which one it is. What it says is shown to its
    signer alone.
    """
    return OpenOfferOut(offer=offers.signed(node, caller, evidence))


@router.get("/{evidence}/record", operation_id="incoming")
def incoming(node: NodeDep, caller: CallerDep, evidence: Item) -> IncomingOut:
    """The documents of an item on offer to the caller, and its content keys as sealed to them or to
    the custodians.
    """
    offers.look(node, caller, evidence, "offer")
    with node.records.read() as unit:
        offers.require_offered(node, unit, caller, evidence)
        grants = key_release.content_grants(node, unit, caller, evidence)
        events = list(documents.read_events(node, unit, unit.logs.events(evidence)))
        return IncomingOut(
            events=shown_documents.details(node, unit, events),
            grants=[b64url(grant) for grant in grants],
            standing=StandingOut(**life_of(node, unit, events).standing()),
        )


@router.get(
    "/{evidence}/content",
    operation_id="incoming_content",
    responses={206: {"content": {"application/octet-stream": {}}}},
)
def incoming_content(
    node: NodeDep, caller: CallerDep, evidence: Item, range: Annotated[str, Header()]
) -> Response:
    """Ciphertext of an item on offer to the caller, in ranges of at most 4 MiB."""
    offers.look(node, caller, evidence, "offer-content")
    with node.records.read() as unit:
        return ranged(node, unit, offers.require_offered(node, unit, caller, evidence), range)
