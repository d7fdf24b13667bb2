"""The numbered verification procedure (DESIGN section 13)."""

from ledger.domain.verify.procedure import FileDigest, verify, verify_bundle
from ledger.domain.verify.report import Status, Step, Verdict, VerificationReport
from ledger.domain.verify.state import ContractState

__all__ = [
    "ContractState",
    "FileDigest",
    "Status",
    "Step",
    "Verdict",
    "VerificationReport",
    "verify",
    "verify_bundle",
]
