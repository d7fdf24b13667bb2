"""The node's second kind of background work: bringing items to replicas, and reading them again by
schedule.

One thread plans, one a replica sends, one reads again: a daemon that hangs holds up nobody but
itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from ledger.domain.errors import CustodyError
from ledger.services.node.context import Node
from ledger.services.node.supervision import Duty, Round, Worker
from ledger.services.preservation import fixity
from ledger.services.preservation.fixity import FixityPolicy, RateLimiter, Reading
from ledger.services.storage import placement, replication

_PAUSE: Final = 1.0
_SLICE: Final = 5.0  # seconds for which one item is sent or read on without letting anybody else
_PATIENCE: Final = 3600  # seconds out of reach after which other replicas take over
_ASKED: Final = 60  # seconds after which a replica without work is asked whether it is there
_OUTSIDE: Final = 10  # seconds between two plans of what may lie outside
_AFRESH: Final = 86400  # seconds after which all items are planned again


class ReplicaWorker(Worker):
    """Does nothing where the home has no IPFS nodes."""

    def __init__(self, node: Node, policy: FixityPolicy) -> None:
        self._node = node
        self._policy = policy
        self._lost: dict[str, int] = {}
        self._asked: dict[str, int] = {}
        rounds: dict[str, Callable[[], bool]] = {}
        if names := node.replicas.names():
            rounds = {"planning": _Planner(node, self._lost).plan, "fixity": self._read_again}
        rounds |= {name: partial(self._settle, name) for name in names}
        duties = (
            Duty(f"keeping-{name}", partial(_round, work), pause=_PAUSE)
            for name, work in rounds.items()
        )
        super().__init__(node, duties)
        self._pace = RateLimiter(policy.rate, self.stopping.wait)

    def _settle(self, name: str) -> bool:
        """Bring to a replica what it shall have; whether there was anything."""
        asked = self._asked.get(name, 0)
        try:
            done = replication.settle(self._node, name, stopped=self._slice())
            if not done and self._node.clock.now() - asked < _ASKED:
                return False
            if not done:  # one that nothing is sent to may be gone as well
                self._node.replicas[name].status()
        except CustodyError:
            self._lost.setdefault(name, self._node.clock.now())
            raise
        self._asked[name] = self._node.clock.now()
        self._lost.pop(name, None)
        return bool(done)

    def _read_again(self) -> bool:
        """Read again what is due; whether anything was."""
        items = fixity.due(self._node, self._policy)
        for evidence in items:
            if self.stopping.is_set():
                break
            fixity.check(self._node, evidence, Reading(self._pace, self._slice()))
        return bool(items)

    def _slice(self) -> Callable[[], bool]:
        """Whether to let others go first: whoever wants one item now waits no longer than that."""
        end = time.monotonic() + _SLICE
        return lambda: self.stopping.is_set() or time.monotonic() > end


class _Planner:
    """Plans where items shall lie, a part of them in each round.

    Args:
        lost: since when replicas are out of reach.
    """

    def __init__(self, node: Node, lost: Mapping[str, int]) -> None:
        self._node = node
        self._lost = lost
        self._after = -1
        self._planned = node.clock.now()
        self._absent = frozenset[str]()
        self._outside = 0

    def plan(self) -> bool:
        """Plan the next items; whether there were any."""
        now = self._node.clock.now()
        gone = frozenset(name for name, since in self._lost.items() if now - since >= _PATIENCE)
        if gone - self._absent or not 0 <= now - self._planned < _AFRESH:
            self._after, self._planned = -1, now
        self._absent = gone
        reached = placement.plan(self._node, after=self._after, absent=gone)
        if not 0 <= now - self._outside < _OUTSIDE:
            self._outside = now
            placement.plan_outside(self._node)
        before, self._after = self._after, reached
        return reached != before


def _round(work: Callable[[], bool]) -> Round:
    """A round that is repeated at once while it does something."""
    return Round(0.0 if work() else _PAUSE)
