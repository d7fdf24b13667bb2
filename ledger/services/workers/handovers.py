"""The node's background exchange with other agencies: our own duties in one thread, turns with
agencies in a few others.

No agency can hold up our own duties, nor, as long as fewer than all threads wait for slow ones, any
other agency; whoever waited longest is next, and a turn is bounded in time.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Final

from ledger.rows.agencies import PartnerRow
from ledger.services.handovers import sync
from ledger.services.node import supervision
from ledger.services.node.context import Node
from ledger.services.node.supervision import Loop, Round
from ledger.services.onchain import transfer_steps

_LOG: Final = logging.getLogger("custody.exchange")
_BUSY: Final = 1.0  # seconds between turns while a handover is under way
_IDLE: Final = 15.0
_LOOK: Final = 0.5  # seconds until a thread without work looks for some again
_LONGEST: Final = 60.0  # seconds between turns with an agency that fails
_THREADS: Final = 8
_ITEM: Final = "urn:"
_SEE: Final = "see: custody handover sync"


@dataclass
class _Agency:
    """How the turns with an agency go: when the next one is due, monotonic, and what went wrong in
    the last.
    """

    row: PartnerRow
    due: float = 0.0
    busy: bool = False
    failures: int = 0
    problems: dict[str, str] = field(default_factory=dict)


class HandoverWorker:
    """Problems are told once each, by agency or item, without case data; all of them stand in what
    the duty "exchange" tells.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._told = set[tuple[str, str]]()
        self._agencies: dict[str, _Agency] = {}
        self._mutex = threading.Lock()
        self._stop = threading.Event()
        self._loop = Loop(node, "exchange", self._step)
        self._turns = [
            Loop(node, f"exchange-{number}", self._turn, pause=_LOOK)
            for number in range(1, _THREADS + 1)
        ]

    @property
    def _thread(self) -> object:
        """The thread, for whoever looks whether it lives."""
        return self._loop._thread  # noqa: SLF001

    def start(self) -> None:
        """Begin."""
        for loop in (self._loop, *self._turns):
            loop.start()

    def stop(self) -> None:
        """Finish the steps in progress, transfers at their next range, then end."""
        self._stop.set()
        supervision.stop((self._loop, *self._turns))

    def _step(self) -> Round:
        with self._node.records.read() as unit:
            rows = unit.partners.all()
            busy = bool(unit.transfers.in_states(transfer_steps.UNSETTLED, 1))
        with (
            self._mutex
        ):  # before our own duties: where the chain does not answer, turns begin all the same
            self._agencies = {
                row.agency: self._agencies.get(row.agency, _Agency(row)) for row in rows
            }
            for row in rows:
                self._agencies[row.agency].row = row
        problems = sync.own(self._node).problems
        with self._mutex:
            for one in self._agencies.values():
                problems |= one.problems
        told = set(problems.items())
        for name, problem in sorted(told - self._told):
            if name.startswith(_ITEM):  # the others stand in what the loop tells
                _LOG.warning("%s: %s", name, problem)
        self._told = told
        return Round(_BUSY if busy else _IDLE, _summary(problems), _SEE if problems else "")

    def _turn(self) -> Round:
        mine = self._next()
        if mine is None:
            return Round(_LOOK)
        pause, problems = _IDLE, mine.problems
        try:
            problems = sync.turn(self._node, mine.row, self._stop.is_set).problems
            pause = self._pause(mine.row.agency)
        finally:
            with self._mutex:
                mine.problems, mine.busy = problems, False
                mine.failures = mine.failures + 1 if mine.row.agency in problems else 0
                slower = (
                    min(_BUSY * 2.0 ** min(mine.failures, 16), _LONGEST) if mine.failures else 0.0
                )
                mine.due = time.monotonic() + max(pause, slower)
        return Round(0.0)

    def _next(self) -> _Agency | None:
        """The agency whose turn is due for longest, if any is."""
        with self._mutex:
            free = [
                one
                for one in self._agencies.values()
                if not one.busy and one.due <= time.monotonic()
            ]
            found = min(free, key=lambda one: one.due, default=None)
            if found is not None:
                found.busy = True
            return found

    def _pause(self, agency: str) -> float:
        if self._node.transfers.of(agency):
            return 0.0
        with self._node.records.read() as unit:
            return (
                _BUSY
                if unit.transfers.in_states(transfer_steps.UNSETTLED, 1, agency=agency)
                else _IDLE
            )


def _summary(problems: dict[str, str]) -> str:
    """The problems by agency; items are counted only, since whoever asks for the status may not
    know of them.
    """
    lines = [
        f"{name}: {problem}"
        for name, problem in sorted(problems.items())
        if not name.startswith(_ITEM)
    ]
    items = len(problems) - len(lines)
    return "; ".join([*lines, *([f"{items} handovers do not go on"] if items else [])])
