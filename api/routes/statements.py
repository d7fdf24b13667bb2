"""Registration of signed statements."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import CallerDep, GuardedRoute, NodeDep
from api.schemas import DigestIn, FoundOut, RegisteredOut, StatementsIn, StatementsOut
from ledger.domain.codecs.text import b64url, from_b64url
from ledger.services.onchain import checkpoint_anchoring
from ledger.services.registration import duplicates, registration
from ledger.services.registration.registration import Submission

router = APIRouter(route_class=GuardedRoute, tags=["statements"])


@router.post("/statements", operation_id="register", status_code=201)
def register(node: NodeDep, caller: CallerDep, request: StatementsIn) -> StatementsOut:
    """Register statements, all or none. Durable and in the log when answered; anchoring follows."""
    submissions = [
        Submission(
            from_b64url(statement.statement, what="statement"),
            from_b64url(statement.document, what="document"),
            tuple(statement.disclosures),
            tuple(from_b64url(grant, what="grant") for grant in statement.grants),
        )
        for statement in request.statements
    ]
    is_node = "service" in caller.roles
    registered = registration.register(
        node,
        submissions,
        caller=None if is_node else caller.id,
        service=caller.certificate if is_node else None,
    )
    with node.records.read() as unit:
        reached = checkpoint_anchoring.progress(node, unit)
        return StatementsOut(
            registered=[
                RegisteredOut(
                    evidence=one.evidence,
                    statement=one.digest.hex(),
                    index=one.index,
                    receipt=b64url(one.receipt),
                    repeated=one.repeated,
                    state=checkpoint_anchoring.state_of(node, reached, node.log_id, one.index),
                    duplicates=duplicates.duplicates_of(node, unit, caller, one),
                )
                for one in registered
            ]
        )


@router.post("/evidence/duplicates", operation_id="find_duplicates")
def find_duplicates(node: NodeDep, caller: CallerDep, request: DigestIn) -> FoundOut:
    """Items with this content, among those that the caller may see."""
    with node.records.read() as unit:
        return FoundOut(evidence=duplicates.duplicates(node, unit, caller, request.sha256))
