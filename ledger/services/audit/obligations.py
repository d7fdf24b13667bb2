"""What an agency owes its items: disposals carried out, holds and retention kept, keys released
with a trace only.
"""

from __future__ import annotations

from ledger.domain.audit.findings import AuditFinding
from ledger.domain.audit.report import AuditReport
from ledger.domain.codecs.text import format_time, parse_time
from ledger.domain.event.moments import AHEAD
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.person import PersonId
from ledger.rows.releases import ReleaseRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization
from ledger.services.audit.stored_items import ReconstructedItem
from ledger.services.node.context import Node
from ledger.services.records import documents

_PAGE = 500
_GRACE = 86400  # seconds within which keys must be destroyed after a disposal
_MODES = {
    "content": ("copy", "export"),
    "bundle": ("copy", "export"),
    "details": ("view", "inspection", "copy", "export"),
}


def check_item(node: Node, one: ReconstructedItem, report: AuditReport) -> None:
    """Disposal, holds and retention of one item."""
    evidence, now = one.item.state.evidence, node.clock.now()
    erasure = one.erasure
    closing = [row for row in one.rows if row.effect == "close"]
    disposed = [
        row
        for row in closing
        if (event := one.events.get(row.digest)) is not None and event.type == "disposed"
    ]
    for row in disposed:
        if one.life.holds:
            report.add(
                AuditFinding(
                    "hold-broken",
                    f"event {row.seq} of {evidence}",
                    "no hold in force",
                    f"{len(one.life.holds)} in force",
                )
            )
        if erasure is None:
            report.add(
                AuditFinding(
                    "row-missing",
                    f"erasure {evidence}",
                    "its keys are to be destroyed",
                    "no such row",
                )
            )
    if erasure is not None:
        _check_erasure(one, erasure.statement, erasure.state, now, report)
    if closing:
        return
    if one.life.retention is not None and one.life.retention < now and not one.life.holds:
        report.add(
            AuditFinding(
                "retention-over",
                evidence,
                f"reviewed by {format_time(one.life.retention)}",
                "kept, under no hold",
            )
        )
    for hold in one.life.holds.values():
        if "expires" in hold and parse_time(hold["expires"], what="expires") < now:
            report.add(
                AuditFinding(
                    "hold-expired",
                    evidence,
                    f"a hold until {hold['expires']}",
                    "neither released nor placed anew",
                )
            )


def _check_erasure(
    one: ReconstructedItem, statement: bytes, state: str, now: int, report: AuditReport
) -> None:
    evidence = one.item.state.evidence
    close = [row for row in one.rows if row.digest == statement]
    ours = one.item.state.closed
    if ours and (not close or close[0].effect != "close"):
        report.add(
            AuditFinding("row-inserted", f"erasure {evidence}", "a disposal in the log", "a row")
        )
        return
    if close and state != "done" and now - close[0].time > _GRACE:
        expected = f"keys destroyed within {_GRACE} s of {format_time(close[0].time)}"
        report.add(AuditFinding("disposal-overdue", evidence, expected, f"state {state!r}"))


def check_releases(node: Node, report: AuditReport) -> int:
    """Everything that was handed out is covered by a statement in the log, by or for whoever got
    it; how many releases there are.
    """
    after, count = (b"", "", ""), 0
    while True:
        with node.records.read() as unit:
            page = unit.releases.page(after=after, limit=_PAGE)
            for row in page:
                problem = _problem(node, unit, row)
                if problem:
                    place = f"release {row.kind} of {row.evidence} to {row.recipient[:12]}"
                    report.add(
                        AuditFinding(
                            "release-unlogged",
                            place,
                            "a statement in the log that covers it",
                            problem,
                        )
                    )
        if not page:
            return count
        last = page[-1]
        after, count = (last.statement, last.recipient, last.kind), count + len(page)


def _problem(node: Node, unit: UnitOfWork, row: ReleaseRow) -> str:
    entry = unit.logs.entry_by_digest(row.statement)
    if entry is None or entry.evidence != row.evidence:
        return "no such statement about this item"
    der = unit.people.certificate(entry.certificate)
    signer = certificates.parse(der) if der is not None else None
    if unit.erasures.get(row.evidence) is not None or signer is None:
        return "" if signer is not None else "signed by nobody known"
    event = documents.read_event(node, unit, entry)
    kind = event.type if event is not None else ""
    if row.kind in _MODES:
        good = (
            event is not None
            and kind == "accessed"
            and event.body["mode"] in _MODES[row.kind]
            and "basis" in event.value
        )
        return (
            ""
            if good and signer.subject.recipient == row.recipient
            else f"{kind or 'nothing'} by somebody else, or for something else"
        )
    to = event.body.get("to", {}) if event is not None else {}
    if row.kind in authorization.LOOKS:
        named = PersonId(node.agency, to["person"]).recipient if "person" in to else row.recipient
        asked = (
            kind == "transfer-offered"
            and to.get("agency") == node.agency
            and named == row.recipient
        )
        return (
            ""
            if asked and row.time >= entry.time - AHEAD
            else f"{kind or 'nothing'} for somebody else, or later than the look"
        )
    expected = {"parcel": "transfer-offered", "copy": "disclosed"}.get(row.kind, "")
    return (
        ""
        if kind == expected and to.get("agency") == row.recipient
        else f"{kind or 'nothing'} for somebody else"
    )
