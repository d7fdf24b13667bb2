"""How many requests a caller may make: token buckets, by session where there is one and by address where there is none.

Logins and verifications cost more than they ask for, so they have buckets of their own. The table is bounded: whoever has not
called for longest is forgotten first, which gives back no more than a full bucket.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from starlette.types import Scope

from api.proxies import counted

_TABLE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """``burst`` requests at once, ``second`` more each second."""

    burst: float
    second: float


SESSION: Final = Rate(400, 200)  # an upload of small files makes two or three requests for a hundred files
SHARED: Final = Rate(2000, 1000)  # all sessions of one address, a station behind one proxy for example
ADDRESS: Final = Rate(120, 20)
LOGIN: Final = Rate(30, 0.5)
VERIFY: Final = Rate(20, 0.5)
_COSTLY: Final = {
    "/v1/login": LOGIN,
    "/v1/login/challenge": LOGIN,
    "/v1/enrolments": LOGIN,  # nobody guesses codes
    "/v1/enrolments/outcome": LOGIN,
    "/v1/enrolments/certificate": LOGIN,
    "/v1/verify": VERIFY,
}


class RateLimiter:
    """Counts requests; ``clock`` gives seconds, monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, bytes], tuple[float, float]] = OrderedDict()

    def wait(self, scope: Scope) -> int:
        """0 where the request may go on, else the seconds after which to come again."""
        path = scope["path"]
        rate = _COSTLY.get(path)
        token = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        if rate is None and token:
            # The address pays too: otherwise every made-up token would be a fresh bucket.
            return self._take(("session", sha256(token).digest()), SESSION) or self._take(("any", _address(scope)), SHARED)
        return self._take((path if rate else "address", _address(scope)), rate or ADDRESS)

    def _take(self, key: tuple[str, bytes], rate: Rate) -> int:
        now = self._clock()
        left, then = self._buckets.pop(key, (rate.burst, now))
        left = min(rate.burst, left + (now - then) * rate.second)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        if len(self._buckets) > _TABLE:
            self._buckets.popitem(last=False)
        return 0 if allowed else max(1, math.ceil((1 - left) / rate.second))


def _address(scope: Scope) -> bytes:
    return counted(scope).encode()
