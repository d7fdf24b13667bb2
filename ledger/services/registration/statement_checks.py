"""What can be judged of a submitted statement without the state of its item (DESIGN section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.domain.blocks import dag
from ledger.domain.codecs.text import format_time, subject_bytes
from ledger.domain.crypto import content_encryption, grants
from ledger.domain.crypto.grants import Grant
from ledger.domain.errors import DeniedError, FormatError, RuleError, VerificationError
from ledger.domain.event import claimed_times, signers
from ledger.domain.event import document as documents
from ledger.domain.event.document import Event
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.identity.person import PersonId
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Statement
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.partners.directory import CertificateVerifier
from ledger.services.storage import placement

_MAX_GRANTS: Final = 64
#: Types besides the opening ones with which keys may be handed on: each release of a key has its
#: signed event.
RELEASES: Final = frozenset({"transfer-offered", "transfer-accepted", "disclosed"})


@dataclass(frozen=True, slots=True)
class Submission:
    """What a client sends: the statement with its certificate, the document with all disclosures,
    and grants.
    """

    statement: bytes
    document: bytes
    disclosures: tuple[str, ...] = ()
    grants: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class ValidatedSubmission:
    """A submission in its parts; ``content`` only where the event opens an item that has some.

    ``repeats``: a person's own statement that stands in the log already, under a certificate that
    they had: nothing is appended for it.
    """

    statement: Statement
    certificate: Certificate
    event: Event
    grants: tuple[Grant, ...]
    content: content_encryption.Content | None
    repeats: bool = False


def require_enrolled(unit: UnitOfWork, caller: PersonId) -> bytes:
    """Check that a logged-in person is still one; the digest of the certificate that they have now.

    Raises:
        DeniedError: otherwise.
    """
    person = unit.people.get(caller)
    if person is None or not person.active:
        raise DeniedError("this person is not, or no longer, enrolled here")
    return person.certificate


def same(unit: UnitOfWork, statement: Statement) -> EntryRow | None:
    """The row of the same document of the same signer; a document names its item, its place, its
    actor and a salt.
    """
    claims = statement.claims
    return next(
        (
            row
            for row in unit.logs.events_at(claims.subject, claims.seq)
            if row.payload == statement.payload
        ),
        None,
    )


def _repeats(unit: UnitOfWork, statement: Statement, caller: PersonId | None) -> bool:
    """Whether a person sends what stands in the log under a certificate that they had: it was
    accepted then.
    """
    person = unit.people.get(caller) if caller is not None else None
    if person is None or person.certificate == statement.certificate:
        return False
    row = same(unit, statement)
    return row is not None and row.certificate == statement.certificate


def check(
    node: Node,
    unit: UnitOfWork,
    certifiers: CertificateVerifier,
    submission: Submission,
    caller: PersonId | None,
) -> ValidatedSubmission:
    """Everything that can be judged without the item's state. A repeat need not be acceptable once
    more: only to be its caller's own.

    Args:
        certifiers: of the transaction in which the whole batch is checked.
        caller: the logged-in person, who must be the actor; None for a node's own service
            certificate.

    Raises:
        FormatError, VerificationError, RuleError, DeniedError: the first that is wrong.
    """
    statement, certificate = _signed(node, submission, caller)
    claims, now = statement.claims, node.clock.now()
    repeats = _repeats(unit, statement, caller)
    if not repeats:
        _require_usable(certifiers, certificate, now)
    if claims.time > now + claimed_times.AHEAD:
        told = (
            f"the statement is dated {format_time(claims.time)}, and the node's clock says "
            f"{format_time(now)}"
        )
        raise RuleError(told, hint="one of the two clocks is wrong: set it, in UTC, then sign anew")
    event = _document(node, submission, statement, certificate)
    given = tuple(grants.parse(data) for data in submission.grants)
    if len(given) > _MAX_GRANTS or any(
        grant.evidence != subject_bytes(claims.subject) for grant in given
    ):
        raise FormatError("grants: too many, or for another item")
    content = None
    if "content" in event.body:
        content = content_encryption.parse_content(event.body["content"], event.body["size"])
        if not repeats:
            dag.require_stored(node.blocks, content)
    if repeats:
        return ValidatedSubmission(statement, certificate, event, given, content, repeats=True)
    if claims.effect == "open":
        _check_opening(node, certifiers.own, given, content)
    elif given and event.type not in RELEASES:
        raise FormatError(
            "keys are handed on with an opening, an offer, an acceptance or a disclosure only"
        )
    return ValidatedSubmission(statement, certificate, event, given, content)


def _signed(
    node: Node, submission: Submission, caller: PersonId | None
) -> tuple[Statement, Certificate]:
    """The statement, made for this log, and the certificate of the caller, who signed it."""
    statement = statements.parse(submission.statement)
    claims = statement.claims
    if claims.log_id != node.log_id:
        raise RuleError("the statement is addressed to another log")
    if len(statement.chain) != 1:
        raise FormatError("statement: the certificate is missing from x5chain")
    certificate = certificates.parse(statement.chain[0])
    if certificate.digest != statement.certificate:
        raise VerificationError(3, "the certificate sent is not the one that the statement names")
    statements.verify_signature(statement, certificate.key)
    if certificate.agency != claims.issuer:
        raise DeniedError("the statement claims another agency than its certificate")
    if caller != (certificate.subject if certificate.kind == "person" else None):
        raise DeniedError("a person registers their own statements only")
    return statement, certificate


def _document(
    node: Node, submission: Submission, statement: Statement, certificate: Certificate
) -> Event:
    """The document that was signed, by its actor, in a role that may record it here."""
    event = documents.parse(submission.document, submission.disclosures)
    documents.require_complete(event)
    if event.digest != statement.payload:
        raise VerificationError(2, "the document is not the one that was signed")
    documents.check_claims(event, statement.claims)
    require_recordable(node, event, certificate)
    return event


def require_recordable(node: Node, event: Event, certificate: Certificate) -> None:
    """Check that a document is its signer's own, in a role that may record it here.

    Raises:
        RuleError: it tells of a time that cannot be, or leaves a copy for others than it names.
            VerificationError: it names another actor.
        DeniedError: none of the signer's roles may record it, or no guest may.
    """
    if (wrong := claimed_times.contradiction(event.value)) is not None:
        raise RuleError(wrong, hint=claimed_times.HINT)
    actor = event.value["actor"]
    if (PersonId(actor["agency"], actor["id"]), actor["kind"]) != (
        certificate.subject,
        certificate.kind,
    ):
        raise VerificationError(3, "the actor is not the certificate's subject")
    guest = certificate.agency != node.agency
    signers.require_role(event.type, actor["role"], certificate.roles, guest=guest)
    if event.type == "disclosed":
        _require_fetched_by_all(node, event)


def _require_fetched_by_all(node: Node, event: Event) -> None:
    """A copy for another agency is fetched by its node, for any of its custodians: a disclosure
    that names one person there would give the others what it does not say.

    Raises:
        RuleError: it names one.
    """
    to = event.body.get("to", {})
    abroad = to.get("agency", node.agency) != node.agency
    if abroad and "person" in to and event.body["mode"] in placement.COPIES:
        raise RuleError(
            f"a copy goes to {to['agency']} as a whole, and this one names a person there",
            hint=(
                "leave the person out: `custody disclose ID --kind agency --to AGENCY`; or let "
                "them in as a guest: `custody share ID --with WHO@AGENCY --basis WHY`"
            ),
        )


def _require_usable(certifiers: CertificateVerifier, certificate: Certificate, now: int) -> None:
    """Check that a certificate may be used now, and is good still when this log anchors what is
    signed: by our own delay, also where another agency certified the signer.
    """
    certifiers.verify_current(certificate)
    latest = now + certifiers.own.max_anchoring_delay
    if certificate.not_after < latest:
        raise RuleError(
            f"the certificate ends at {format_time(certificate.not_after)}, and what is signed now "
            f"may be anchored as late as {format_time(latest)}",
            hint="an administrator of the agency that issued it renews it: "
            "`custody person renew WHO`",
        )


def _check_opening(
    node: Node,
    descriptor: Descriptor,
    given: tuple[Grant, ...],
    content: content_encryption.Content | None,
) -> None:
    """The node must be able to read the record, and the custodians to recover the content."""
    if own_record_grant(node, given) is None:
        raise RuleError("the record key is not granted to the node")
    if content is None:
        return
    good = [
        grant for grant in given if grant.scope == "content" and grant.binding == content.commitment
    ]
    if not any(grant.recipient == descriptor.custody.digest for grant in good):
        raise RuleError("the content key is not granted to the agency's custodians")


def own_record_grant(node: Node, given: tuple[Grant, ...]) -> Grant | None:
    """The record key as granted to this node, among grants."""
    return next(
        (
            grant
            for grant in given
            if grant.scope == "record" and grant.recipient in node.keys.recipients
        ),
        None,
    )
