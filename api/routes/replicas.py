"""IPFS nodes: sending to them, reading again what they keep, and how many shall keep an item."""

from __future__ import annotations

import time
from typing import Final

from fastapi import APIRouter

from api.deps import CallerDep, GuardedRoute, Item, NodeDep
from api.schemas_replicas import CopiesIn, FixitiesOut, FixityOut, SyncIn, SyncOut
from ledger.domain.errors import UsageError
from ledger.services.access import authorization
from ledger.services.preservation import fixity
from ledger.services.preservation.fixity import RateLimiter, Reading
from ledger.services.storage import replica_status

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["keeping"])
_SLICE: Final = 5.0  # seconds of work a call, so that no call runs into a time-out


@router.post("/replication/sync", operation_id="sync_replicas")
def sync_replicas(node: NodeDep, caller: CallerDep, request: SyncIn) -> SyncOut:
    """Send to IPFS nodes what they shall have, for a few seconds; call again until nothing is
    wanting or nothing is done.
    """
    synced = replica_status.sync(node, seconds=_SLICE, afresh=request.afresh)
    done = synced.done
    return SyncOut(
        pinned=done.pinned,
        removed=done.removed,
        failed=done.failed,
        problems=synced.problems,
        wanting=synced.wanting,
        goesOn=synced.goes_on,
    )


@router.post("/evidence/{evidence}/fixity", operation_id="check_fixity")
def check_fixity(node: NodeDep, caller: CallerDep, evidence: Item) -> FixitiesOut:
    """Read an item again at every IPFS node that keeps it, for a few seconds; call again until
    every node is complete or unreachable.
    """
    with node.records.read() as unit:
        authorization.require_visible(node, unit, caller, evidence)
    end = time.monotonic() + _SLICE
    readings = fixity.check(node, evidence, Reading(RateLimiter(0), lambda: time.monotonic() > end))
    nodes = [
        FixityOut(
            node=reading.node,
            result=reading.result,
            blocks=reading.blocks,
            bad=reading.bad,
            repaired=reading.repaired,
            unread=reading.unread,
            complete=reading.complete,
        )
        for reading in readings
    ]
    return FixitiesOut(nodes=nodes)


@router.put("/evidence/{evidence}/copies", operation_id="set_copies")
def set_copies(node: NodeDep, caller: CallerDep, evidence: Item, request: CopiesIn) -> CopiesIn:
    """At how many IPFS nodes an item shall lie; fewer than before takes none away, more than there
    are is refused.
    """
    known = len(node.replicas.own)
    if request.copies > known:
        raise UsageError(
            f"{request.copies} copies asked for, the home knows {known} IPFS nodes",
            hint="add nodes first: custody ipfs add NAME --api ADDRESS",
        )
    with node.records.write() as unit:
        authorization.require_visible(node, unit, caller, evidence)
        unit.replicas.put_target(evidence, request.copies)
    return request
