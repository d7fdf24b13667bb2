"""What stays proven of a record that fails: its longest beginning that is verified by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger.domain.bundle.bundle import Bundle
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.verify.procedure import verify_bundle
from ledger.domain.verify.report import Verdict, VerificationReport
from ledger.domain.verify.shown_branch import events_of


@dataclass(frozen=True, slots=True)
class VerifiedBeginning:
    """The events 0 to ``until`` of a record, verified by themselves, and the agency whose log has
    the event behind them, which is the first one that is wrong.
    """

    until: int
    report: VerificationReport
    next_agency: str

    def as_json(self) -> dict[str, Any]:
        """Stable keys for scripts (docs/format.md, "Verification report")."""
        facts = {name: self.report.facts[name] for name in ("custodian", "holder")}
        return {"event": self.until, **facts, "nextAgency": self.next_agency}


def verify_beginning(bundle: Bundle, root: TrustRoot, **judged_by: Any) -> VerifiedBeginning | None:
    """The longest beginning of a record that fails which is verified by itself: what an agency
    signed and held by the rules stays proven, whatever another one did with the item later.

    Args:
        judged_by: size, file, confirm and state of ``verify_bundle``.

    Returns:
        that beginning; None where not even the first event is verified, or there is no other one.
    """
    found: tuple[int, VerificationReport] | None = None
    low, high = 0, events_of(bundle) - 2
    while low <= high:
        until = (low + high) // 2 if found is not None else 0
        report = verify_bundle(bundle, root, until=until, **judged_by)
        if report.verdict is not Verdict.VERIFIED:
            high = until - 1
            continue
        found, low = (until, report), until + 1
    if found is None:
        return None
    return VerifiedBeginning(*found, bundle.logs[bundle.statements[found[0] + 1].log].agency)
