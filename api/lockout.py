"""What a node remembers of logins: proofs that were used, and who failed too often. In memory,
bounded; a restart forgets both.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from ledger.domain.identity.dpop import WINDOW

_MOST: Final = 500_000
FAILURES: Final = 5
SECONDS: Final = 900.0


class SeenOnce:
    """The ids of proofs that may not be used again while their time would still be accepted."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._mutex = threading.Lock()

    def is_new(self, proof: str, now: int) -> bool:
        """Whether an id was not seen within the window; it is from now on."""
        with self._mutex:
            if proof in self._seen:
                return False
            self._seen[proof] = now
            while len(self._seen) > _MOST or next(iter(self._seen.values())) < now - 2 * WINDOW - 1:
                self._seen.popitem(last=False)
            return True


class LockOut:
    """Whoever fails to log in too often waits, by address and certificate: nobody can lock somebody
    else out from elsewhere.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[tuple[str, bytes], list[float]] = OrderedDict()
        self._mutex = threading.Lock()

    def wait(self, address: str, certificate: bytes) -> int:
        """Seconds for which this one is locked out; 0 where they may try."""
        with self._mutex:
            recent = self._recent(address, certificate)
            return int(recent[0] + SECONDS - self._clock()) + 1 if len(recent) >= FAILURES else 0

    def note(self, address: str, certificate: bytes, *, succeeded: bool) -> None:
        """Write down how an attempt ended; a good one forgets the failures before it."""
        with self._mutex:
            recent = self._recent(address, certificate)
            self._failed.pop((address, certificate), None)
            if not succeeded:
                self._failed[address, certificate] = [*recent, self._clock()]
            while len(self._failed) > _MOST:
                self._failed.popitem(last=False)

    def _recent(self, address: str, certificate: bytes) -> list[float]:
        return [
            failure
            for failure in self._failed.get((address, certificate), [])
            if failure > self._clock() - SECONDS
        ]
