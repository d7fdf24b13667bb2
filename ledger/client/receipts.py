"""What a node answers for statements that were sent to it: for each one a receipt of its log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger.domain.codecs.text import counted, from_b64url
from ledger.domain.errors import VerificationError
from ledger.domain.event.signing import Person
from ledger.domain.log import receipt as receipts
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Statement
from ledger.domain.ports.answers import Recorded, Registered
from ledger.domain.verify.signed_events import DISTRUST


def require(
    person: Person, submissions: Sequence[dict[str, Any]], answers: Sequence[Recorded]
) -> None:
    """Check that every statement that was sent is answered for, with a receipt that the log of the
    person's node signed for it. What waits without network has none yet.

    Raises:
        VerificationError: a statement without its receipt; it may be in the log or not.
        FormatError: a receipt that is none.
    """
    if len(answers) != len(submissions):
        raise VerificationError(
            5,
            f"the node answers for {counted(len(answers), 'statement')}, sent were "
            f"{len(submissions)}",
        )
    for submission, answer in zip(submissions, answers, strict=True):
        if isinstance(answer, Registered):
            _require_one(person, submission, answer)


def _require_one(person: Person, submission: dict[str, Any], answer: Registered) -> None:
    sent = statements.parse(from_b64url(submission["statement"], what="statement"))
    if answer.statement != sent.digest.hex():
        raise VerificationError(
            5, f"sent was statement {sent.digest.hex()}, and the node answers of {answer.statement}"
        )
    receipt = receipts.parse(from_b64url(answer.receipt, what="receipt"))
    named, meant = (answer.evidence, answer.index), (sent.claims.subject, receipt.index)
    if named != meant:
        raise VerificationError(
            5,
            f"the node answers of {named[0]}, entry {named[1]}; its receipt is for {meant[0]}, "
            f"entry {meant[1]}",
            hint=DISTRUST,
        )
    require_receipt(person, sent, answer.receipt)


def require_receipt(person: Person, statement: Statement, receipt: str) -> None:
    """Check a receipt in base64url: the log of the person's node signed it for a statement.

    Raises:
        VerificationError: it did not. FormatError: it is no receipt.
    """
    receipts.verify(
        receipts.parse(from_b64url(receipt, what="receipt")),
        leaf=statement.digest,
        log_id=person.log_id,
        subject=statement.claims.subject,
        key=person.descriptor.log_key,
    )
