"""What the derivation of an item's custody branch is given: statements at their places in logs, and
the agencies whose logs they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.domain.log.statement import Claims


@dataclass(frozen=True, slots=True)
class SequencedStatement:
    """A statement at its place, which an anchored checkpoint proves.

    ``index`` is the one in the current log of ``agency``; None where only an older log holds it,
    beyond the point from which another was opened. ``proven`` is the time of the first checkpoint
    that covers it there. ``expires`` is that of an offer; None where that is withheld.
    """

    agency: str
    index: int | None
    proven: int
    digest: bytes
    claims: Claims
    expires: int | None = None

    @property
    def place(self) -> tuple[bool, int, str, bytes]:
        """Sorts statements by their place in the current log, those of older logs behind."""
        return self.index is None, self.index or 0, self.agency, self.digest


@dataclass(frozen=True, slots=True)
class Retirement:
    """Who continues a retired agency's items, the size of its log that the retirement names, and
    when that was.
    """

    successor: str
    size: int
    time: int


@dataclass(frozen=True, slots=True)
class LogHolder:
    """An agency with the ids of all its logs. ``whole``: all statements about the item in its
    current log are at hand.
    """

    logs: frozenset[bytes]
    whole: bool = True
    retired: Retirement | None = None
