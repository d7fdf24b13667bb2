"""People of the agency: invitations, enrolments, suspension."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api.deps import CallerDep, GuardedRoute, NodeDep
from api.schemas_people import (
    ApprovalIn,
    ApprovalOut,
    CodeIn,
    EnrolmentIn,
    EnrolmentOut,
    InvitationIn,
    InvitationOut,
    KeyOut,
    OutcomeOut,
    PeopleOut,
    PersonOut,
    SuspensionIn,
    SuspensionOut,
)
from ledger.domain.encoding import b64url, format_time, from_b64url
from ledger.services import people

router = APIRouter(route_class=GuardedRoute, tags=["people"])


@router.post("/people/invitations", operation_id="invite_person")
def invite_person(node: NodeDep, caller: CallerDep, request: InvitationIn) -> InvitationOut:
    """A code for one person, good once, for a week; it is shown here and never again."""
    code, expires = people.invite(node, number=request.number, roles=request.roles, inviter=caller.pseudonym)
    return InvitationOut(code=code, expires=format_time(expires))


@router.post("/enrolments", operation_id="request_enrolment")
def request_enrolment(node: NodeDep, request: EnrolmentIn) -> EnrolmentOut:
    """Keys made by the person, with the code of their invitation; what comes back is compared by voice."""
    return EnrolmentOut(fingerprint=people.request(node, request.code, from_b64url(request.request, what="enrolment")))


@router.post("/enrolments/outcome", operation_id="enrolment")
def enrolment(node: NodeDep, request: CodeIn) -> OutcomeOut:
    """How far an enrolment is, and the certificate once it is approved."""
    state, der = people.outcome(node, request.code)
    return OutcomeOut(state=state, certificate=None if der is None else b64url(der))


@router.get("/people", operation_id="list_people")
def list_people(node: NodeDep, caller: CallerDep) -> PeopleOut:
    """Everybody, and open invitations."""
    rows = [
        PersonOut(
            reference=one.reference,
            number=one.number,
            roles=list(one.roles),
            state=one.state,
            fingerprint=one.fingerprint,
            since=format_time(one.since),
        )
        for one in people.everybody(node)
    ]
    return PeopleOut(people=rows)


@router.get("/people/{pseudonym}/key", operation_id="person_key")
def person_key(node: NodeDep, caller: CallerDep, pseudonym: Annotated[str, Path(pattern="^[a-z2-7]{26}$")]) -> KeyOut:
    """The key to which something for a colleague or a guest is sealed."""
    agency, key = people.key_of(node, pseudonym)
    return KeyOut(agency=agency, kem=key.kem, key=b64url(key.key))


@router.post("/people/approvals", operation_id="approve_person")
def approve_person(node: NodeDep, caller: CallerDep, request: ApprovalIn) -> ApprovalOut:
    """Issue the certificate of somebody whose fingerprint was compared."""
    return ApprovalOut(pseudonym=people.approve(node, request.reference, approver=caller.pseudonym))


@router.post("/people/suspensions", operation_id="suspend_person")
def suspend_person(node: NodeDep, caller: CallerDep, request: SuspensionIn) -> SuspensionOut:
    """Suspend a person at once, and revoke their certificate."""
    date = people.suspend(node, request.pseudonym, by=caller.pseudonym, since=request.since)
    return SuspensionOut(revoked=format_time(date))
