"""The numbered verification procedure (DESIGN section 13)."""

from ledger.domain.verify.beginning import VerifiedBeginning, verify_beginning
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
    "VerifiedBeginning",
    "verify",
    "verify_beginning",
    "verify_bundle",
]
