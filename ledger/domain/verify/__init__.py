"""The numbered verification procedure (DESIGN section 13)."""

from ledger.domain.verify.procedure import FileDigest, verify
from ledger.domain.verify.report import Report, Status, Step, Verdict

__all__ = ["FileDigest", "Report", "Status", "Step", "Verdict", "verify"]
