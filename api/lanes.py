"""Bulkheads: routes that may wait for a chain, another agency or an IPFS node, or that compute for long, few of each at once.

A request waits for its lane on the event loop, where waiting costs no thread; too many, or too long, and it is told to come again
(503 with Retry-After). All lanes together leave threads for the other routes: health, the agency's keys and logins answer at once
whatever the others wait for. The CLI's calls to a home of its own are alone, and pass.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from ledger.domain.errors import BusyError

THREADS: Final = 40  # of the server, for all routes; anyio's own default, which a test compares
RESERVE: Final = 12  # of them, kept from the lanes
_PATIENCE: Final = 5.0  # seconds
_STEP: Final = 0.05


class Lane:
    """``at_once`` requests at work, and as many as ``waiting`` more for a few seconds. Safe for use by several event loops."""

    def __init__(self, what: str, at_once: int, waiting: int) -> None:
        self.at_once = at_once
        self._what, self._most = what, waiting
        self._working = self._waiting = 0
        self._mutex = threading.Lock()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place in the lane.

        Raises:
            BusyError: none became free in time, or too many wait for one.
        """
        if not self._take():
            await self._wait()
        try:
            yield
        finally:
            with self._mutex:
                self._working -= 1

    def _take(self) -> bool:
        with self._mutex:
            if self._working >= self.at_once:
                return False
            self._working += 1
            return True

    async def _wait(self) -> None:
        with self._mutex:
            full = self._waiting >= self._most
            self._waiting += not full
        if full:
            raise self._busy()
        try:
            end = time.monotonic() + _PATIENCE
            while not self._take():
                if time.monotonic() > end:
                    raise self._busy()
                await asyncio.sleep(_STEP)
        finally:
            with self._mutex:
                self._waiting -= 1

    def _busy(self) -> BusyError:
        return BusyError(f"too many requests wait for {self._what}", hint="try again in a moment")


#: Lane by operation. Anyone may call the first lanes' routes, so nobody else waits in them.
_GROUPS: Final[dict[str, tuple[str, int, int, tuple[str, ...]]]] = {
    "verify": ("a verification", 2, 8, ("verify",)),
    "public chain": ("the chain", 2, 16, ("readiness", "trust_root")),
    "chain": (
        "the chain",
        6,
        24,
        ("status", "bundle", "list_partners", "parcel", "closing", "copy_parcel", "disposals_for_agency", "exchanged"),
    ),
    "long": ("anchoring and exchange", 4, 8, ("anchor", "sync_handovers")),
    "partners": (
        "another agency's node",
        4,
        8,
        ("add_partner", "admit_guest", "list_copies", "copy_record", "copy_range", "copy_taken"),
    ),
    "ipfs": ("the IPFS nodes", 2, 4, ("sync_replicas", "check_fixity")),
    "content": ("stored content", 8, 64, ("content", "incoming_content", "offered_content", "copy_content")),
}


def lanes() -> dict[str, Lane]:
    """The lanes of one application, by operation."""
    found: dict[str, Lane] = {}
    for what, at_once, waiting, operations in _GROUPS.values():
        found |= dict.fromkeys(operations, Lane(what, at_once, waiting))
    return found
