"""The node's background exchange with other agencies: apart from anchoring, which must not wait for a large file from abroad."""

from __future__ import annotations

import logging
import threading
from typing import Final

from ledger.domain.errors import CustodyError
from ledger.services import crossing, handovers
from ledger.services.node import Node

_LOG: Final = logging.getLogger("custody.exchange")
_BUSY: Final = 1.0  # seconds between rounds while a handover is under way
_IDLE: Final = 15.0


class Exchanger:
    """One thread; problems are told once each, by agency or item, without case data."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="exchange", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the round in progress, then end."""
        self._stop.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        wait, told = 0.0, set[tuple[str, str]]()
        while not self._stop.wait(wait):
            problems = set[tuple[str, str]]()
            try:
                problems = set(handovers.sync(self._node).problems.items())
                with self._node.records.read() as unit:
                    busy = bool(unit.crossings_in(crossing.UNSETTLED, 1))
            except CustodyError as error:
                problems, busy = {("exchange", error.message)}, False
            self._node.telemetry.ran("exchange", ok=not problems)
            for name, problem in sorted(problems - told):
                _LOG.warning("%s: %s", name, problem)
            wait, told = _BUSY if busy else _IDLE, problems
