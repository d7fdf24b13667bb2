"""A home re-derived from its smallest parts: every finding says what was expected, what was found,
and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ledger.domain.audit.events_in_memory import ToldStory
from ledger.domain.audit.report import AuditReport
from ledger.domain.blocks import dag
from ledger.domain.chain import contract_layout
from ledger.domain.codecs.text import format_time
from ledger.domain.crypto import content_encryption
from ledger.domain.errors import (
    ALTERED,
    CustodyError,
    NetworkError,
)
from ledger.domain.identity import certificate as certificates
from ledger.domain.log import merkle
from ledger.domain.log import statement as statements
from ledger.domain.verify.report import Verdict
from ledger.rows.items import ItemRow
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.audit import rows
from ledger.services.audit.self_check_findings import (
    EntriesWaiting,
    SelfChecked,
    SelfCheckFinding,
    verdict_of,
)
from ledger.services.log import merkle_log
from ledger.services.node.context import Node
from ledger.services.records import documents
from ledger.services.storage import placement, replica_status

_RESTORE = "stop the node, keep the home as it is, and restore the newest backup beside it"
_PAGE = 256
_RANGE = 20_000  # blocks asked for at once


def examine(
    node: Node, *, deep: bool, progress: Callable[[int], None] = lambda count: None
) -> Iterator[SelfCheckFinding | SelfChecked | EntriesWaiting]:
    """Check log, checkpoints, every row of the database, documents and blocks.

    Args:
        deep: read and re-hash every block of content, not only look for it.
        progress: called with the number of entries or blocks checked.
    """
    for part, check in (
        ("log", _check_log),
        ("checkpoints", _check_checkpoints),
        ("rows", _check_rows),
    ):
        findings = 0
        count = 0
        try:
            for found in check(node, progress):
                if isinstance(found, SelfCheckFinding):
                    findings += 1
                    yield found
                else:
                    count += found
        except (CustodyError, *ALTERED) as error:
            findings += 1
            yield _told(part, error)
        if not findings:
            yield SelfChecked(part, f"{count} checked", count)
    yield from _waiting(node)
    yield from _guarded("blocks", _check_blocks(node, deep, progress))
    if node.replicas.names():
        yield from _guarded("ipfs", _check_replicas(node))
    yield from _guarded("backups", _check_backups(node))
    yield from _check_workers(node)


def _guarded(
    part: str, found: Iterator[SelfCheckFinding | SelfChecked]
) -> Iterator[SelfCheckFinding | SelfChecked]:
    """What ends this part is a finding, and the other parts are looked at all the same."""
    try:
        yield from found
    except (CustodyError, *ALTERED) as error:
        yield _told(part, error)


def _told(part: str, error: Exception) -> SelfCheckFinding:
    if isinstance(error, CustodyError):
        away = isinstance(error, NetworkError)
        return SelfCheckFinding(
            part,
            error.message,
            error.hint or _RESTORE,
            home_is_whole=away,
            verdict=verdict_of(error),
        )
    return SelfCheckFinding(
        part,
        f"the database holds values that no program of ours writes ({type(error).__name__})",
        _RESTORE,
    )


def _waiting(node: Node) -> Iterator[EntriesWaiting]:
    with node.records.read() as unit:
        log, newest = unit.logs.get(node.log_id), unit.checkpoints.newest(node.log_id, ("final",))
    size, final = log.size if log is not None else 0, newest.size if newest is not None else 0
    if size > final:
        yield EntriesWaiting(size - final, size)


def _check_log(node: Node, progress: Callable[[int], None]) -> Iterator[SelfCheckFinding | int]:
    """Every entry parses, is where its index says, hashes to its digest, verifies, and the tiles
    give the same root.
    """
    with node.records.read() as unit:
        log = merkle_log.require_log(unit, node.log_id)
        frontier = merkle.Frontier()
        for start in range(0, log.size, _PAGE):
            rows = unit.logs.entries(node.log_id, start, min(start + _PAGE, log.size))
            if not rows:  # of a size that was made up there would be no end
                yield SelfCheckFinding("log", f"entry {start} is missing", _RESTORE)
                return
            for index, row in enumerate(rows, start):
                if row.index != index:
                    yield SelfCheckFinding("log", f"entry {index} is missing", _RESTORE)
                    return
                yield from _check_entry(unit, row)
                frontier.append(merkle.leaf_hash(row.entry))
                yield 1
            progress(len(rows))
        if frontier.size != log.size:
            yield SelfCheckFinding(
                "log", f"{frontier.size} entries found, {log.size} expected", _RESTORE
            )
        elif frontier.root() != merkle.root_of(log.size, merkle_log.reader(unit, node.log_id)):
            yield SelfCheckFinding("log", "entries and tiles give different roots", _RESTORE)


def _check_entry(unit: UnitOfWork, row: EntryRow) -> Iterator[SelfCheckFinding]:
    try:
        statement = statements.parse_entry(row.entry)
        der = unit.people.certificate(statement.certificate)
        if der is None:
            yield SelfCheckFinding(
                "log", f"the certificate of entry {row.index} is missing", _RESTORE
            )
            return
        statements.verify_signature(statement, certificates.parse(der).key)
    except CustodyError as error:
        yield SelfCheckFinding("log", f"entry {row.index}: {error.message}", _RESTORE)
        return


def _check_checkpoints(
    node: Node, progress: Callable[[int], None]
) -> Iterator[SelfCheckFinding | int]:
    """Every final checkpoint has the root of the tree and the commitment of the contract; the
    contract knows no more.
    """
    with node.records.read() as unit:
        read = merkle_log.reader(unit, node.log_id)
        after, newest = 0, 0
        while rows := unit.checkpoints.page(node.log_id, after=after):
            for row in rows:
                if merkle.root_of(row.size, read) != row.root:
                    yield SelfCheckFinding(
                        "checkpoints",
                        f"the checkpoint of {row.size} entries has another root than the log",
                        _RESTORE,
                    )
                if row.state == "final":
                    newest = row.size
                    expected = contract_layout.checkpoint_commitment(
                        row.prev, row.size, row.root, row.version, row.time, row.block
                    )
                    if node.contracts.checkpoint_commitment(node.log_id, row.size) != expected:
                        yield SelfCheckFinding(
                            "checkpoints",
                            f"the contract holds another commitment for {row.size} entries",
                            _RESTORE,
                        )
                yield 1
            after = rows[-1].size
            progress(len(rows))
        sent = _newest_sent(node, unit)
    on_chain = node.contracts.latest(node.log_id).size
    if on_chain > sent:  # one may have been anchored meanwhile: it was written down before
        with node.records.read() as unit:
            sent = _newest_sent(node, unit)
    if on_chain > sent:
        yield SelfCheckFinding(
            "checkpoints",
            f"the contract knows {on_chain} entries, this home sent {sent} to it",
            (
                "this home is older than the chain: restore the newest backup; if there is none, "
                "the "
                "agencies vote for the next log number"
            ),
            home_is_whole=True,
        )
    elif on_chain < newest:
        yield SelfCheckFinding(
            "checkpoints",
            f"the contract knows {on_chain} entries, {newest} were final",
            "the chain was rolled back: ask its operators",
        )


def _newest_sent(node: Node, unit: UnitOfWork) -> int:
    """How many entries the newest checkpoint has that was ever sent to the contract, as far as the
    home knows.
    """
    newest = unit.checkpoints.newest(node.log_id, ("submitted", "anchored", "final"))
    return newest.size if newest is not None else 0


def _check_rows(node: Node, progress: Callable[[int], None]) -> Iterator[SelfCheckFinding | int]:
    """The database is the one that log, documents, chain and signatures give; see
    services.audit.rows.
    """
    report = AuditReport()
    with node.records.snapshot() as moment, node.records.scratch() as into:
        with moment.read() as unit:
            sent = _newest_sent(node, unit)
        if node.contracts.latest(node.log_id).size > sent:  # what the home lacks is no fault in it
            older = "not compared: this home is older than the chain"
            yield SelfCheckFinding(
                "rows", older, "see above", home_is_whole=True, verdict=Verdict.INCOMPLETE
            )
            return
        counts = rows.check(
            replace(node, records=moment, live=node.records),
            into,
            _story(node),
            report,
            [node.keys.hpke],
            lambda part, total: progress,
            lambda item: None,
        )
    for one in report.findings:
        yield SelfCheckFinding(
            "rows",
            f"{one.kind.title}: {one.place}; expected {one.expected}, found {one.found}",
            _RESTORE,
        )
    yield counts.rows


def _story(node: Node) -> ToldStory:
    story, last = ToldStory(), node.contracts.chain.final()
    for first in range(0, last + 1, _RANGE):
        story.put_events(node.contracts.events(first, min(first + _RANGE - 1, last)))
    return story


def _check_blocks(
    node: Node, deep: bool, progress: Callable[[int], None]
) -> Iterator[SelfCheckFinding | SelfChecked]:
    """Every item's ciphertext is stored whole; with ``deep`` every block is read and hashed."""
    after, count, findings = -1, 0, 0
    while True:
        with node.records.read() as unit:
            items = unit.items.page(after=after, limit=_PAGE, person=None, evidence=None)
            contents = [
                (item, _content(node, unit, item.state.evidence))
                for item in items
                if item.cid is not None
            ]
        for item, content in contents:
            if content is None:
                continue
            try:
                for data in _blocks(node, item, content, deep):
                    count += 1
                    progress(data)
            except CustodyError as error:
                findings += 1
                away = isinstance(error, NetworkError)
                hint = error.hint or _RESTORE
                found = f"{item.state.evidence}: {error.message}"
                yield SelfCheckFinding(
                    "content", found, hint, home_is_whole=away, verdict=verdict_of(error)
                )
        if not items:
            break
        after = items[-1].opened
    if not findings:
        yield SelfChecked(
            "content",
            f"{count} blocks re-hashed"
            if deep
            else f"{count} items are here by the index; --deep reads them",
            count,
        )


