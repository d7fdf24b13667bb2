"""A wrong clock refutes nothing: whatever the machine says of the time, a home and its log are
failed for contradictions alone.
"""

from __future__ import annotations

import pytest

from ledger.app import open_audit
from ledger.domain.verify.report import Verdict
from ledger.services.audit import internal, self_check
from ledger.services.audit.self_check_findings import SelfCheckFinding
from tests.integration.test_audit_columns import Lived, both_agencies, lived
from tests.support.clocks import Ahead

__all__ = ["both_agencies", "lived"]
DAY = 86400


@pytest.mark.parametrize("by", [-400 * DAY, -3 * DAY, -3600, 3600, 3 * DAY, 400 * DAY, 4000 * DAY])
def test_a_home_is_not_failed_by_the_clock_alone(
    lived: Lived, monkeypatch: pytest.MonkeyPatch, by: int
) -> None:
    node = lived.desk.node
    monkeypatch.setattr(node, "clock", Ahead(node.clock, by))
    root = lived.desk.trust()
    with open_audit.temporary(root) as state:
        report = internal.audit(node, root, state, internal.InternalOptions())
    failed = [finding for finding in report.findings if finding.kind.severity == "failed"]
    failed += [
        one
        for one in self_check.examine(node, deep=True)
        if isinstance(one, SelfCheckFinding) and one.verdict is Verdict.FAILED
    ]
    assert failed == []
