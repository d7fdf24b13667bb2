"""Whether an event could follow, asked before anything is signed for it.

Whoever offers, shares, discloses or disposes of an item reads its record first, under an access
that they sign. Where the event itself would be refused afterwards, that access would stand in the
log for nothing. Nothing is written here, and nothing is answered that registration would not
answer as well.

Other events are not rehearsed: whoever asked without end would learn from what may follow which
seals and holds are on an item, and no event would tell that they did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ledger.domain.errors import DeniedError, UsageError
from ledger.domain.event import document as documents
from ledger.domain.event.types import TYPES
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.certificate import Certificate
from ledger.domain.item.participation import require_part
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Claims
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node
from ledger.services.registration import sequencing
from ledger.services.registration.exhibit_numbers import Numbers
from ledger.services.registration.item_histories import Histories
from ledger.services.registration.item_rules import Ahead, Review
from ledger.services.registration.statement_checks import ValidatedSubmission, require_recordable

#: Events that are signed after a reading, and by which people ask whether they could follow.
REHEARSED: Final = frozenset(
    {"transfer-offered", "disclosed", "corrected", "disposed", "approved", "refused"}
)


def rehearse(
    node: Node, caller: Caller, evidence: str, document: bytes, disclosures: Sequence[str]
) -> None:
    """Judge a document that its author has not signed yet as the item's next event, but for the
    keys that would travel with it and for what a disposal says of approvals.

    Raises:
        NotFoundError: the caller has no part in the item, or it does not exist.
        UsageError: events of this type are not rehearsed.
        FormatError, VerificationError, RuleError, DeniedError: why the event may not follow.
    """
    with node.records.read() as unit:
        item = authorization.require_visible(node, unit, caller, evidence)
        event = documents.parse(document, disclosures)
        documents.require_complete(event)
        if event.type not in REHEARSED:
            raise UsageError(
                f"{event.type!r} is not asked about beforehand", hint="sign and register it"
            )
        certificate = _certificate(unit, caller)
        require_recordable(node, event, certificate)
        parts = authorization.parts_of(node, unit, caller, evidence, item)
        require_part(event.type, parts, held=caller.roles, role=event.value["actor"]["role"])
        state = item.state
        claims = Claims(
            certificate.agency,
            evidence,
            node.log_id,
            max(node.clock.now(), state.time),
            state.seq + 1,
            state.head,
            TYPES[event.type].effect,
            to=event.body["to"]["agency"] if event.type == "transfer-offered" else None,
        )
        draft = statements.draft(claims, event.digest, certificate.digest)
        submission = ValidatedSubmission(draft, certificate, event, (), None)
        sequencing.item_after(node, submission, item)
        judge = Review(node, unit, {evidence: item}, Ahead(Histories(node)), rehearsed=True)
        judge.require_allowed(submission, item, caller)
        Numbers(node, unit, refuse=True).require_free(event, caller, item, judge.life)


def _certificate(unit: UnitOfWork, caller: Caller) -> Certificate:
    """The certificate of the session, under which the caller would sign."""
    der = unit.people.certificate(caller.certificate)
    if der is None:
        raise DeniedError(
            "your certificate is not on record here",
            hint="an administrator renews it: `custody person renew WHO`",
        )
    return certificates.parse(der)
