"""Verification of a bundle, step by step; the numbers are those of DESIGN section 13.

1 parse - 2 documents - 3 signatures and certificates - 4 descriptors - 5 receipts - 6 checkpoints -
7 finality - 8 custody - 9 content - 10 time. The parts of step 3 that need the proven time run
after step 6, and receipts are judged against checkpoints that were judged before, so that the step
named is the one at fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle import trust
from ledger.domain.bundle.bundle import Bundle
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.chain import finality
from ledger.domain.chain.evm import parse_header
from ledger.domain.codecs import strict_json
from ledger.domain.codecs.text import counted, format_time, parse_time, quoted
from ledger.domain.errors import (
    ForeignError,
    FormatError,
    IncompleteError,
    RuleError,
    VerificationError,
)
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.identity.names import agency_urn
from ledger.domain.verify import (
    completeness,
    content,
    custody_chain,
    other_times,
    record_rules,
    shown_branch,
    signed_events,
)
from ledger.domain.verify.content import FileDigest
from ledger.domain.verify.context import AGAIN, VerificationContext, check_weight, parse
from ledger.domain.verify.log_proofs import check_checkpoints, check_log_keys, check_receipts
from ledger.domain.verify.report import Status, VerificationReport
from ledger.domain.verify.state import ContractState

__all__ = ["Confirm", "FileDigest", "verify", "verify_bundle"]
#: Asks a chain for the hash of its final block at a number, given the hash that a bundle claims.
Confirm = Callable[[int, bytes], set[bytes]]
_SHOWN: Final = 200  # characters of a corrected value in a finding


def verify(
    data: bytes,
    root: TrustRoot,
    *,
    file: FileDigest | None = None,
    confirm: Confirm | None = None,
    state: ContractState | None = None,
) -> VerificationReport:
    """Verify the bytes of a bundle against a trust root; the arguments are those of verify_bundle.

    Returns:
        a report; nothing is raised for evidence that fails, nor for bytes that are no bundle.
    """
    try:
        bundle = bundles.parse(data)
    except (FormatError, VerificationError) as error:
        report = VerificationReport()
        _fail(report, 1, error)
        return report
    return verify_bundle(bundle, root, size=len(data), file=file, confirm=confirm, state=state)


def verify_bundle(
    bundle: Bundle,
    root: TrustRoot,
    *,
    size: int | None = None,
    file: FileDigest | None = None,
    confirm: Confirm | None = None,
    state: ContractState | None = None,
    until: int | None = None,
    as_of: int | None = None,
    is_excerpt: bool = False,
) -> VerificationReport:
    """Verify a parsed bundle against a trust root.

    Args:
        size: of the bundle in bytes, where it came as a file.
        until: number of the last event to be judged, all of them otherwise: what came later, by
            whomever, spoils nothing of what stands before it.
        as_of: time to which nothing may be missing. is_excerpt: nothing is asked of what agencies'
            logs hold beyond what is shown.
        file: size and digests of the file to compare, measured by the caller; never the file
            itself.
        confirm: asks a chain of the verifier's choice for the final block hash at a number; may
            raise NetworkError.
        state: for a node that verifies by its own chain what comes without proofs; stands for
            proofs and their finality (step 7).

    Returns:
        a report; nothing is raised for evidence that fails.
    """
    report = VerificationReport()
    size = size if size is not None else len(bundle.encode())
    count = shown_branch.events_of(bundle) if until is not None else 0
    is_part = until is not None and until + 1 < count
    if until is not None and is_part:
        bundle = replace(bundle, statements=bundle.statements[: until + 1])
    try:
        check_weight(bundle, size)
        case = parse(bundle, root, state)
    except (FormatError, VerificationError) as error:
        _fail(report, 1, error)
        return report
    report.steps[1].status = Status.PASSED
    case.as_of, case.is_excerpt = as_of, is_excerpt
    if is_part:
        case.is_part = True
        left = counted(count - len(case.statements), "later event")
        report.findings.append(f"judged up to event {until}; {left} not judged")
    report.facts |= {
        "evidence": case.bundle.evidence,
        "origin": case.bundle.origin,
        "events": len(case.statements),
        "judgedUntil": until if case.is_part else None,
    }
    for number, check in _steps(case, report, file, confirm):
        if not _take(report, number, check):
            break
    if file is None and report.steps[9].status is Status.PASSED:
        report.steps[9].status = Status.NOT_ASKED
    if report.steps[7].status is not Status.PASSED and "completeAsOf" in report.facts:
        # A block of somebody's own making dates nothing.
        report.facts |= {"completeAsOf": None, "completeBy": []}
    report.events = _timeline(case)
    return report


def _steps(
    case: VerificationContext,
    report: VerificationReport,
    file: FileDigest | None,
    confirm: Confirm | None,
) -> tuple[tuple[int, Callable[[], str]], ...]:
    """The steps behind the first, in the order in which they are taken."""
    return (
        (2, lambda: _check_documents(case, report)),
        (3, lambda: _check_signatures(case, report)),
        (6, lambda: _check_state(case)),
        (4, lambda: check_log_keys(case)),
        (6, lambda: check_checkpoints(case, report)),
        (5, lambda: check_receipts(case)),
        (3, lambda: _check_certificates(case, report)),
        (8, lambda: _check_custody(case, report)),
        (8, lambda: _check_rules(case, report)),
        (8, lambda: completeness.check(case, report)),
        (6, lambda: _check_nothing_spare(case, report)),
        (7, lambda: _check_finality(case, confirm)),
        (9, lambda: content.check(case.events[0], file)),
        (10, lambda: _check_time(case, report)),
    )


def _take(report: VerificationReport, number: int, check: Callable[[], str]) -> bool:
    """Take a step, or a part of one, and write down how it went; whether the others are taken."""
    step = report.steps[number]
    try:
        detail = check()
    except IncompleteError as error:
        lacking = report.steps[error.step]
        lacking.status, lacking.detail = Status.NOT_CHECKED, error.message
        lacking.hint = error.hint or ""
        if step.status is Status.NOT_REACHED:
            step.status, step.detail = Status.NOT_CHECKED, error.message
        return True
    except (VerificationError, FormatError, RuleError) as error:
        _fail(report, number, error)
        return False
    if step.status is not Status.NOT_CHECKED:
        step.status, step.detail = Status.PASSED, detail or step.detail
    return True


def _fail(
    report: VerificationReport, number: int, error: FormatError | VerificationError | RuleError
) -> None:
    step = report.steps[error.step if isinstance(error, VerificationError) else number]
    step.status = Status.UNREADABLE if isinstance(error, ForeignError) else Status.FAILED
    step.detail, step.hint = error.message, error.hint or ""


def _check_documents(case: VerificationContext, report: VerificationReport) -> str:
    """Step 2: documents hash to payloads, agree with their claims, and link without a gap."""
    for number, (statement, event) in enumerate(zip(case.statements, case.events, strict=True)):
        if statement.claims.subject != case.bundle.evidence:
            raise VerificationError(2, f"event {number} is about another item")
        if event is None:
            report.withheld.append(f"event {number}: the whole document")
            continue
        signed_events.check_document(f"event {number}", statement, event)
        report.withheld += [f"event {number}: {path}" for path in event.withheld]
        if not event.known:
            report.findings.append(f"event {number} has the unknown type {quoted(event.type)}")
    shown_branch.check_links(case.bundle, case.statements, case.beside)
    _tell_corrections(case, report)
    return counted(len(case.statements), "event")


def _tell_corrections(case: VerificationContext, report: VerificationReport) -> None:
    """What later events say of earlier ones: a file is compared with what was recorded first, and
    whoever reads the verdict is to know where that was called wrong.
    """
    numbers = {statement.digest.hex(): at for at, statement in enumerate(case.statements)}
    for number, event in enumerate(case.events):
        if event is None or event.type != "corrected":
            continue
        target = numbers.get(str(event.body.get("target")))
        pointer = str(event.body.get("pointer", "a member that is withheld"))
        new = strict_json.dump(event.body["new"]).decode() if "new" in event.body else "withheld"
        of = "an event that is not here" if target is None else f"event {target}"
        told = new if len(new) <= _SHOWN else f"{new[:_SHOWN]}..."
        report.findings.append(f"event {number} corrects {of}: {pointer} is now {told}")
        report.corrections.append({"event": number, "target": target, "pointer": pointer})


def _check_signatures(case: VerificationContext, report: VerificationReport) -> str:
    """Step 3, first part: each statement's signature, the actor is the certificate's subject, and
    may record the event.
    """
    used = {one.certificate for one in case.statements}
    for number, (statement, event, bundled) in enumerate(
        zip(case.statements, case.events, case.bundle.statements, strict=True)
    ):
        certificate = case.certificates.get(statement.certificate)
        if certificate is None:
            raise VerificationError(
                3, f"event {number}: the certificate that it names is not in the bundle"
            )
        log_agency = case.bundle.logs[bundled.log].agency
        signed_events.check_signer(
            f"event {number}", statement, event, certificate, log_agency=log_agency
        )
    if set(case.certificates) != used and not case.is_part:
        raise VerificationError(3, "the bundle holds a certificate that signed nothing in it")
    if unknown := sum(event is None or not event.known for event in case.events):
        report.findings.append(
            f"type and role not checked: {counted(unknown, 'event')}, of which only the effect is "
            "known"
        )
    return ""


def _check_state(case: VerificationContext) -> str:
    """Step 6, first part: account proofs, code hashes, and storage proofs lead to the header's
    state root.
    """
    _ = case.state
    return ""


def _check_certificates(case: VerificationContext, report: VerificationReport) -> str:
    """Step 3, second part: each certificate chains to its agency's CA and was valid and not revoked
    at proven time.
    """
    undecided: IncompleteError | None = None
    for number, (statement, time) in enumerate(zip(case.statements, case.proven, strict=True)):
        if time is None:
            continue
        certificate = case.certificates[statement.certificate]
        descriptor = case.directory.in_force(certificate.agency, time)
        authority = certificates.verify_issued(certificate, descriptor.authorities, time)
        try:
            revocation_lists.verify_not_revoked(certificate, authority, case.bundle.crls, time)
        except IncompleteError as error:
            undecided = error
        if time - statement.claims.time > descriptor.max_anchoring_delay:
            report.findings.append(
                f"event {number} is late: anchored {time - statement.claims.time} s after it "
                "was signed"
            )
        if statement.claims.time > time + 300:
            report.findings.append(
                f"event {number} is dated {statement.claims.time - time} s after its own "
                "proof: a wrong clock"
            )
    if undecided is not None:
        raise undecided
    if waiting := sum(time is None for time in case.proven):
        raise IncompleteError(
            3,
            f"{counted(waiting, 'event')} without a proven time: whether the signer was certified "
            "then is open",
            hint=AGAIN,
        )
    return counted(len(case.certificates), "certificate")


def _check_custody(case: VerificationContext, report: VerificationReport) -> str:
    """Step 8: custody from hand to hand, as far as the contract's head."""
    return custody_chain.check(case, report)


