"""A home re-derived from its smallest parts: every finding says what was expected, what was found,
and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

from ledger.domain.audit.checklist import Severity
from ledger.domain.audit.events_in_memory import EventsInMemory
from ledger.domain.audit.report import AuditReport
from ledger.domain.codecs.text import counted, format_time
from ledger.domain.crypto.content_encryption import Content
from ledger.domain.errors import (
    ALTERED,
    ChainError,
    CustodyError,
    FormatError,
    NetworkError,
    VerificationError,
)
from ledger.domain.verify.report import Verdict
from ledger.rows.items import ItemRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.audit import checks, database_comparison
from ledger.services.audit.chain_events import Progress, silent
from ledger.services.audit.checks import Fault
from ledger.services.audit.self_check_findings import (
    CONTENT,
    IPFS,
    RESTORE,
    EntriesWaiting,
    Result,
    SelfChecked,
    SelfCheckFinding,
    SelfCheckWarning,
    finding_for,
)
from ledger.services.audit.self_check_log import check_checkpoints, check_log, newest_sent
from ledger.services.audit.stored_timestamps import check_timestamps
from ledger.services.node import log_keys
from ledger.services.node.context import Node
from ledger.services.onchain import changed_seals
from ledger.services.people import expiry, revocation
from ledger.services.records import documents
from ledger.services.storage import replica_status
from ledger.services.storage.replica_status import ReplicaReport

_PAGE: Final = 256
_RANGE: Final = 20_000  # blocks asked for at once
#: Checks that count what they went through, and hold where they find nothing.
_COUNTED: Final = frozenset({"log", "checkpoints", "rows"})
#: A check: what it finds, and a number for each thing that it went through.
Check = Callable[[], Iterable[Result | int]]


def examine(node: Node, *, deep: bool, progress: Progress = silent) -> Iterator[Result]:
    """Check log, checkpoints, every row of the database, documents and blocks.

    Args:
        deep: read and re-hash every block of content, not only look for it.
        progress: told of each part by what it is and how much there is, and then how much of it
            was done: each has a number of its own.

    Returns:
        findings, and what holds, check by check.
    """
    for part, check in (
        ("log", partial(check_log, node, progress)),
        ("checkpoints", partial(check_checkpoints, node, progress)),
        ("rows", partial(_check_rows, node, progress)),
        ("waiting", partial(_waiting, node)),
        ("blocks", partial(_check_content, node, deep, progress)),
        (IPFS, partial(_check_replicas, node)),
        ("time stamps", partial(check_timestamps, node)),
        ("backups", partial(_check_backups, node)),
        ("certificates", partial(_check_certificates, node)),
        ("agency keys", partial(_check_agency_keys, node)),
        ("workers", partial(_check_workers, node)),
        ("chain", partial(_check_signers, node)),
    ):
        yield from _run(part, check)


def _run(part: str, check: Check) -> Iterator[Result]:
    """What ends a check is a finding of it, and the other checks are made all the same."""
    findings = count = 0
    try:
        for result in check():
            if isinstance(result, int):
                count += result
            else:
                findings += isinstance(result, SelfCheckFinding)
                yield result
    except (CustodyError, *ALTERED) as error:
        findings += 1
        yield finding_for(part, error)
    if part in _COUNTED and not findings:
        yield SelfChecked(part, f"{count} checked", count)


def _waiting(node: Node) -> Iterator[EntriesWaiting]:
    with node.records.read() as unit:
        log, newest = unit.logs.get(node.log_id), unit.checkpoints.newest(node.log_id, ("final",))
    size, final = log.size if log is not None else 0, newest.size if newest is not None else 0
    if size > final:
        yield EntriesWaiting(size - final, size)


def _check_rows(node: Node, progress: Progress) -> Iterator[Result | int]:
    """The database is the one that log, documents, chain and signatures give; see
    services.audit.rows.
    """
    report = AuditReport()
    with node.records.snapshot() as moment, node.records.scratch() as into:
        with moment.read() as unit:
            sent = newest_sent(node, unit)
        if node.contracts.latest(node.log_id).size > sent:  # what the home lacks is no fault in it
            older = "not compared: this home is older than the chain"
            yield SelfCheckFinding(
                "rows", older, "see above", home_is_whole=True, verdict=Verdict.INCOMPLETE
            )
            return
        counts = database_comparison.check(
            replace(node, records=moment, live=node.records),
            into,
            _story(node),
            report,
            list(node.keys.hpkes),
            progress,
            lambda item: None,
        )
    for finding in report.findings:
        differs = f"{finding.place}; expected {finding.expected}, found {finding.found}"
        told = f"{finding.kind.title}: {differs}"
        if finding.kind.severity is Severity.WARNING:
            yield SelfCheckWarning("rows", told, finding.kind.todo)
        else:
            yield SelfCheckFinding("rows", told, RESTORE)
    yield counts.rows


def _story(node: Node) -> EventsInMemory:
    story, last = EventsInMemory(), node.contracts.chain.final()
    for first in range(0, last + 1, _RANGE):
        story.put_events(node.contracts.events(first, min(first + _RANGE - 1, last)))
    return story


def _check_content(
    node: Node, deep: bool, progress: Progress
) -> Iterator[SelfCheckFinding | SelfChecked]:
    """Every item's ciphertext is stored whole; with ``deep`` every block is read and hashed."""
    count = findings = 0
    with node.records.read() as unit:
        advance = progress("checking content", unit.tables.count("item"))
    for item, content in _contents(node):
        check = (
            checks.content_whole(node, item.state.evidence, content)
            if deep
            else checks.content_kept(node, item, content)
        )
        for result in check:
            if isinstance(result, Fault):
                findings += 1
                yield finding_for(CONTENT, result.error, result.evidence)
            else:
                count += 1
        advance(1)
    if not findings:
        detail = (
            f"{counted(count, 'block')} re-hashed"
            if deep
            else f"{counted(count, 'item', ('is', 'are'))} here by the index; --deep reads them"
        )
        yield SelfChecked(CONTENT, detail, count)


