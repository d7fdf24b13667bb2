"""An event held against what was signed: its document, its signer, and the event that it follows.

For a bundle see procedure; for a record that a node shows to its people, which they would otherwise
have to believe, see `check_record`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.domain.codecs.digests import same
from ledger.domain.codecs.text import quoted
from ledger.domain.errors import DeniedError, RuleError, VerificationError
from ledger.domain.event import claimed_times, signers
from ledger.domain.event import document as documents
from ledger.domain.event.document import Event
from ledger.domain.identity.certificate import Certificate
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Statement

#: What to do about a node that shows something else than was signed, or a part of it.
DISTRUST: Final = "do not rely on this node: tell an auditor, and verify a bundle of the item"


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event with its statement and its signer's certificate; ``event`` is None where its
    document was destroyed.
    """

    statement: Statement
    certificate: Certificate
    event: Event | None


def check_document(name: str, statement: Statement, event: Event) -> None:
    """Check that a document is the one that was signed (verification step 2).

    Raises:
        VerificationError: it hashes to something else, says something else than the statement, or
            tells of something later than its signature.
    """
    if not same(event.digest, statement.payload):
        raise VerificationError(
            2,
            f"{name}: the document hashes to {event.digest.hex()}, signed was "
            f"{statement.payload.hex()}",
        )
    documents.check_claims(event, statement.claims)
    # Of a type that is not known, nobody knows which members are times.
    told = event.value if event.known else {**event.value, "body": {}}
    if (wrong := claimed_times.contradiction(told)) is not None:
        raise VerificationError(2, f"{name}: {wrong}")


def check_signer(
    name: str,
    statement: Statement,
    event: Event | None,
    certificate: Certificate,
    *,
    log_agency: str | None = None,
) -> None:
    """Check a signature, that the actor is the certificate's subject, and that they may record the
    event (verification step 3).

    Args:
        log_agency: of the log that took it; without it nobody is judged as a guest.

    Raises:
        VerificationError: what differs.
    """
    statements.verify_signature(statement, certificate.key)
    if certificate.agency != statement.claims.issuer:
        raise VerificationError(
            3, f"{name}: signed by {certificate.agency}, claims {statement.claims.issuer}"
        )
    actor = None if event is None else event.value["actor"]
    if actor is not None and (actor["id"], actor["kind"]) != (
        certificate.pseudonym,
        certificate.kind,
    ):
        raise VerificationError(3, f"{name}: the actor is not the certificate's subject")
    guest = log_agency not in (None, certificate.agency)
    try:
        if event is not None and event.known:
            role = event.value["actor"]["role"]
            signers.require_role(event.type, role, certificate.roles, guest=guest, recorded=True)
            return
        if actor is not None and actor["role"] not in certificate.roles:
            raise RuleError(f"the certificate does not hold the role {quoted(actor['role'])}")
        signers.require_effect(statement.claims.effect, certificate.roles, guest=guest)
    except (RuleError, DeniedError) as error:
        raise VerificationError(3, f"{name}: {error.message}") from error


def check_record(
    shown: Sequence[ShownEvent], evidence: str, *, through: bytes | None = None
) -> None:
    """Check that events are those of one item from its beginning, each as it was signed and behind
    the one that is shown before it. A branch beside them may have been signed too, by somebody who
    was told another head: nothing is decided by it.

    Args:
        through: digest of a statement that the reader signed, and to which the events must lead:
            with it the reader signed all that came before.

    Raises:
        VerificationError: what differs.
    """
    before, digests = None, set[bytes]()
    for number, one in enumerate(shown):
        claims = one.statement.claims
        if claims.subject != evidence:
            raise VerificationError(2, f"event {claims.seq} is about another item")
        if (claims.seq, claims.prev) != (number, before):
            raise VerificationError(
                2, f"event {claims.seq} does not follow the event that is shown before it"
            )
        check_shown(one)
        before = one.statement.digest
        digests.add(before)
    if through is not None and through not in digests:
        raise VerificationError(
            2, f"the record that is shown does not lead to the event {through.hex()}"
        )


def check_shown(one: ShownEvent) -> None:
    """Check one event by itself: its document and its signer.

    Raises:
        VerificationError: what differs.
    """
    name = f"event {one.statement.claims.seq}"
    if one.event is not None:
        check_document(name, one.statement, one.event)
    if one.certificate.digest != one.statement.certificate:
        raise VerificationError(3, f"{name}: the certificate is another one than it names")
    check_signer(name, one.statement, one.event, one.certificate)
