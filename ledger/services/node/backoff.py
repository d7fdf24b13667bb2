"""What failed with another agency about an item, and when it is tried again: twice as long after
each failure.

- what does not verify is not asked for again at once: each try costs a transfer, and checking it
- what may pass by itself (a block that is not final yet, a node that does not answer) is tried
  again freely at first
- an agency with many failing items gets no further one in before some are due: names of items are
  theirs to make up

Kept by the process; a restart tries everything once more.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from ledger.domain import errors
from ledger.domain.codecs.text import counted, format_time
from ledger.domain.errors import CustodyError

_PASSING: Final = (
    errors.IncompleteError,
    errors.ConflictError,
    errors.NotFoundError,
    errors.NetworkError,
    errors.ChainError,
    errors.StorageError,
    errors.DeniedError,
)
_FREE: Final = 3  # failures that may pass by themselves, before they are waited for
_FIRST: Final = 30  # seconds after the first failure of what does not verify
_LONGEST: Final = 6 * 3600
_MOST: Final = 50  # failing items of one agency


@dataclass(frozen=True, slots=True)
class Failure:
    """How often something failed in a row, when it is tried again in seconds since 1970, and what
    the last failure was.
    """

    tries: int
    due: int
    message: str

    def described(self) -> str:
        """What whoever asks how the exchange goes is told."""
        return (
            f"{self.message} (failed {counted(self.tries, 'time')}; tried again at "
            f"{format_time(self.due)})"
        )


class Backoff:
    """Safe for use by several threads."""

    def __init__(self) -> None:
        self._failures: dict[tuple[str, str], Failure] = {}
        self._mutex = threading.Lock()

    def waits(self, agency: str, evidence: str, now: int) -> str:
        """Why an item of an agency is not tried now; empty where it may be."""
        with self._mutex:
            failure = self._failures.get((agency, evidence))
            if failure is not None:
                # A clock that was set back holds up nothing.
                return failure.described() if now < failure.due <= now + _LONGEST else ""
            mine = [
                other
                for (code, _), other in self._failures.items()
                if code == agency and now < other.due <= now + _LONGEST
            ]
            return (
                f"{len(mine)} items from {agency} fail: no further one is taken in for now"
                if len(mine) >= _MOST
                else ""
            )

    def failed(self, agency: str, evidence: str, error: CustodyError, now: int) -> Failure:
        """Write a failure down."""
        with self._mutex:
            before = self._failures.pop((agency, evidence), None)
            tries = (before.tries if before is not None else 0) + 1
            if isinstance(error, _PASSING):
                pause = 0 if tries <= _FREE else 1 << min(tries - _FREE, 16)
            else:
                pause = _FIRST << min(tries - 1, 16)
            failure = Failure(tries, now + min(pause, _LONGEST), error.message)
            self._failures[agency, evidence] = failure
            self._forget(agency)
            return failure

    def succeeded(self, agency: str, evidence: str) -> None:
        """Forget the failures before it."""
        with self._mutex:
            self._failures.pop((agency, evidence), None)

    def _forget(self, agency: str) -> None:
        """Bound the table: what failed longest ago of an agency goes first."""
        mine = [key for key in self._failures if key[0] == agency]
        for key in mine[: -2 * _MOST]:
            del self._failures[key]
