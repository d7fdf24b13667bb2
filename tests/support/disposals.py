"""An item is disposed of, by two people."""

from __future__ import annotations

from tests.support.actors import enrolled
from tests.support.desk import Desk


def dispose(desk: Desk, evidence: str) -> None:
    """Record the request, the approval and the disposal."""
    other = enrolled(desk, "custodian")
    request = desk.record(evidence, "disposal-requested", {"reason": "over"})
    approved = other.record(evidence, "approved", {"target": request.statement})
    body = {
        "scope": "all",
        "method": "keys destroyed",
        "approvals": [approved.statement],
        "backupsExpire": "2099-01-01T00:00:00Z",
    }
    desk.record(evidence, "disposed", body)