def _check_rules(case: VerificationContext, report: VerificationReport) -> str:
    """Step 8, second part: what the documents forbid to follow."""
    return record_rules.check(case.bundle, case.statements, case.events, case.proven, report)


def _check_nothing_spare(case: VerificationContext, report: VerificationReport) -> str:
    """Step 6, last part: no proof without a purpose, where every check that could need one was
    made.
    """
    judged = all(step.status is not Status.NOT_CHECKED for step in report.steps.values())
    if judged and not case.is_part:
        case.state.require_all_used()
    return ""


def _check_finality(case: VerificationContext, confirm: Confirm | None) -> str:
    """Step 7: the header is canonical by the trust root's rule or the chain of the verifier's
    choice.
    """
    chain = case.bundle.chain
    if case.seen is not None:
        return f"block {case.seen.number}, as the verifier's own node has it"
    if chain is None:
        raise IncompleteError(7, "the bundle names no block", hint=AGAIN)
    root, headers = case.root, [parse_header(raw) for raw in (chain.header, *chain.descendants)]
    confirmed = (
        confirm(headers[0].number, finality.block_hash(chain.header, root.headers))
        if confirm is not None
        else None
    )
    try:
        reason = finality.judge(root.finality, root.headers, headers, confirmed)
    except IncompleteError as error:
        hint = f"{error.hint}; or name a chain of your choice with --rpc"
        raise IncompleteError(error.step, error.message, hint=hint) from error
    return f"block {headers[0].number}: {reason} ({trust.worth(root)})"


