"""Registration of signed statements."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import CallerDep, GuardedRoute, NodeDep
from api.schemas import DigestIn, RegisteredOut, StatementsIn, StatementsOut
from api.schemas_items import FoundOut
from api.schemas_recorded import (
    BorneOut,
    NumbersIn,
    NumbersOut,
    OpeningOut,
    RecordedIn,
    RecordedOut,
)
from ledger.domain.codecs.text import b64url, from_b64url
from ledger.domain.event import normalization
from ledger.services.onchain import checkpoint_anchoring
from ledger.services.registration import (
    duplicates,
    exhibit_numbers,
    recorded_before,
    registration,
)
from ledger.services.registration.registration import Submission

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["statements"])


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
        field=request.field,
    )
    with node.records.read() as unit:
        reached = checkpoint_anchoring.progress(node, unit)
        same = duplicates.duplicates_of(node, unit, caller, registered)
        return StatementsOut(
            registered=[
                RegisteredOut(
                    evidence=one.evidence,
                    statement=one.digest.hex(),
                    index=one.index,
                    receipt=b64url(one.receipt),
                    repeated=one.repeated,
                    state=checkpoint_anchoring.state_of(node, reached, node.log_id, one.index),
                    duplicates=others,
                    sameNumber=list(one.same_number),
                )
                for one, others in zip(registered, same, strict=True)
            ]
        )


@router.post("/evidence/duplicates", operation_id="find_duplicates")
def find_duplicates(node: NodeDep, caller: CallerDep, request: DigestIn) -> FoundOut:
    """Items with this content, among those that the caller may see."""
    with node.records.read() as unit:
        found = duplicates.with_content(node, unit, caller, [request.sha256])
        return FoundOut(evidence=found.get(request.sha256, [])[:100])


@router.post("/evidence/recorded", operation_id="find_recorded")
def find_recorded(node: NodeDep, caller: CallerDep, request: RecordedIn) -> RecordedOut:
    """What the caller recorded of these files before, and of these items, as far as it is kept
    here. No access is recorded: they signed nothing else themselves.
    """
    with node.records.read() as unit:
        found = recorded_before.openings(node, unit, caller, request.marks, request.evidence)
    return RecordedOut(openings=[OpeningOut(**one) for one in found])


@router.post("/evidence/numbers", operation_id="find_numbers")
def find_numbers(node: NodeDep, caller: CallerDep, request: NumbersIn) -> NumbersOut:
    """Which of these exhibit numbers items of the case bear, among those that the caller may
    see. What another agency gave takes up no number here, and may be meant by it.
    """
    case, asked = normalization.form(request.case), dict.fromkeys(request.exhibits)
    forms = {exhibit: (case, normalization.form(exhibit)) for exhibit in asked}
    with node.records.read() as unit:
        borne = exhibit_numbers.bearers(node, unit, caller, forms.values())
    return NumbersOut(
        numbers=[
            BorneOut(exhibit=exhibit, evidence=list(found.own), meant=found.meant())
            for exhibit, number in forms.items()
            if (found := borne.get(number)) is not None
        ]
    )
