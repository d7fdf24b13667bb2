"""People of the agency: invitations, enrolments, suspension."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import CallerDep, GuardedRoute, NodeDep
from api.schemas_people import (
    AlarmOut,
    AlarmsOut,
    ApprovalIn,
    ApprovalOut,
    CardIn,
    CodeIn,
    EnrolmentIn,
    EnrolmentOut,
    HeldKeyIn,
    HolderOut,
    HoldersOut,
    InvitationIn,
    InvitationOut,
    KeyOut,
    LinkIn,
    NamedOut,
    NamesIn,
    NamesOut,
    OutcomeOut,
    PeopleOut,
    PersonOut,
    ProofIn,
    Reference,
    ReinstatedOut,
    ReinstatementIn,
    RenewalIn,
    SealedKeyIn,
    SealedKeyOut,
    SessionOut,
    SessionsOut,
    SuspensionIn,
    SuspensionOut,
)
from ledger.domain.codecs.text import b64url, format_time, from_b64url
from ledger.domain.identity.names import Role as RoleName
from ledger.domain.identity.person import PersonId, read_reference
from ledger.services.access import custody_keys, sessions
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node
from ledger.services.people import (
    admission,
    colleagues,
    listing,
    membership,
    reinstatement,
    role_holders,
)
from ledger.services.people.membership import Changed
from ledger.services.registration import bulk_access_alarm

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["people"])


@router.post("/people/invitations", operation_id="invite_person")
def invite_person(node: NodeDep, caller: CallerDep, request: InvitationIn) -> InvitationOut:
    """A code for one person, good once, for a week; it is shown here and never again."""
    code, expires = admission.invite(
        node, number=request.number, roles=request.roles, inviter=caller.id
    )
    return InvitationOut(code=code, expires=format_time(expires))


@router.post("/enrolments", operation_id="request_enrolment")
def request_enrolment(node: NodeDep, request: EnrolmentIn) -> EnrolmentOut:
    """Keys made by the person, with the code of their invitation; what comes back is compared by
    voice.
    """
    return EnrolmentOut(
        fingerprint=admission.request(
            node, request.code, from_b64url(request.request, what="enrolment")
        )
    )


@router.post("/enrolments/outcome", operation_id="enrolment")
def enrolment(node: NodeDep, request: CodeIn) -> OutcomeOut:
    """How far an enrolment is, and the certificate once it is approved."""
    state, der = admission.outcome(node, request.code)
    return OutcomeOut(state=state, certificate=None if der is None else b64url(der))


@router.get("/people", operation_id="list_people")
def list_people(node: NodeDep, caller: CallerDep) -> PeopleOut:
    """Everybody, and open invitations."""
    rows = [
        PersonOut(
            reference=one.reference,
            agency=one.agency,
            number=one.number,
            roles=list(one.roles),
            state=one.state,
            fingerprint=one.fingerprint,
            since=format_time(one.since),
            custodyKey=one.custody,
        )
        for one in listing.list_people(node)
    ]
    return PeopleOut(people=rows)


@router.get("/people/holders", operation_id="role_holders")
def role_holders_of(
    node: NodeDep, caller: CallerDep, role: Annotated[list[RoleName], Query(max_length=16)]
) -> HoldersOut:
    """Whom to ask for what takes a role that the caller lacks."""
    held = role_holders.told(node, caller, frozenset(role))
    return HoldersOut(holders=[HolderOut(number=number, role=name) for number, name in held])


@router.get("/people/{person}/key", operation_id="person_key")
def person_key(node: NodeDep, caller: CallerDep, person: Annotated[Reference, Path()]) -> KeyOut:
    """The key to which something for a colleague or a guest is sealed, and the certificate beside
    it, by which whoever seals computes the fingerprint that was read to them.
    """
    found = admission.keys_of(node, person)
    return KeyOut(
        agency=found.person.agency,
        pseudonym=found.person.pseudonym,
        kem=found.hpke.kem,
        key=b64url(found.hpke.key),
        certificate=None if found.certificate is None else b64url(found.certificate),
    )


@router.post("/people/names", operation_id="name_people")
def name_people(node: NodeDep, caller: CallerDep, request: NamesIn) -> NamesOut:
    """Service numbers and roles of people whom the caller names, as they saw them in a record or
    know them.
    """
    return NamesOut(
        people=[
            NamedOut(
                asked=one.asked,
                reference=one.person.shown_at(node.agency),
                agency=one.person.agency,
                number=one.number,
                roles=list(one.roles),
                active=one.active,
            )
            for one in colleagues.named(node, caller, request.people)
        ]
    )


@router.post("/people/approvals", operation_id="approve_person")
def approve_person(node: NodeDep, caller: CallerDep, request: ApprovalIn) -> ApprovalOut:
    """Issue the certificate of somebody whose fingerprint was compared."""
    return _named(node, admission.approve(node, request.reference, approver=caller.id))


@router.post("/people/suspensions", operation_id="suspend_person")
def suspend_person(node: NodeDep, caller: CallerDep, request: SuspensionIn) -> SuspensionOut:
    """Suspend a person at once, and revoke their certificate."""
    return _changed(
        membership.suspend(
            node,
            read_reference(request.person, home=node.agency),
            by=caller.id,
            since=request.since,
        )
    )


@router.post("/people/reinstatements", operation_id="reinstate_person")
def reinstate_person(node: NodeDep, caller: CallerDep, request: ReinstatementIn) -> ReinstatedOut:
    """Lift a suspension: the same keys and roles under a new certificate."""
    who = read_reference(request.person, home=node.agency)
    return ReinstatedOut(custodyKey=reinstatement.reinstate(node, who, by=caller.id))


@router.post("/people/invitations/revocations", operation_id="revoke_invitation", status_code=204)
def revoke_invitation(node: NodeDep, caller: CallerDep, request: ApprovalIn) -> None:
    """Take back an invitation that nobody was approved for yet."""
    reinstatement.revoke_invitation(node, request.reference, by=caller.id)


@router.post("/people/renewals", operation_id="renew_person")
def renew_person(node: NodeDep, caller: CallerDep, request: RenewalIn) -> SuspensionOut:
    """Issue a person a new certificate, with other roles where some are given; the old one counts
    no longer.
    """
    who = read_reference(request.person, home=node.agency)
    return _changed(membership.renew(node, who, roles=request.roles or None, by=caller.id))


def _changed(done: Changed) -> SuspensionOut:
    return SuspensionOut(
        revoked=format_time(done.revoked),
        keepsCustodyKey=done.keeps_custody,
        custodyKey=done.custody,
        alsoActive=[other.pseudonym for other in done.others],
        certifiedSince=[person.pseudonym for person in done.let_in],
    )


def _named(node: Node, who: PersonId) -> ApprovalOut:
    return ApprovalOut(
        agency=who.agency, pseudonym=who.pseudonym, reference=who.shown_at(node.agency)
    )


@router.post("/enrolments/certificate", operation_id="own_certificate")
def own_certificate(node: NodeDep, request: ProofIn) -> OutcomeOut:
    """The certificate that belongs to a key now, for whoever proves that they hold it."""
    der = membership.certificate_for(node, from_b64url(request.request, what="proof"))
    return OutcomeOut(state="approved", certificate=b64url(der))


@router.post("/people/links", operation_id="link_person", status_code=204)
def link_person(node: NodeDep, caller: CallerDep, request: LinkIn) -> None:
    """Say which account at the agency's identity provider is somebody's."""
    membership.link(
        node, read_reference(request.person, home=node.agency), request.subject, by=caller.id
    )


@router.post("/people/guests", operation_id="admit_guest")
def admit_guest(node: NodeDep, caller: CallerDep, request: CardIn) -> ApprovalOut:
    """Let a person of another agency in, to work on items that are given to them."""
    der, proof = (
        from_b64url(request.certificate, what="certificate"),
        from_b64url(request.request, what="card"),
    )
    return _named(node, membership.admit(node, der, proof, by=caller.id))


@router.get("/sessions", operation_id="list_sessions")
def list_sessions(node: NodeDep, caller: CallerDep) -> SessionsOut:
    """Sessions that go on: one's own, and for an administrator everybody's."""
    rows = sessions.listed(node, _whose(caller))
    found = [
        SessionOut(
            id=row.id,
            agency=row.agency,
            pseudonym=row.person.pseudonym if row.person is not None else None,
            since=format_time(row.since),
            until=format_time(row.until),
        )
        for row in rows
    ]
    return SessionsOut(sessions=found)


@router.delete("/sessions/{session}", operation_id="end_session", status_code=204)
def end_session(
    node: NodeDep, caller: CallerDep, session: Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
) -> None:
    """End a session: one's own, or for an administrator anybody's."""
    sessions.end(node, session, person=_whose(caller))


def _whose(caller: Caller) -> PersonId | None:
    return None if "administrator" in caller.roles else caller.id


@router.get("/alarms", operation_id="list_alarms")
def list_alarms(
    node: NodeDep, caller: CallerDep, after: Annotated[int, Query(ge=0, lt=1 << 63)] = 0
) -> AlarmsOut:
    """Alarms raised after a time (seconds since 1970), oldest first; at most 500."""
    with node.records.read() as unit:
        rows = unit.releases.alarms(after=after, limit=500)
    alarms = [
        AlarmOut(
            id=row.id,
            kind=row.kind,
            agency=row.person.agency,
            pseudonym=row.person.pseudonym,
            count=row.count,
            time=format_time(row.time),
            seconds=bulk_access_alarm.HOUR,
        )
        for row in rows
    ]
    return AlarmsOut(alarms=alarms)


@router.get("/people/{person}/card", operation_id="custodian_card")
def custodian_card(
    node: NodeDep, caller: CallerDep, person: Annotated[Reference, Path()]
) -> CardIn:
    """Certificate and signed keys of a custodian: whoever seals the custody key to them checks
    both.
    """
    der, proof = custody_keys.card_of(node, person)
    return CardIn(certificate=b64url(der), request=b64url(proof))


@router.post("/custody-key", operation_id="give_custody_key", status_code=204)
def give_custody_key(node: NodeDep, caller: CallerDep, request: SealedKeyIn) -> None:
    """Leave the custody key for a custodian, sealed to them by one who holds it."""
    custody_keys.keep(node, from_b64url(request.sealed, what="sealed custody key"), by=caller.id)


@router.get("/custody-key", operation_id="own_custody_key")
def own_custody_key(node: NodeDep, caller: CallerDep) -> SealedKeyOut:
    """The custody key that waits for the caller, sealed to them."""
    sealed = custody_keys.waiting_for(node, caller.id)
    return SealedKeyOut(sealed=None if sealed is None else b64url(sealed))


@router.put("/custody-key", operation_id="hold_custody_key", status_code=204)
def hold_custody_key(node: NodeDep, caller: CallerDep, request: HeldKeyIn) -> None:
    """Say that the caller holds the custody key now: what waited for them is forgotten."""
    custody_keys.confirm(node, caller.id, bytes.fromhex(request.custody))
