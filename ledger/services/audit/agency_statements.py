"""Statements of an agency about itself: their documents are public, and must say what was signed
and what is in force.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from ledger.domain.audit.findings import AuditFinding
from ledger.domain.audit.ports import AuditState
from ledger.domain.errors import CustodyError
from ledger.domain.event import document as documents
from ledger.domain.log.statement import Claims

_ANNOUNCED: Final = ("crl-published", "descriptor-published")
#: The number of the newest revocation list that was announced.
_NEWEST: Final = "crl-number"


class AgencyStatements:
    """Checks them one by one, and remembers which lists and descriptors the log announced."""

    def __init__(self, agency: str, state: AuditState) -> None:
        self._agency = agency
        self._state = state
        self._fresh: list[tuple[str, bytes, bytes]] = []
        self._newest = newest_list(state, agency)

    def check(
        self, index: int, claims: Claims, payload: bytes, raw: bytes, proven: int
    ) -> list[AuditFinding]:
        """Check the statement at ``index``, proven at a time, with the document served for it."""
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
        if event.type in _ANNOUNCED:
            digest = bytes.fromhex(event.body["digest"])
            self._fresh.append((_kind(event.type, self._agency), digest, _encode(proven)))
        if event.type == "crl-published":
            self._newest = max(self._newest, int(event.body["number"]))
            self._fresh.append((_kind(_NEWEST, self._agency), b"", _encode(self._newest)))
        return []

    def keep(self) -> None:
        """Keep what was announced, with the stretch of the log in which it was."""
        for kind, digest, value in self._fresh:
            self._state.put_blob(kind, digest, value)
        self._fresh.clear()

    def forget(self) -> None:
        """Drop what was announced in a log that contradicts the chain."""
        self._fresh.clear()
        for kind in (*_ANNOUNCED, _NEWEST):
            self._state.keep_blobs(_kind(kind, self._agency), [])


def _kind(kind: str, agency: str) -> str:
    """An agency announces what is its own: nobody else's log speaks for it."""
    return f"{kind} {agency}"


def _encode(number: int) -> bytes:
    return number.to_bytes(8, "big")


def announced(state: AuditState, agency: str, kind: str, digest: bytes) -> int | None:
    """When an agency's log announced a revocation list or a descriptor of this digest, as proven;
    None where it did not.
    """
    proven = state.blob(_kind(kind, agency), digest)
    return int.from_bytes(proven, "big") if proven is not None else None


def newest_list(state: AuditState, agency: str) -> int:
    """The number of the newest revocation list that an agency's log announced; 0 for none."""
    return int.from_bytes(state.blob(_kind(_NEWEST, agency), b"") or b"", "big")
