"""Health and readiness."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import GuardedRoute, NodeDep
from ledger.services.log import merkle_log

router = APIRouter(route_class=GuardedRoute, tags=["health"])


@router.get("/healthz", operation_id="health")
def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", operation_id="readiness")
def readiness(node: NodeDep) -> dict[str, str]:
    """Database, log and chain answer; a frozen log is an error. ``failing`` names background work
    that fails, without a reason.
    """
    with node.records.read() as unit:
        merkle_log.require_log(unit, node.log_id)
    node.chain_head()
    failing = sorted({row.worker.partition("-")[0] for row in node.workers.failing()})
    return {"status": "ready"} | ({"failing": ", ".join(failing)} if failing else {})