def _content(node: Node, unit: UnitOfWork, evidence: str) -> content_encryption.Content | None:
    event = documents.read_event(node, unit, unit.logs.events(evidence)[0])
    return (
        None
        if event is None or "content" not in event.body
        else content_encryption.parse_content(event.body["content"], event.body["size"])
    )


def _blocks(
    node: Node, item: ItemRow, content: content_encryption.Content, deep: bool
) -> Iterator[int]:
    if deep:
        for _, link in dag.leaves(node.blocks, dag.root_of(content), content.ciphertext_size):
            node.blocks.get(link.cid)  # hashes what it reads
            yield 1
        return
    with node.records.read() as unit:
        placement.require_kept(node, unit, item, content)
    yield 1


def _check_backups(node: Node) -> Iterator[SelfCheckFinding | SelfChecked]:
    """A certificate of disposal says until when a backup opens an item."""
    node.backups_until()
    yield from ()


def _check_workers(node: Node) -> Iterator[SelfCheckFinding | SelfChecked]:
    """What background work of the node told last."""
    known = node.workers.told()
    failing = [row for row in known if row.failures]
    for row in failing:
        since = f"since {format_time(row.since)}" if row.since is not None else ""
        told = f"{row.worker} failed {since}: {row.problem}"
        yield SelfCheckFinding(
            "workers",
            told,
            row.hint or "see: custody status",
            home_is_whole=True,
            verdict=Verdict.INCOMPLETE,
        )
    if known and not failing:
        yield SelfChecked(
            "workers", f"{len(known)} went well when they were last told of", len(known)
        )


