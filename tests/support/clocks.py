"""Clocks that are wrong, or move on without anybody waiting."""

from __future__ import annotations

from ledger.domain.ports.node_and_chain import Clock


class Ahead:
    """A clock that is so many seconds ahead of another one, or behind it."""

    def __init__(self, clock: Clock, seconds: int) -> None:
        self._clock, self._seconds = clock, seconds

    def now(self) -> int:
        return self._clock.now() + self._seconds
