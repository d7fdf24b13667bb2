"""Steps 4 to 6: log keys, receipts, and checkpoints against the contract."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.domain.bundle.bundle import BundledStatement
from ledger.domain.codecs.digests import same
from ledger.domain.codecs.text import counted
from ledger.domain.errors import (
    IncompleteError,
    VerificationError,
)
from ledger.domain.log import receipt as receipts
from ledger.domain.log.receipt import Receipt
from ledger.domain.log.statement import Statement
from ledger.domain.verify.context import AGAIN, VerificationContext
from ledger.domain.verify.report import VerificationReport


def check_log_keys(case: VerificationContext) -> str:
    """Step 4: the log key of every checkpoint comes from the descriptor version that the checkpoint
    names.
    """
    if not case.bundle.checkpoints:
        raise IncompleteError(4, "no event is anchored yet: no log key was judged", hint=AGAIN)
    for checkpoint in case.bundle.checkpoints:
        case.directory.version(case.bundle.logs[checkpoint.log].agency, checkpoint.version)
    return ", ".join(sorted({log.agency for log in case.bundle.logs}))


def check_receipts(case: VerificationContext) -> str:
    """Step 5: each receipt, at exactly the root and size of a checkpoint of its log."""
    missing = 0
    for number, (bundled, statement, given) in enumerate(_rows(case)):
        log = case.logs[bundled.log]
        if statement.claims.log_id != log:
            raise VerificationError(5, f"event {number} was signed for another log")
        if given is None or bundled.first is None:
            missing += 1
            continue
        _check_receipt(case, number, statement, bundled, given, log)
    if missing:
        raise IncompleteError(5, f"{counted(missing, 'event')} not anchored yet", hint=AGAIN)
    return counted(len(case.statements), "receipt")


def _rows(
    case: VerificationContext,
) -> Iterator[tuple[BundledStatement, Statement, Receipt | None]]:
    """The events of the branch, then what stands beside it, which is proven or is nothing."""
    yield from zip(case.bundle.statements, case.statements, case.receipts, strict=True)
    yield from ((one.bundled, one.statement, one.receipt) for one in case.beside)


def _check_receipt(
    case: VerificationContext,
    number: int,
    statement: Statement,
    bundled: BundledStatement,
    parsed: Receipt,
    log: bytes,
) -> None:
    if parsed.index != bundled.index:
        raise VerificationError(
            5, f"event {number}: the receipt is for entry {parsed.index}, not {bundled.index}"
        )
    same_log = [
        checkpoint for checkpoint in case.bundle.checkpoints if checkpoint.log == bundled.log
    ]
    judged = next((known for known in same_log if known.size == parsed.size), None)
    if judged is None:
        raise VerificationError(
            5,
            (
                f"event {number}: the receipt is at size {parsed.size}, which no checkpoint in the "
                "bundle has"
            ),
        )
    key = case.directory.version(case.bundle.logs[judged.log].agency, judged.version).log_key
    root = receipts.verify(
        parsed, leaf=statement.digest, log_id=log, subject=statement.claims.subject, key=key
    )
    if not same(root, judged.root):
        raise VerificationError(
            5, f"event {number}: the receipt leads to another root than the checkpoint's"
        )


def check_checkpoints(case: VerificationContext, report: VerificationReport) -> str:
    """Step 6, second part: every checkpoint is signed and anchored; the first one that covers each
    leaf gives its time.
    """
    if not case.bundle.checkpoints:
        raise IncompleteError(6, "the bundle holds no checkpoint", hint=AGAIN)
    for checkpoint in case.bundle.checkpoints:
        log = case.logs[checkpoint.log]
        case.state.check_checkpoint(log, checkpoint)
        note = receipts.parse_checkpoint(checkpoint.note)
        if (note.log_id, note.size, note.root) != (log, checkpoint.size, checkpoint.root):
            raise VerificationError(
                6,
                f"the signed checkpoint of {counted(checkpoint.size, 'entry')} says something else",
            )
        if note.map_root != checkpoint.map_root:
            # No failure: a thief of the anchoring account can anchor the public root with a map of
            # nobody's, and what the log proves stands without any map.
            report.findings.append(
                f"the signed checkpoint of {counted(checkpoint.size, 'entry')} names another item "
                "map than the anchored one: it proves nothing about what is missing"
            )
        descriptor = case.directory.version(
            case.bundle.logs[checkpoint.log].agency, checkpoint.version
        )
        receipts.verify_checkpoint(note, descriptor.log_key)
    proven: list[int | None] = []
    used = set()
    for number, (bundled, _, given) in enumerate(_rows(case)):
        if bundled.first is None or given is None:
            proven.append(None)
            continue
        first = case.bundle.checkpoints[bundled.first]
        if first.log != bundled.log or not first.prev <= bundled.index < first.size:
            raise VerificationError(
                6, f"event {number}: its checkpoint does not cover entry {bundled.index} first"
            )
        used |= {(first.log, first.size), (bundled.log, given.size)}
        proven.append(first.time)
    used |= _stamped(case) | _listed(case)
    covering = {(known.log, known.size) for known in case.bundle.checkpoints}
    if covering != used and not case.is_part:
        raise VerificationError(6, "the bundle holds a checkpoint that covers nothing in it")
    case.proven = proven[: len(case.statements)]
    return f"{counted(len(case.bundle.checkpoints), 'checkpoint')}, block {case.state.number}"


def _listed(case: VerificationContext) -> set[tuple[int, int]]:
    """Checkpoints, as (log, size), of lists of entries: the ones at which the receipts of their
    logs are.
    """
    listed = {
        checkpoint.log: checkpoint.size
        for checkpoint in (case.bundle.checkpoints[row.checkpoint] for row in case.bundle.lists)
    }
    for number, (bundled, _, given) in enumerate(_rows(case)):
        if given is not None and given.size != listed.get(bundled.log, given.size):
            raise VerificationError(
                6,
                f"event {number}: its receipt and the list of its log are at two checkpoints",
            )
    return set(listed.items())


def _stamped(case: VerificationContext) -> set[tuple[int, int]]:
    """Checkpoints, as (log, size), that a time stamp is over and that cover an event: they say
    what others know of its time.
    """
    stamped = [
        case.bundle.checkpoints[row.checkpoint]
        for row in case.bundle.timestamps
        if row.checkpoint is not None
    ]
    return {
        (checkpoint.log, checkpoint.size)
        for checkpoint in stamped
        if any(
            row.log == checkpoint.log and row.index < checkpoint.size
            for row in case.bundle.statements
        )
    }
