"""The node's background exchange with other agencies: our own duties in one thread, turns with
agencies in a few others.

No agency can hold up our own duties. Two threads are kept for agencies whose last turn was quick:
slow ones, however many, wait for one another alone, but for the first turn in which one is slow.
Whoever waited longest is next, and a turn is bounded in time.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Final

from ledger.domain.codecs.text import counted
from ledger.rows.agencies import PartnerRow
from ledger.services.handovers import sync
from ledger.services.node.context import Node
from ledger.services.node.supervision import Duty, Round, Worker
from ledger.services.onchain import transfer_steps

_LOG: Final = logging.getLogger("custody.exchange")
_BUSY: Final = 1.0  # seconds between turns while a handover is under way
_IDLE: Final = 15.0
_FREE: Final = 0.5  # seconds until a thread without work asks for some again
_LONGEST: Final = 60.0  # seconds between turns with an agency that fails
_THREADS: Final = 8
_KEPT: Final = 2  # of these, for agencies whose last turn was quick
_QUICK: Final = 5.0  # seconds of a turn
_ITEM: Final = "urn:"
_SEE: Final = "see: custody handover sync"


@dataclass
class _Agency:
    """How the turns with an agency go: when the next one is due, monotonic, how long the last one
    took, and what went wrong in it.
    """

    row: PartnerRow
    due: float = 0.0
    busy: bool = False
    took: float = 0.0
    failures: int = 0
    problems: dict[str, str] = field(default_factory=dict)


class HandoverWorker(Worker):
    """Problems are told once each, by agency or item, without case data; all of them stand in what
    the duty "exchange" tells.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._known = set[tuple[str, str]]()
        self._agencies: dict[str, _Agency] = {}
        self._mutex = threading.Lock()
        turns = (
            Duty(
                f"exchange-{number}",
                partial(self._take_turn, longest=_QUICK if number <= _KEPT else inf),
                pause=_FREE,
            )
            for number in range(1, _THREADS + 1)
        )
        super().__init__(node, (Duty("exchange", self._do_own), *turns))

    def _do_own(self) -> Round:
        with self._node.records.read() as unit:
            rows = unit.partners.all()
            busy = bool(unit.transfers.in_states(transfer_steps.UNSETTLED, 1))
        # Before our own duties: where the chain does not answer, turns begin all the same.
        with self._mutex:
            self._agencies = {
                row.agency: self._agencies.get(row.agency, _Agency(row)) for row in rows
            }
            for row in rows:
                self._agencies[row.agency].row = row
        problems = sync.own(self._node).problems
        with self._mutex:
            for agency in self._agencies.values():
                problems |= agency.problems
        self._log_items(problems)
        return Round(_BUSY if busy else _IDLE, _summary(problems), _SEE if problems else "")

    def _log_items(self, problems: dict[str, str]) -> None:
        """Log what is new about items; about agencies the loop tells it."""
        current = set(problems.items())
        for name, problem in sorted(current - self._known):
            if name.startswith(_ITEM):
                _LOG.warning("%s: %s", name, problem)
        self._known = current

    def _take_turn(self, *, longest: float) -> Round:
        agency, begun = self._next(longest), time.monotonic()
        if agency is None:
            return Round(_FREE)
        pause, problems = _IDLE, agency.problems
        try:
            problems = sync.turn(self._node, agency.row, self.stopping.is_set).problems
            pause = self._pause(agency.row.agency)
        finally:
            with self._mutex:
                agency.problems, agency.busy = problems, False
                agency.took = time.monotonic() - begun
                agency.failures = agency.failures + 1 if agency.row.agency in problems else 0
                slower = min(_BUSY * 2.0 ** min(agency.failures, 16), _LONGEST)
                agency.due = time.monotonic() + max(pause, slower if agency.failures else 0.0)
        return Round(0.0)

    def _next(self, longest: float = inf) -> _Agency | None:
        """The agency whose turn is due for longest, if any is, among those whose last one took no
        longer than this; it is busy from now on.
        """
        with self._mutex:
            now = time.monotonic()
            free = [
                each
                for each in self._agencies.values()
                if not each.busy and each.due <= now and each.took <= longest
            ]
            first = min(free, key=lambda each: each.due, default=None)
            if first is not None:
                first.busy = True
            return first

    def _pause(self, agency: str) -> float:
        if self._node.transfers.of(agency):
            return 0.0
        with self._node.records.read() as unit:
            unsettled = unit.transfers.in_states(transfer_steps.UNSETTLED, 1, agency=agency)
        return _BUSY if unsettled else _IDLE


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
    return "; ".join(
        [*lines, *([f"{counted(items, 'handover', ('does', 'do'))} not go on"] if items else [])]
    )
