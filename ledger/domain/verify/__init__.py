"""The numbered verification procedure (DESIGN section 13)."""

from ledger.domain.verify.procedure import FileDigest, verify
from ledger.domain.verify.report import Report, Status, Step, Verdict
from ledger.domain.verify.state import State

__all__ = ["FileDigest", "Report", "State", "Status", "Step", "Verdict", "verify"]
