"""The audit from inside, with authority over a home: everything that the one from outside checks,
and everything that it cannot see.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from ledger.domain.audit.findings import AuditFinding
from ledger.domain.audit.ports import AuditState
from ledger.domain.audit.report import AuditReport
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.codecs.text import counted
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.errors import ALTERED, CustodyError, NetworkError, StorageError, UnreadableError
from ledger.domain.log import merkle
from ledger.rows.unit_of_work import Database, UnitOfWork
from ledger.services.audit import database_comparison, external, obligations, sampling
from ledger.services.audit.chain_events import Progress, silent
from ledger.services.audit.fetching import Submit, at_once
from ledger.services.audit.sampling import Reservoir
from ledger.services.audit.stored_items import ReconstructedItem
from ledger.services.log.files import OwnFiles, OwnLog
from ledger.services.node.context import Node
from ledger.services.records import documents, item_tokens

_CASES: Final = 100_000  # cases and digests among which some are drawn


@dataclass
class InternalOptions:
    """How a home is audited.

    Attributes:
        keys: HPKE keys at hand besides the node's.
        share: part of the items to re-hash, 0 to 1; None for the usual sample.
        seed: of the sample; the same seed draws the same items.
    """

    keys: list[HpkePrivateKey] = field(default_factory=list)
    share: float | None = None
    seed: int = 0
    submit: Submit = at_once
    progress: Progress = silent


def audit(node: Node, root: TrustRoot, state: AuditState, options: InternalOptions) -> AuditReport:
    """Audit a home as its database is at one moment; the chain is looked at afterwards, so that it
    knows whatever the home says of it.
    """
    with node.records.snapshot() as moment, node.records.scratch() as scratch:
        looked_at = replace(node, records=moment, live=node.records)
        return _audit(looked_at, root, state, scratch, options)


def _audit(
    node: Node, root: TrustRoot, state: AuditState, scratch: Database, options: InternalOptions
) -> AuditReport:
    # A node reads all of its own log: nobody else decides how much that is.
    view = external.ExternalOptions(
        submit=options.submit, progress=options.progress, most=merkle.MAX_SIZE
    )
    # The log only grows, also while it is audited: as it is now it has what the chain knows.
    log = OwnLog.of(replace(node, records=node.live or node.records))
    report = external.audit(node.contracts, root, [OwnFiles(log)], state, node.clock, view)
    try:
        _audit_home(node, state, scratch, options, report)
    except (CustodyError, *ALTERED) as error:
        # A failing disk or node refutes nothing.
        unread = isinstance(error, StorageError | UnreadableError | NetworkError)
        found = error.message if isinstance(error, CustodyError) else type(error).__name__
        code = "home-unread" if unread else "row-edited"
        report.find(code, "the home", "a database that can be compared", found)
    return report


def _audit_home(
    node: Node, state: AuditState, scratch: Database, options: InternalOptions, report: AuditReport
) -> None:
    """Every check that takes authority over the home; none counts as made before all came to their
    end.
    """
    with node.records.read() as unit:
        items = unit.tables.count("item")
    keys = [*node.keys.hpkes, *options.keys]
    sample = Reservoir(sampling.sample_size(items, options.share), Random(options.seed))  # noqa: S311  (a sample that can be drawn again, no secret)
    kept = judged = 0

    def check_item(item: ReconstructedItem) -> None:
        nonlocal kept, judged
        judged += not item.erased
        report.take(obligations.check_item(node, item))
        kept += report.take(sampling.check_copies(node, item))
        if (drawn := sampling.draw(item)) is not None:
            sample.offer(drawn)

    done = database_comparison.check(
        node, scratch, state, report, keys, options.progress, check_item
    )
    releases = report.take(obligations.check_releases(node))
    pins = report.take(sampling.check_pins(node))
    walked = report.take(_walk_cases(node, sample))
    size = sum(drawn.content.ciphertext_size for drawn in sample.taken)
    advance = options.progress("re-hashing content", size)
    read = report.take(sampling.rehash(node, sample.taken, keys, advance))
    report.checked("rows", f"rows: {done.rows}", done.rows)
    report.checked(
        "documents", f"{counted(done.documents, 'document')}; items: {done.items}", done.documents
    )
    sealed = f"sealed keys: {done.grants}, opened here: {done.opened}; releases: {releases}"
    report.checked("keys", sealed, done.grants + releases)
    gone = done.items - judged  # their holds and retention went with their documents
    report.checked("duties", f"items: {judged}; disposals: {gone}", done.items)
    report.checked("copies", f"items that this agency keeps: {kept}; pins: {pins}", kept + pins)
    _tell_content(report, sample, read, options.seed)
    report.checked("cases", f"from items: {judged}; from cases: {walked}", judged + walked)
    report.facts |= {
        "items": done.items,
        "sampled": len(sample.taken),
        "seed": options.seed,
        "bytesReHashed": read,
        "releases": releases,
    }


def _tell_content(report: AuditReport, sample: Reservoir, done: int, seed: int) -> None:
    detail = (
        f"{len(sample.taken)} of {counted(sample.seen, 'item')} with content, {done} "
        f"bytes; seed {seed}"
    )
    if sample.seen and not sample.size:  # --sample 0
        report.not_asked("content", f"{detail}: nothing was to be re-hashed")
    else:
        report.checked("content", detail, len(sample.taken))


def _walk_cases(node: Node, sample: Reservoir) -> Iterator[AuditFinding | int]:
    """The other way: from a random case, by its token, to the items that it leads to; each must
    name it. How many cases were walked.
    """
    with node.records.read() as unit:
        column = unit.tables.stray("blind_index", "token", [], _CASES)
        tokens = sorted(bytes(token) for token in column)
    drawn = sample.random.sample(tokens, min(len(tokens), max(sample.size, 1)))
    for token in drawn:
        with node.records.read() as unit:
            strays = [
                evidence
                for evidence in unit.items.tokens(token, 10_000)
                if not _names(node, unit, evidence, token)
            ]
        for evidence in strays:
            place = f"blind_index {token.hex()[:16]}"
            expected = "an item that names this case or digest"
            yield AuditFinding("case-stray", place, expected, evidence)
        yield 1


def _names(node: Node, unit: UnitOfWork, evidence: str, token: bytes) -> bool:
    """Whether the item's events name the case or digest behind a token."""
    events = {}
    for row in unit.logs.events(evidence):
        try:
            event = documents.read_event(node, unit, row)
        except CustodyError:
            continue  # told where documents are checked
        if event is not None:
            events[row.digest.hex()] = event
    return token in item_tokens.of(node, events)
