"""The node's second kind of background work: bringing items to replicas, and reading them again by
schedule.

One thread plans, one a replica sends, one reads again: a daemon that hangs holds up nobody but
itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from ledger.domain.errors import CustodyError
from ledger.services.node import supervision
from ledger.services.node.context import Node
from ledger.services.node.supervision import Loop, Round
from ledger.services.preservation import fixity
from ledger.services.preservation.fixity import FixityPolicy, RateLimiter, Reading
from ledger.services.storage import placement, replication

_PAUSE: Final = 1.0
_SLICE: Final = 5.0  # seconds for which one item is sent or read on without letting anybody else
_PATIENCE: Final = 3600  # seconds out of reach after which other replicas take over
_ASKED: Final = 60  # seconds after which a replica without work is asked whether it is there
_OUTSIDE: Final = 10  # seconds between two looks at what may lie outside
_AFRESH: Final = 86400  # seconds after which all items are planned again


class ReplicaWorker:
    """Starts and stops with the node; does nothing where the home has no IPFS nodes."""

    def __init__(self, node: Node, policy: FixityPolicy) -> None:
        self._node = node
        self._policy = policy
        self._stop = threading.Event()
        self._pace = RateLimiter(policy.rate, self._stop.wait)
        self._lost: dict[str, int] = {}
        steps: dict[str, Callable[[], bool]] = {
            "planning": self._planner(),
            "fixity": self._read_again,
        }
        steps |= {name: self._settler(name) for name in node.replicas.names()}
        self._loops = [
            Loop(node, f"keeping-{name}", _round_of(step), pause=_PAUSE)
            for name, step in steps.items()
        ]

    def start(self) -> None:
        """Begin."""
        if self._node.replicas.names():
            for loop in self._loops:
                loop.start()

    def stop(self) -> None:
        """Finish the steps in progress, each at its next window, then end."""
        self._stop.set()
        supervision.stop(self._loops)

    def _planner(self) -> Callable[[], bool]:
        after, planned, absent, looked = -1, self._node.clock.now(), frozenset[str](), 0

        def step() -> bool:
            nonlocal after, planned, absent, looked
            now = self._node.clock.now()
            gone = frozenset(name for name, since in self._lost.items() if now - since >= _PATIENCE)
            if gone - absent or now - planned >= _AFRESH:
                after, planned = -1, now
            absent = gone
            reached = placement.plan(self._node, after=after, absent=absent)
            if now - looked >= _OUTSIDE:
                looked = now
                placement.plan_outside(self._node)
            reached, after = after, reached
            return reached != after

        return step

    def _settler(self, name: str) -> Callable[[], bool]:
        asked = 0

        def step() -> bool:
            nonlocal asked
            try:
                end = time.monotonic() + _SLICE
                done = replication.settle(
                    self._node, name, stopped=lambda: self._stop.is_set() or time.monotonic() > end
                )
                if not done and self._node.clock.now() - asked < _ASKED:
                    return False
                if not done:  # one that nothing is sent to may be gone as well
                    self._node.replicas[name].status()
            except CustodyError:
                self._lost.setdefault(name, self._node.clock.now())
                raise
            asked = self._node.clock.now()
            self._lost.pop(name, None)
            return bool(done)

        return step

    def _read_again(self) -> bool:
        items = fixity.due(self._node, self._policy)
        for evidence in items:
            if self._stop.is_set():
                break
            end = (
                time.monotonic() + _SLICE
            )  # whoever wants one item read now waits no longer than that
            fixity.check(
                self._node,
                evidence,
                Reading(self._pace, lambda end=end: self._stop.is_set() or time.monotonic() > end),  # type: ignore[misc]
            )
        return bool(items)


def _round_of(step: Callable[[], bool]) -> Callable[[], Round]:
    """A step that is repeated at once while it finds work."""
    return lambda: Round(0.0 if step() else _PAUSE)
