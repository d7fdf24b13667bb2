"""What an agency owes its items: disposals carried out, holds and retention kept, keys released
with a trace only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, get_args

from ledger.domain.audit.findings import AuditFinding
from ledger.domain.codecs.text import format_time, parse_time, told_time
from ledger.domain.errors import CustodyError
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.event.types import AccessMode
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.person import PersonId
from ledger.domain.item.recorded_event import RecordedEvent
from ledger.domain.log import statement as statements
from ledger.domain.verify.record_rules import PlacedEvent, RecordRules, times_of
from ledger.rows.handovers import ErasureRow
from ledger.rows.logs import EntryRow
from ledger.rows.releases import ReleaseRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization, stolen_orders
from ledger.services.audit.stored_items import ReconstructedItem
from ledger.services.node.context import Node
from ledger.services.records import documents, foreign_history

_PAGE: Final = 500
_GRACE: Final = 86400  # seconds within which keys must be destroyed after a disposal
#: What an access must be for, to cover what was released to whoever signed it; names of the items
#: of a case are read under an event of their own.
_MODES: Final[dict[str, tuple[AccessMode, ...]]] = {
    "content": ("copy", "export"),
    "bundle": ("copy", "export"),
    "details": get_args(AccessMode),
    "listing": (),
}


def check_item(node: Node, item: ReconstructedItem) -> Iterator[AuditFinding]:
    """Disposal, holds and retention of one item, and whether it was where it is said to have
    been.
    """
    evidence, now = item.item.state.evidence, node.clock.now()
    closing = [row for row in item.rows if row.effect == "close"]
    for row in closing:
        event = item.events.get(row.digest)
        if event is None or event.type != "disposed":
            continue
        if item.erasure is None:
            expected = "its keys are to be destroyed"
            yield AuditFinding("row-missing", f"erasure {evidence}", expected, "no such row")
    yield from _check_rules(node, item)
    for acted in item.history.outings.elsewhere():
        place = f"event {acted.value['seq']} of {evidence}"
        expected = "the thing here, or its return recorded with the time of it"
        yield AuditFinding("thing-elsewhere", place, expected, "handed out then")
    if item.erasure is not None:
        yield from _check_erasure(node, item, item.erasure, now)
    if closing:
        return
    if (
        item.history.orders.retention is not None
        and item.history.orders.retention < now
        and not item.history.orders.holds
    ):
        expected = f"reviewed by {format_time(item.history.orders.retention)}"
        yield AuditFinding("retention-over", evidence, expected, "kept, under no hold")
    for hold in item.history.orders.holds.values():
        if "expires" in hold and parse_time(hold["expires"], what="expires") < now:
            expected = f"a hold until {hold['expires']}"
            found = "neither released nor placed anew"
            yield AuditFinding("hold-expired", evidence, expected, found)


def _check_rules(node: Node, item: ReconstructedItem) -> Iterator[AuditFinding]:
    """What our log took although the record before it forbids it. Where a stolen key is among those
    that signed, other rules hold: the node counts what a thief took back as not taken back.
    """
    record = RecordRules()
    for row in item.rows:
        log, event = row.log.hex(), item.events.get(row.digest)
        if event is None or not event.known:
            record.skip(row.seq, log)
            continue
        proven = _proven_time(node, row) if row.effect == "close" else None
        told = RecordedEvent(row.digest, event)
        record.judge(PlacedEvent(row.seq, log, told, times_of(row.time, proven)))
    broken = [one for one in record.broken if one.is_own and one.agency == node.log_id.hex()]
    if not broken:
        return
    with node.records.read() as unit:
        is_stolen = stolen_orders.stolen(node, unit)
        if any(is_stolen(row.digest.hex()) for row in item.rows):
            return
    for one in broken:
        place = f"event {one.number} of {item.item.state.evidence}"
        yield AuditFinding("record-rule", place, "an event that the record allows", one.reason)


def _proven_time(node: Node, row: EntryRow) -> int:
    with node.records.read() as unit:
        return foreign_history.proven_times(node, unit, [row])[0] or node.clock.now()


def _check_erasure(
    node: Node, item: ReconstructedItem, erasure: ErasureRow, now: int
) -> Iterator[AuditFinding]:
    evidence = item.item.state.evidence
    close = next((row for row in item.rows if row.digest == erasure.statement), None)
    if item.item.state.closed and (close is None or close.effect != "close"):
        place = f"erasure {evidence}"
        yield AuditFinding("row-inserted", place, "a disposal in the log", "a row")
    elif close is not None and erasure.state != "done":
        late = _proven_since(node, close) > _GRACE
        if late or now - close.time > _GRACE:
            expected = f"keys destroyed within {_GRACE} s of {format_time(close.time)}"
            found = f"state {erasure.state!r}" + (
                "" if late else f", as the clock says {told_time(now)}"
            )
            code = "disposal-overdue" if late else "disposal-waits"
            yield AuditFinding(code, evidence, expected, found)


def _proven_since(node: Node, close: EntryRow) -> int:
    """Seconds between the block that proves a disposal and the chain's newest one: a clock that is
    ahead makes nobody late. 0 where neither is known.
    """
    with node.records.read() as unit:
        cover = unit.checkpoints.covering(close.log, close.index)
    if cover is None or cover.state != "final":
        return 0
    try:
        return node.contracts.chain.head().time - cover.time
    except CustodyError:
        return 0


def check_releases(node: Node) -> Iterator[AuditFinding | int]:
    """Everything that was handed out is covered by a statement in the log, by or for whoever got
    it; how many releases there are.
    """
    after = (b"", "", "")
    while True:
        with node.records.read() as unit:
            page = unit.releases.page(after=after, limit=_PAGE)
            problems = [(row, *_problem(node, unit, row)) for row in page]
        for row, problem, later in problems:
            place = f"release {row.kind} of {row.evidence} to {row.recipient[:12]}"
            if problem:
                expected = "a statement in the log that covers it"
                yield AuditFinding("release-unlogged", place, expected, problem)
            elif later:
                expected = f"an offer signed before {told_time(row.time)}, when it was looked at"
                found = f"signed at {told_time(later)}"
                yield AuditFinding("clock-was-ahead", place, expected, found)
        if not page:
            return
        yield len(page)
        after = (page[-1].statement, page[-1].recipient, page[-1].kind)


def _problem(node: Node, unit: UnitOfWork, row: ReleaseRow) -> tuple[str, int]:
    """What is wrong with a release; else the time of the offer that was looked at, where it was
    signed after the look. The look names the offer by its digest, so the clock of whoever signed
    it, maybe another agency's, was ahead.
    """
    entry = unit.logs.entry_by_digest(row.statement)
    if entry is None or entry.evidence != row.evidence:
        return "no such statement about this item", 0
    der = unit.people.certificate(entry.certificate)
    signer = certificates.parse(der) if der is not None else None
    if signer is None:
        return "signed by nobody known", 0
    try:
        event = documents.read_event(node, unit, entry)
    except CustodyError:
        event = None  # told where documents are checked
    if event is None:
        return _unread_problem(node, row, entry, signer), 0
    kind = event.type
    if row.kind in _MODES:
        fits = (
            kind == "listed"
            if row.kind == "listing"
            else kind == "accessed" and event.body["mode"] in _MODES[row.kind]
        )
        own = fits and "basis" in event.value and signer.subject.recipient == row.recipient
        return "" if own else f"{kind or 'nothing'} by somebody else, or for something else", 0
    to = event.body.get("to", {})
    if row.kind in authorization.LOOKS:
        named = PersonId(node.agency, to["person"]).recipient if "person" in to else row.recipient
        asked = (
            kind == "transfer-offered"
            and to.get("agency") == node.agency
            and named == row.recipient
        )
        if not asked:
            return f"{kind or 'nothing'} for somebody else", 0
        return "", entry.time if row.time < entry.time - AHEAD else 0
    expected = {"parcel": "transfer-offered", "copy": "disclosed"}.get(row.kind, "")
    good = kind == expected and to.get("agency") == row.recipient
    return "" if good else f"{kind or 'nothing'} for somebody else", 0


def _unread_problem(node: Node, row: ReleaseRow, entry: EntryRow, signer: Certificate) -> str:
    """What is wrong with a release whose statement has no document any more, by its claims: an
    access is signed by whoever got it, and an offer names the agency that it was made to.
    """
    effect, to = entry.effect, statements.parse_entry(entry.entry).claims.to
    if row.kind in _MODES:
        good = effect == "none" and signer.subject.recipient == row.recipient
    elif row.kind in authorization.LOOKS:
        good = effect == "offer" and to == node.agency
    elif row.kind == "parcel":
        good = effect == "offer" and to == row.recipient
    else:
        good = effect == "none"
    return "" if good else f"effect {effect!r}, by somebody else or for somebody else"
