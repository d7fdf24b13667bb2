"""Verification of a bundle, step by step; the numbers are those of DESIGN section 13.

1 parse - 2 documents - 3 signatures and certificates - 4 descriptors - 5 receipts - 6 checkpoints -
7 finality - 8 custody - 9 content - 10 time. The parts of step 3 that need the proven time run
after step 6, and receipts are judged against checkpoints that were judged before, so that the step
named is the one at fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle import trust
from ledger.domain.bundle.bundle import Bundle, BundledStatement
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.chain import contract_layout
from ledger.domain.chain.evm import parse_header
from ledger.domain.codecs import strict_json
from ledger.domain.codecs.digests import same
from ledger.domain.codecs.text import format_time, parse_time
from ledger.domain.errors import (
    ForeignError,
    FormatError,
    IncompleteError,
    RuleError,
    VerificationError,
)
from ledger.domain.event import disclosure as disclosures
from ledger.domain.event import document as documents
from ledger.domain.event.document import Event
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.names import agency_id, agency_urn
from ledger.domain.log import receipt as receipts
from ledger.domain.log import statement as statements
from ledger.domain.log.receipt import Receipt
from ledger.domain.log.statement import Statement
from ledger.domain.verify import content, custody_chain
from ledger.domain.verify.content import FileDigest
from ledger.domain.verify.report import Report, Status
from ledger.domain.verify.state import Directory, ProvenState, State

__all__ = ["FileDigest", "verify"]
#: Bytes of memory that parsed documents may take, for each byte of a bundle and for any bundle.
_GROWTH: Final = 5
_FREE: Final = 256 << 10

_AGAIN = "ask the agency to anchor its log and to export the bundle again"


@dataclass
class Case:
    """A bundle with everything parsed out of it, filled in as the steps go."""

    bundle: Bundle
    root: TrustRoot
    logs: list[bytes]
    statements: list[Statement]
    events: list[Event | None]
    receipts: list[Receipt | None]
    certificates: dict[bytes, Certificate]
    proven: list[int | None]
    seen: State | None = None
    _state: ProvenState | None = None
    _directory: Directory | None = None

    @property
    def state(self) -> State:
        """The contract state: proven by the bundle, or as the verifier's own node sees it.

        Raises:
            IncompleteError: the bundle has no chain section.
        """
        if self.seen is not None:
            return self.seen
        if self.bundle.chain is None:
            raise IncompleteError(6, "the bundle holds no proofs of the chain", hint=_AGAIN)
        if self._state is None:
            self._state = ProvenState(self.bundle.chain, self.root)
        return self._state

    @property
    def directory(self) -> Directory:
        """The proven descriptors."""
        if self._directory is None:
            self._directory = Directory(self.bundle.descriptors, self.state)
        return self._directory


def verify(
    data: bytes,
    root: TrustRoot,
    *,
    file: FileDigest | None = None,
    confirm: Callable[[int, bytes], set[bytes]] | None = None,
    state: State | None = None,
) -> Report:
    """Verify a bundle against a trust root.

    Args:
        data: the bundle.
        file: size and digests of the file to compare, measured by the caller; never the file
            itself.
        confirm: asks a chain of the verifier's choice for the final block hash at a number; may
            raise NetworkError.
        state: for a node that verifies by its own chain what comes without proofs; stands for
            proofs and their finality (step 7).

    Returns:
        a report; nothing is raised for evidence that fails.
    """
    report = Report()
    try:
        case = _parse(data, root, state)
    except (FormatError, VerificationError) as error:
        _fail(report, 1, error)
        return report
    report.steps[1].status = Status.PASSED
    report.facts |= {
        "evidence": case.bundle.evidence,
        "origin": case.bundle.origin,
        "events": len(case.statements),
    }
    procedure: list[tuple[int, Callable[[], str]]] = [
        (2, lambda: _check_documents(case, report)),
        (3, lambda: _check_signatures(case)),
        (6, lambda: _check_state(case)),
        (4, lambda: _check_log_keys(case)),
        (6, lambda: _check_checkpoints(case)),
        (5, lambda: _check_receipts(case)),
        (3, lambda: _check_certificates(case, report)),
        (
            8,
            lambda: custody_chain.check(
                case.bundle, case.statements, case.events, case.state, report
            ),
        ),
        (6, lambda: _check_nothing_spare(case, report)),
        (7, lambda: _check_finality(case, confirm)),
        (9, lambda: content.check(case.events[0], file)),
        (10, lambda: _check_time(case, report)),
    ]
    for number, check in procedure:
        step = report.steps[number]
        try:
            detail = check()
        except IncompleteError as error:
            lacking = report.steps[error.step]
            lacking.status, lacking.detail, lacking.hint = (
                Status.NOT_CHECKED,
                error.message,
                error.hint or "",
            )
            if step.status is Status.NOT_REACHED:
                step.status, step.detail = Status.NOT_CHECKED, error.message
            continue
        except (VerificationError, FormatError, RuleError) as error:
            _fail(report, number, error)
            break
        if step.status is not Status.NOT_CHECKED:
            step.status, step.detail = Status.PASSED, detail or step.detail
        if number == 9 and file is None:
            step.status, step.detail = Status.NOT_ASKED, detail
    report.events = _timeline(case)
    return report


def _fail(report: Report, number: int, error: FormatError | VerificationError | RuleError) -> None:
    step = report.steps[error.step if isinstance(error, VerificationError) else number]
    step.status = Status.UNREADABLE if isinstance(error, ForeignError) else Status.FAILED
    step.detail, step.hint = error.message, error.hint or ""


def _parse(data: bytes, root: TrustRoot, state: State | None) -> Case:
    """Step 1: everything parses strictly."""
    bundle = bundles.parse(data)
    _check_weight(bundle, len(data))
    logs = [
        contract_layout.log_id(
            root.chain_id, root.ledger.address, agency_id(one.agency), one.number
        )
        for one in bundle.logs
    ]
    parsed = [statements.parse_entry(one.entry) for one in bundle.statements]
    events = [
        None if one.document is None else documents.parse(one.document, one.disclosures)
        for one in bundle.statements
    ]
    for one in bundle.statements:
        if one.document is None and one.disclosures:
            raise FormatError("bundle: disclosures of a document that is not there")
    given = [
        None if one.receipt is None else receipts.parse(one.receipt) for one in bundle.statements
    ]
    for checkpoint in bundle.checkpoints:
        receipts.parse_checkpoint(checkpoint.note)
    for crl in bundle.crls:
        certificates.load_crl(crl)
    if bundle.chain is not None:
        for header in (bundle.chain.header, *bundle.chain.descendants):
            parse_header(header)
    found = {
        certificate.digest: certificate
        for certificate in map(certificates.parse, bundle.certificates)
    }
    return Case(bundle, root, logs, parsed, events, given, found, [None] * len(parsed), state)


def _check_weight(bundle: Bundle, size: int) -> None:
    """Documents are parsed and kept all at once: a bundle of arrays of nothing would take a hundred
    times its size in memory.
    """
    total = 0
    for one in bundle.statements:
        total += strict_json.weight(one.document or b"") + sum(
            disclosures.weight(encoded) for encoded in one.disclosures
        )
    if total > _GROWTH * size + _FREE:
        raise FormatError("bundle: too many values in its documents for its size")


def _check_documents(case: Case, report: Report) -> str:
    """Step 2: documents hash to payloads, agree with their claims, and link without a gap."""
    previous: Statement | None = None
    for number, (statement, event) in enumerate(zip(case.statements, case.events, strict=True)):
        claims = statement.claims
        if claims.subject != case.bundle.evidence:
            raise VerificationError(2, f"event {number} is about another item")
        if claims.seq != number:
            raise VerificationError(
                2, f"event {number} has seq {claims.seq}: one is missing or out of order"
            )
        if claims.prev != (previous.digest if previous is not None else None):
            raise VerificationError(2, f"event {number} does not follow the event before it")
        previous = statement
        if event is None:
            report.withheld.append(f"event {number}: the whole document")
            continue
        if not same(event.digest, statement.payload):
            raise VerificationError(
                2,
                (
                    f"event {number}: the document hashes to {event.digest.hex()}, signed was "
                    f"{statement.payload.hex()}"
                ),
            )
        documents.check_claims(event, claims)
        report.withheld += [f"event {number}: {path}" for path in event.withheld]
        if not event.known:
            report.findings.append(f"event {number} has the unknown type {event.type!r}")
    return _count(len(case.statements), "event")


def _check_signatures(case: Case) -> str:
    """Step 3, first part: each statement's signature, and the actor is the certificate's
    subject.
    """
    used = set()
    for number, (statement, event) in enumerate(zip(case.statements, case.events, strict=True)):
        certificate = case.certificates.get(statement.certificate)
        if certificate is None:
            raise VerificationError(
                3, f"event {number}: the certificate that it names is not in the bundle"
            )
        used.add(certificate.digest)
        statements.verify_signature(statement, certificate.key)
        if certificate.agency != statement.claims.issuer:
            raise VerificationError(
                3,
                f"event {number}: signed by {certificate.agency}, claims {statement.claims.issuer}",
            )
        if event is not None:
            actor = event.value["actor"]
            if (actor["id"], actor["kind"]) != (certificate.pseudonym, certificate.kind):
                raise VerificationError(
                    3, f"event {number}: the actor is not the certificate's subject"
                )
            if actor["role"] not in certificate.roles:
                raise VerificationError(
                    3, f"event {number}: the certificate does not hold the role {actor['role']!r}"
                )
    if set(case.certificates) != used:
        raise VerificationError(3, "the bundle holds a certificate that signed nothing in it")
    return ""


def _check_state(case: Case) -> str:
    """Step 6, first part: account proofs, code hashes, and storage proofs lead to the header's
    state root.
    """
    _ = case.state
    return ""


def _check_log_keys(case: Case) -> str:
    """Step 4: the log key of every checkpoint comes from the descriptor version that the checkpoint
    names.
    """
    if not case.bundle.checkpoints:
        raise IncompleteError(4, "no event is anchored yet: no log key was judged", hint=_AGAIN)
    for checkpoint in case.bundle.checkpoints:
        case.directory.version(case.bundle.logs[checkpoint.log].agency, checkpoint.version)
    return ", ".join(sorted({one.agency for one in case.bundle.logs}))


def _check_receipts(case: Case) -> str:
    """Step 5: each receipt, at exactly the root and size of a checkpoint of its log."""
    missing = 0
    for number, (statement, bundled) in enumerate(
        zip(case.statements, case.bundle.statements, strict=True)
    ):
        log = case.logs[bundled.log]
        if statement.claims.log_id != log:
            raise VerificationError(5, f"event {number} was signed for another log")
        given = case.receipts[number]
        if given is None or bundled.first is None:
            missing += 1
            continue
        _check_receipt(case, number, statement, bundled, given, log)
    if missing:
        raise IncompleteError(5, f"{_count(missing, 'event')} not anchored yet", hint=_AGAIN)
    return _count(len(case.statements), "receipt")


def _check_receipt(
    case: Case,
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
    same_log = [one for one in case.bundle.checkpoints if one.log == bundled.log]
    found = next((one for one in same_log if one.size == parsed.size), None)
    if found is None:
        raise VerificationError(
            5,
            (
                f"event {number}: the receipt is at size {parsed.size}, which no checkpoint in the "
                "bundle has"
            ),
        )
    key = case.directory.version(case.bundle.logs[found.log].agency, found.version).log_key
    root = receipts.verify(
        parsed, leaf=statement.digest, log_id=log, subject=statement.claims.subject, key=key
    )
    if not same(root, found.root):
        raise VerificationError(
            5, f"event {number}: the receipt leads to another root than the checkpoint's"
        )


def _check_checkpoints(case: Case) -> str:
    """Step 6, second part: every checkpoint is signed and anchored; the first one that covers each
    leaf gives its time.
    """
    if not case.bundle.checkpoints:
        raise IncompleteError(6, "the bundle holds no checkpoint", hint=_AGAIN)
    for checkpoint in case.bundle.checkpoints:
        log = case.logs[checkpoint.log]
        case.state.check_checkpoint(log, checkpoint)
        note = receipts.parse_checkpoint(checkpoint.note)
        if (note.log_id, note.size, note.root) != (log, checkpoint.size, checkpoint.root):
            raise VerificationError(
                6, f"the signed checkpoint of {checkpoint.size} entries says something else"
            )
        descriptor = case.directory.version(
            case.bundle.logs[checkpoint.log].agency, checkpoint.version
        )
        receipts.verify_checkpoint(note, descriptor.log_key)
    proven: list[int | None] = []
    used = set()
    for number, bundled in enumerate(case.bundle.statements):
        given = case.receipts[number]
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
    if {(one.log, one.size) for one in case.bundle.checkpoints} != used:
        raise VerificationError(6, "the bundle holds a checkpoint that covers nothing in it")
    case.proven = proven
    return f"{_count(len(case.bundle.checkpoints), 'checkpoint')}, block {case.state.number}"


def _check_certificates(case: Case, report: Report) -> str:
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
            certificates.verify_not_revoked(certificate, authority, case.bundle.crls, time)
        except IncompleteError as error:
            undecided = error
        if time - statement.claims.time > descriptor.max_anchoring_delay:
            report.findings.append(
                f"event {number} is late: anchored {time - statement.claims.time} s after it "
                "was "
                "signed"
            )
        if statement.claims.time > time + 300:
            report.findings.append(
                f"event {number} is dated {statement.claims.time - time} s after its own "
                "proof: "
                "a wrong clock"
            )
    if undecided is not None:
        raise undecided
    if waiting := sum(time is None for time in case.proven):
        raise IncompleteError(
            3,
            (
                f"{_count(waiting, 'event')} without a proven time: whether the signer was "
                "certified "
                "then is open"
            ),
            hint=_AGAIN,
        )
    return _count(len(case.certificates), "certificate")


def _check_nothing_spare(case: Case, report: Report) -> str:
    """Step 6, last part: no proof without a purpose, where every check that could need one was
    made.
    """
    if all(step.status is not Status.NOT_CHECKED for step in report.steps.values()):
        case.state.require_all_used()
    return ""


def _check_finality(case: Case, confirm: Callable[[int, bytes], set[bytes]] | None) -> str:
    """Step 7: the header is canonical by the trust root's rule or the chain of the verifier's
    choice.
    """
    chain = case.bundle.chain
    if case.seen is not None:
        return f"block {case.seen.number}, as the verifier's own node has it"
    if chain is None:
        raise IncompleteError(7, "the bundle names no block", hint=_AGAIN)
    headers = [parse_header(raw) for raw in (chain.header, *chain.descendants)]
    confirmed = confirm(headers[0].number, headers[0].hash) if confirm is not None else None
    return (
        f"block {headers[0].number}: {trust.judge(case.root, headers, confirmed)} "
        f"({case.root.label})"
    )


def _check_time(case: Case, report: Report) -> str:
    """Step 10: what the chain proves about time."""
    first = case.proven[0]
    if first is None:
        raise IncompleteError(10, "the first event has no proven time yet", hint=_AGAIN)
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
    return f"on record no later than {format_time(first)}; no other time stamps in the bundle"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _timeline(case: Case) -> list[dict[str, Any]]:
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