def _check_time(case: VerificationContext, report: VerificationReport) -> str:
    """Step 10: what the chain proves about time, and what others say of it."""
    first = case.proven[0]
    if first is None:
        raise IncompleteError(10, "the first event has no proven time yet", hint=AGAIN)
    report.facts["provenTime"] = format_time(first)
    opening = case.events[0]
    if opening is not None and "from" in opening.value.get("occurred", {}):
        delay = case.statements[0].claims.time - parse_time(
            opening.value["occurred"]["from"], what="occurred"
        )
        report.facts["firstDigestAfter"] = delay
        report.findings.append(
            f"the first digest was signed {delay} s after collection, as the one who collected "
            "it states"
        )
    return f"on record no later than {format_time(first)}; {other_times.tell(case, report)}"


def _timeline(case: VerificationContext) -> list[dict[str, Any]]:
    rows = []
    for number, (statement, event) in enumerate(zip(case.statements, case.events, strict=True)):
        proven = case.proven[number]
        rows.append(
            {
                "seq": number,
                "type": event.type if event is not None else None,
                "effect": statement.claims.effect,
                "agency": statement.claims.issuer,
                "actor": agency_urn(statement.claims.issuer)
                if event is None
                else event.value["actor"]["id"],
                "time": format_time(statement.claims.time),
                "provenTime": None if proven is None else format_time(proven),
                "statement": statement.digest.hex(),
            }
        )
    return rows