def _check_replicas(node: Node) -> Iterator[SelfCheckFinding | SelfChecked]:
    """Every IPFS node answers, runs a tested Kubo, and has pinned what the home says that it
    has.
    """
    found = replica_status.report(node)
    if found.problem:
        yield SelfCheckFinding(
            "ipfs", found.problem, found.hint, home_is_whole=True, verdict=Verdict.INCOMPLETE
        )
    else:
        kept = sum(one.pinned for one in found.nodes)
        yield SelfChecked(
            "ipfs",
            f"every item lies at {found.copies} nodes or more, or at as many as it was asked for",
            kept,
        )
    for one in found.nodes:
        if one.problem:
            yield SelfCheckFinding(
                "ipfs",
                f"{one.name}: {one.problem}",
                one.hint,
                home_is_whole=True,
                verdict=Verdict.INCOMPLETE,
            )
        if one.status is not None:
            gone = count = 0
            for _, there in replica_status.pins(node, one.name):
                gone += not there
                count += 1
            if gone:
                yield SelfCheckFinding(
                    "ipfs",
                    f"{one.name}: {gone} of {count} pins are gone",
                    "somebody unpinned them: custody fixity --all",
                )
            else:
                size = one.status.size / (1 << 20)
                yield SelfChecked(
                    "ipfs",
                    (
                        f"{one.name}: {count} pins, repository of {size:.1f} MiB, "
                        f"{one.status.peers} "
                        "peers"
                    ),
                    count,
                )