def _contents(node: Node) -> Iterator[tuple[ItemRow, Content]]:
    """Items with ciphertext that the node can read the description of."""
    after = -1
    while True:
        with node.records.read() as unit:
            items = unit.items.page(after=after, limit=_PAGE, person=None, evidence=None)
            contents = [
                (item, _content(node, unit, item.state.evidence))
                for item in items
                if item.cid is not None
            ]
        yield from ((item, content) for item, content in contents if content is not None)
        if not items:
            return
        after = items[-1].opened


def _content(node: Node, unit: UnitOfWork, evidence: str) -> Content | None:
    event = documents.read_event(node, unit, unit.logs.events(evidence, limit=1)[0])
    return event.content if event is not None else None


def _check_backups(node: Node) -> Iterable[Result]:
    """The home can tell until when a backup opens an item: a certificate of disposal says so."""
    node.backups_until()
    return ()


def _check_certificates(node: Node) -> Iterator[SelfCheckWarning | SelfCheckFinding]:
    """Certificates that end before long are renewed in time, suspensions are finished, and whom
    the database shuts out is on a list.
    """
    for ending in expiry.ending(node):
        yield SelfCheckWarning("certificates", ending.told(node.clock.now()), ending.remedy)
    if count := revocation.unsettled(node):
        told = (
            f"{counted(count, 'certificate')} without a date yet, of people who were "
            "suspended or lost a role"
        )
        yield SelfCheckWarning(
            "certificates", told, "it is given while the home is served, or now: custody anchor"
        )
    with node.records.read() as unit:
        shut_out = revocation.unlisted(node, unit)
    for who in shut_out:
        yield SelfCheckFinding(
            "certificates",
            f"person {who.pseudonym} is suspended or lost a role by the database alone: no "
            "revocation list that this agency signed says so, and nothing is published for it",
            f"if no administrator did that: {RESTORE}; else again: custody person suspend "
            f"{who.pseudonym}",
        )


