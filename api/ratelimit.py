"""How many requests a caller may make: token buckets, by session where there is one and by address
where there is none.

Logins and verifications cost more than they ask for, so they have buckets of their own. The table
is bounded: whoever has not called for longest is forgotten first, which gives back no more than a
full bucket.
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


SESSION: Final = Rate(
    400, 200
)  # an upload of small files makes two or three requests for a hundred files
SHARED: Final = Rate(
    2000, 1000
)  # all sessions of one address, a station behind one proxy for example
ADDRESS: Final = Rate(120, 20)
LOGIN: Final = Rate(30, 0.5)
VERIFY: Final = Rate(20, 0.5)
LISTS: Final = Rate(
    20, 1 / 600
)  # revocation lists issued for another agency: each is an entry of our log, for ever
_COSTLY: Final = {
    "/v1/login": LOGIN,
    "/v1/login/challenge": LOGIN,
    "/v1/enrolments": LOGIN,  # nobody guesses codes
    "/v1/enrolments/outcome": LOGIN,
    "/v1/enrolments/certificate": LOGIN,
    "/v1/verify": VERIFY,
}


class Buckets:
    """Token buckets by key; ``clock`` gives seconds, monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: OrderedDict[tuple[str, bytes], tuple[float, float]] = OrderedDict()

    def take(self, key: tuple[str, bytes], rate: Rate) -> int:
        """Take one; 0, or the seconds after which there will be one."""
        now = self._clock()
        left, then = self._left.pop(key, (rate.burst, now))
        left = min(rate.burst, left + (now - then) * rate.second)
        allowed = left >= 1
        self._left[key] = (left - 1 if allowed else left, now)
        if len(self._left) > _TABLE:
            self._left.popitem(last=False)
        return 0 if allowed else max(1, math.ceil((1 - left) / rate.second))


class RateLimiter:
    """Counts requests; ``clock`` gives seconds, monotonic.

    A session is one that somebody has proven to have: whoever makes tokens up stays a stranger with
    an address.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._buckets = Buckets(clock)
        self._sessions: OrderedDict[bytes, None] = OrderedDict()

    def know(self, authorization: bytes) -> None:
        """The session of this header was proven just now."""
        token = sha256(authorization).digest()
        self._sessions[token] = None
        self._sessions.move_to_end(token)
        if len(self._sessions) > _TABLE:
            self._sessions.popitem(last=False)

    def wait(self, scope: Scope) -> int:
        """0 where the request may go on, else the seconds after which to come again."""
        path = scope["path"]
        rate = _COSTLY.get(path)
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        if rate is None and given and (token := sha256(given).digest()) in self._sessions:
            return self._buckets.take(("session", token), SESSION) or self._buckets.take(
                ("any", _address(scope)), SHARED
            )
        return self._buckets.take((path if rate else "address", _address(scope)), rate or ADDRESS)


def _address(scope: Scope) -> bytes:
    return counted(scope).encode()
