"""Lanes: how many requests of one kind may run at once, for routes that wait for a chain, another
agency, an IPFS node or the database, or that compute for long.

A request waits for its lane on the event loop, where waiting costs no thread; too many, or too
long, and it is told to come again (503 with Retry-After). All lanes together leave threads for the
other routes: health, the agency's keys and logins answer at once whatever the others wait for.
Nobody has more than half of a lane, so that one person's calls leave room for a colleague's. The
CLI's calls to a home that it opened itself take no lane: there are no others.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from typing import Final

from ledger.domain.errors import BusyError

THREADS: Final = 54  # of the server, for all routes; fewer than the database has connections
RESERVE: Final = 12  # threads that no lane takes: tests hold all lanes to THREADS - RESERVE
_PATIENCE: Final = 5.0  # seconds
_STEP: Final = 0.05


class _Places:
    """So many places, and who has them."""

    def __init__(self, total: int) -> None:
        self._free = total
        self._each = max(total // 2, 1)
        self._taken: Counter[str] = Counter()

    def take(self, who: AbstractSet[str]) -> bool:
        """Take one, if there is one, where none of ``who`` has half of them already."""
        if not self._free or any(self._taken[one] >= self._each for one in who):
            return False
        self._free -= 1
        self._taken.update(who)
        return True

    def give(self, who: AbstractSet[str]) -> None:
        """Give it back."""
        self._free += 1
        self._taken.subtract(who)
        for one in who:
            if not self._taken[one]:
                del self._taken[one]


class Lane:
    """``at_once`` requests at work, and ``waiting`` more for a few seconds. One person has half of
    either at most. Safe for use by several event loops.

    Args:
        own: the agency of the node; guests of others together have no more than half of the places,
            at work and waiting.
        shared: a lane of other agencies alone, of which none has more than half.
    """

    def __init__(
        self, what: str, at_once: int, waiting: int, *, own: str = "", shared: bool = False
    ) -> None:
        self.at_once = at_once
        self._what = what
        self._own = own
        self._shared = shared
        self._working, self._waiting = _Places(at_once), _Places(waiting)
        self._mutex = threading.Lock()

    @asynccontextmanager
    async def place(self, agency: str = "", person: str = "") -> AsyncIterator[None]:
        """A place in the lane, for somebody of an agency, where they are known.

        Raises:
            BusyError: none became free in time, or too many wait for one.
        """
        group = agency if self._shared else "guests" if agency not in ("", self._own) else ""
        who = {one for one in (group, person and f"{person}@{agency}") if one}
        if not self._take(self._working, who):
            await self._wait(who)
        try:
            yield
        finally:
            self._give(self._working, who)

    def _take(self, places: _Places, who: AbstractSet[str]) -> bool:
        with self._mutex:
            return places.take(who)

    def _give(self, places: _Places, who: AbstractSet[str]) -> None:
        with self._mutex:
            places.give(who)

    async def _wait(self, who: AbstractSet[str]) -> None:
        if not self._take(self._waiting, who):
            raise self._busy()
        try:
            end = time.monotonic() + _PATIENCE
            while not self._take(self._working, who):
                if time.monotonic() > end:
                    raise self._busy()
                await asyncio.sleep(_STEP)
        finally:
            self._give(self._waiting, who)

    def _busy(self) -> BusyError:
        return BusyError(f"too many requests wait for {self._what}", hint="try again in a moment")


#: Lane -> what it waits for, requests at work, requests waiting, operations. Those of the first
#: three need no login: whoever floods them holds up nobody in another lane.
_GROUPS: Final[dict[str, tuple[str, int, int, tuple[str, ...]]]] = {
    "verify": ("a verification", 2, 8, ("verify",)),
    "public chain": ("the chain", 2, 16, ("trust_root",)),
    "readiness": (
        "the chain",
        1,
        16,
        ("readiness",),
    ),  # a stranger's calls must not take the node out of a load balancer
    "chain": ("the chain", 4, 24, ("status", "bundle", "list_partners")),
    "exchange": (
        "the chain",
        4,
        24,
        (
            *("parcel", "closing", "copy_parcel", "disposals_for_agency", "exchanged"),
            *("crl_for_agency", "copies_for_agency", "tell_copy"),
        ),
    ),
    "long": ("anchoring and exchange", 3, 8, ("anchor", "sync_handovers")),
    "time": ("a time authority", 1, 4, ("stamp",)),
    "partners": (
        "another agency's node",
        3,
        8,
        ("add_partner", "admit_guest", "list_copies", "copy_record", "copy_range", "copy_taken"),
    ),
    "ipfs": ("the IPFS nodes", 2, 4, ("sync_replicas", "check_fixity")),
    "content": ("stored content", 5, 64, ("content", "incoming_content")),
    "histories": (
        "the records of items",
        3,
        24,
        ("details", "grants", "incoming", "rehearse", "find_recorded", "find_numbers", "inbox"),
    ),
    "lists": (
        "lists of items",
        4,
        48,
        (
            "list_evidence",
            "search_evidence",
            "find_evidence",
            "find_duplicates",
            "list_events",
            "list_handovers",
            "lineage",
        ),
    ),
    "registration": ("registration", 6, 96, ("register",)),
    "exchanged content": ("stored content", 2, 16, ("offered_content", "copy_content")),
}
#: Lanes of other agencies' nodes: one that calls without end leaves room for the others, and all of
#: them leave our own people theirs.
_SHARED: Final = frozenset({"exchange", "exchanged content"})


def lanes(own: str) -> dict[str, Lane]:
    """The lanes of one agency's application, by operation."""
    found: dict[str, Lane] = {}
    for name, (what, at_once, waiting, operations) in _GROUPS.items():
        found |= dict.fromkeys(
            operations, Lane(what, at_once, waiting, own=own, shared=name in _SHARED)
        )
    return found
