"""Audits of the node, for those who may see that it is well kept and nothing of what it keeps:
findings leave it, no case data.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Request

from api.deps import CallerDep, GuardedRoute, NodeDep
from api.schemas_audit import AuditIn, AuditOut, AuditsOut
from ledger.app import open_audit
from ledger.domain.audit.report import AuditReport
from ledger.services.audit import internal
from ledger.services.audit.chain_events import Progress
from ledger.services.audit.jobs import AuditJobs
from ledger.services.bundles import agency_trust

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["audits"])
Name = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


def _jobs(request: Request) -> AuditJobs:
    jobs: AuditJobs = request.app.state.audits
    return jobs


@router.post("/audits", operation_id="start_audit")
def start_audit(request: Request, node: NodeDep, caller: CallerDep, asked: AuditIn) -> AuditOut:
    """Audit the node from inside, in the background; one at a time."""
    state = request.app.state
    seed = secrets.randbelow(2**32) if asked.seed is None else asked.seed
    share = None if asked.sample is None else asked.sample / 100

    def run(progress: Progress) -> AuditReport:
        root = agency_trust.trust_root(
            node, confirmations=state.confirmations
        )  # asks the chain: nobody waits for it
        return open_audit.of_node(
            node, root, internal.InternalOptions(share=share, seed=seed, progress=progress)
        )

    job = _jobs(request).start(caller.id.shown_at(node.agency), run)
    return AuditOut(**asdict(job))


@router.get("/audits", operation_id="list_audits")
def list_audits(request: Request, caller: CallerDep) -> AuditsOut:
    """Audits that were asked for since the node started, the newest first."""
    return AuditsOut(audits=[AuditOut(**asdict(one)) for one in _jobs(request).recent()])


@router.get("/audits/{name}", operation_id="audit")
def audit(request: Request, caller: CallerDep, name: Name) -> AuditOut:
    """How far an audit is, and its report."""
    return AuditOut(**asdict(_jobs(request).get(name)))
