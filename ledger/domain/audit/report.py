"""The report of an audit: one line a check, findings, facts, and one verdict (DESIGN section 13).

- a check over nothing shows nothing: its line says "nothing to check", never "ok"
- an audit is about the entries of logs that are anchored: without one, or with entries behind them,
  it is incomplete
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.domain.audit.checklist import CHECKS, Severity, Status
from ledger.domain.audit.findings import AuditFinding
from ledger.domain.verify.report import Verdict

#: Findings of one code that are listed one by one; beyond them only the number grows, so that a
#: report stays readable.
LISTED: Final = 200

_STATUS: Final = {
    Severity.FAILED: Status.FAILED,
    Severity.UNREADABLE: Status.UNREADABLE,
    Severity.INCOMPLETE: Status.NOT_CHECKED,
}
_RANK: Final = (
    Status.NOT_ASKED,
    Status.NOTHING,
    Status.PASSED,
    Status.NOT_CHECKED,
    Status.UNREADABLE,
    Status.FAILED,
)


@dataclass
class AuditReport:
    """What an audit found.

    Attributes:
        statuses: check -> result before findings are taken into account; what is not in it was not
            asked for.
        details: check -> how much of it was looked at.
        findings: at most LISTED of each code; ``counts`` has them all.
        facts: numbers for scripts, stable names.
        logs: agencies of the logs that were asked for and are known, by log.
    """

    statuses: dict[str, Status] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    findings: list[AuditFinding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    facts: dict[str, Any] = field(default_factory=dict)
    logs: dict[bytes, str] = field(default_factory=dict)

    def add(self, finding: AuditFinding) -> None:
        """Take a finding over."""
        self.counts[finding.code] += 1
        if self.counts[finding.code] <= LISTED:
            self.findings.append(finding)

    def find(self, code: str, place: str, expected: str, found: str) -> None:
        """Take over what was found at a place; see AuditFinding."""
        self.add(AuditFinding(code, place, expected, found))

    def take_over(self, other: AuditReport) -> None:
        """Take over every finding of a part that was told apart."""
        listed = Counter(finding.code for finding in other.findings)
        for finding in other.findings:
            self.add(finding)
        self.counts.update(other.counts - listed)

    def take(self, results: Iterable[AuditFinding | int]) -> int:
        """Carry a check out: its findings are taken over.

        Returns:
            how much it went through: the sum of the numbers that it yields.
        """
        count = 0
        for result in results:
            if isinstance(result, int):
                count += result
            else:
                self.add(result)
        return count

    def checked(self, check: str, detail: str, count: int) -> None:
        """A check was carried out to its end, over so many things."""
        if self.statuses.get(check, Status.NOTHING) is Status.NOTHING:
            self.statuses[check] = Status.PASSED if count else Status.NOTHING
        self.details[check] = detail

    def not_asked(self, check: str, why: str) -> None:
        """A check was left out because whoever audits wanted it so."""
        self.statuses.pop(check, None)
        self.details[check] = why

    def judged(self, place: str, anchored: int, waiting: int, *, overdue: str = "") -> None:
        """How much of a log was judged: the entries that are anchored, and none of those that wait.

        Args:
            overdue: what is wrong with it, where they wait for longer than the agency declared, or
                are too many to look at.
        """
        code = "overdue" if overdue else "waiting" if anchored else "nothing-anchored"
        found = f"{anchored} anchored, {waiting} wait" + (f": {overdue}" if overdue else "")
        self.facts["waiting"] = self.facts.get("waiting", 0) + waiting
        detail = "; ".join(filter(None, (self.details.get("anchored"), f"{place}: {found}")))
        if waiting or not anchored:
            self.find(code, place, "every entry anchored", found)
            self.skipped("anchored", detail)
        else:
            self.checked("anchored", detail, anchored)

    def skipped(self, check: str, why: str) -> None:
        """A check was asked for and could not be carried out."""
        self.statuses[check] = Status.NOT_CHECKED
        self.details[check] = why

    def status(self, check: str) -> Status:
        """Result of a check: the worst of what was found."""
        statuses = [self.statuses.get(check, Status.NOT_ASKED)]
        for finding in self.findings:
            if finding.kind.check == check and finding.kind.severity in _STATUS:
                statuses.append(_STATUS[finding.kind.severity])
        return max(statuses, key=_RANK.index)

    @property
    def verdict(self) -> Verdict:
        """Failed beats unreadable beats incomplete beats verified; a mismatch and a read error are
        never confused.
        """
        statuses = {self.status(check) for check in CHECKS}
        if Status.FAILED in statuses:
            return Verdict.FAILED
        if Status.UNREADABLE in statuses:
            return Verdict.UNREADABLE
        if Status.NOT_CHECKED in statuses or self.status("entries") is not Status.PASSED:
            return Verdict.INCOMPLETE
        return Verdict.VERIFIED

    def codes(self) -> set[str]:
        """Codes of all findings, also of those that are counted only."""
        return set(self.counts)

    def as_json(self) -> dict[str, Any]:
        """Stable keys for scripts (docs/format.md, "Audit report")."""
        return {
            "v": 1,
            "kind": "custody-audit-report",
            "verdict": self.verdict.value,
            "checks": [
                {
                    "check": check,
                    "title": title,
                    "status": self.status(check).value,
                    "detail": self.details.get(check, ""),
                }
                for check, title in CHECKS.items()
            ],
            "findings": [finding.as_json() for finding in self.findings],
            "counts": dict(sorted(self.counts.items())),
            "facts": self.facts,
        }
