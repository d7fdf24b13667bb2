"""Statements of an agency about itself: their documents are public, and must say what was signed
and what is in force.
"""

from __future__ import annotations

from hashlib import sha256

from ledger.domain.audit.findings import AuditFinding
from ledger.domain.audit.ports import AuditState
from ledger.domain.errors import CustodyError
from ledger.domain.event import document as documents
from ledger.domain.log.statement import Claims


class AgencyStatements:
    """Checks them one by one, and remembers which lists and descriptors the log announced."""

    def __init__(self, agency: str, state: AuditState) -> None:
        self._agency = agency
        self._state = state

    def check(self, index: int, claims: Claims, payload: bytes, raw: bytes) -> list[AuditFinding]:
        """Check the statement at ``index`` with the document served for it."""
        place = f"entry {index} of {self._agency}"
        if sha256(raw).digest() != payload:
            return [AuditFinding("document-differs", place, payload.hex(), sha256(raw).hexdigest())]
        try:
            event = documents.parse(raw)
            documents.check_claims(event, claims)
        except CustodyError as error:
            return [
                AuditFinding(
                    "entry-malformed",
                    place,
                    "a statement of the agency about itself",
                    error.message,
                )
            ]
        if (event.type == "log-opened") != (index == 0) and "parent" not in event.body:
            return [
                AuditFinding(
                    "agency-statements", place, "log-opened as entry 0 and nowhere else", event.type
                )
            ]
        if event.type in {"crl-published", "descriptor-published"}:
            self._state.put_blob(event.type, bytes.fromhex(event.body["digest"]), b"")
        return []


def announced(state: AuditState, kind: str, digest: bytes) -> bool:
    """Whether a log announced a revocation list or a descriptor of this digest."""
    return state.blob(kind, digest) is not None