def _check_agency_keys(node: Node) -> Iterator[SelfCheckWarning]:
    """A version of the descriptor that is published and not in force yet."""
    with node.records.read() as unit:
        row = log_keys.to_come(unit, node.clock.now())
    if row is not None:
        yield SelfCheckWarning(
            "agency keys",
            f"version {row.version} of the descriptor is published, in force from "
            f"{format_time(row.active_from)}; the next rotation waits for that",
            "when it is in force, make a backup: custody backup",
        )


def _check_workers(node: Node) -> Iterator[SelfCheckFinding | SelfChecked]:
    """What background work of the node told last."""
    known = node.workers.last_known()
    failing = [row for row in known if row.failures]
    for row in failing:
        since = f"since {format_time(row.since)}" if row.since is not None else ""
        problem = f"{row.worker} failed {since}: {row.problem}"
        yield _not_the_home("workers", problem, row.hint or "see: custody status")
    if known and not failing:
        yield SelfChecked(
            "workers", f"{len(known)} went well when they were last told of", len(known)
        )


def _check_signers(node: Node) -> Iterator[SelfCheckWarning]:
    """The chain is sealed by those whom the home names; a chain that does not tell is found where
    the log is compared with it.
    """
    with suppress(NetworkError, ChainError, FormatError, VerificationError):
        if problem := changed_seals.changed(node.contracts.chain, node.seal_rules):
            yield SelfCheckWarning("chain", problem, changed_seals.HINT)


def _not_the_home(part: str, message: str, hint: str) -> SelfCheckFinding:
    """Something that could not be done, and says nothing against what the home holds."""
    return SelfCheckFinding(part, message, hint, home_is_whole=True, verdict=Verdict.INCOMPLETE)


def _check_replicas(node: Node) -> Iterator[SelfCheckFinding | SelfChecked]:
    """Every IPFS node answers, runs a tested Kubo, and has pinned what the home says that it
    has; only then do items lie where they shall.
    """
    if not node.replicas.names():
        return
    replicas = replica_status.report(node)
    if replicas.problem:
        yield _not_the_home(IPFS, replicas.problem, replicas.hint)
    judged = not replicas.problem
    for replica in replicas.nodes:
        result = _check_replica(node, replica)
        judged = judged and isinstance(result, SelfChecked)
        if replica.problem and replica.status is not None:
            yield _not_the_home(IPFS, f"{replica.name}: {replica.problem}", replica.hint)
        yield result
    if judged:
        kept = sum(replica.pinned for replica in replicas.nodes)
        detail = f"every item lies at {replicas.copies} nodes, or at as many as it was asked for"
        yield SelfChecked(IPFS, detail, kept)


def _check_replica(node: Node, replica: ReplicaReport) -> SelfCheckFinding | SelfChecked:
    """Whether one IPFS node has pinned what the records say of it: not judged where it cannot be
    asked.
    """
    if replica.status is None:
        left = (
            f"{replica.name}: {counted(replica.pinned, 'pin', ('was', 'were'))} not "
            f"checked: {replica.problem}"
        )
        return _not_the_home(IPFS, left, replica.hint)
    gone = count = 0
    try:
        for result in checks.pins_there(node, replica.name):
            gone += isinstance(result, str)
            count += isinstance(result, int)
    except CustodyError as error:  # what a daemon says says nothing against the home
        left = f"{replica.name}: not all pins were checked: {error.message}"
        return _not_the_home(IPFS, left, error.hint or "try again")
    if gone:
        hint = "somebody unpinned them: custody fixity --all"
        return SelfCheckFinding(
            IPFS, f"{replica.name}: pins that are gone: {gone} of {count}", hint
        )
    size = f"{replica.status.size / (1 << 20):.1f} MiB"
    detail = f"{counted(count, 'pin')}, repository of {size}, {replica.status.peers} peers"
    return SelfChecked(IPFS, f"{replica.name}: {detail}", count)
