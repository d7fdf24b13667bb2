"""The node's background exchange with other agencies: apart from anchoring, which must not wait for a large file from abroad."""

from __future__ import annotations

import logging
from typing import Final

from ledger.services import crossing, handovers
from ledger.services.node import Node
from ledger.services.supervision import Loop, Round

_LOG: Final = logging.getLogger("custody.exchange")
_BUSY: Final = 1.0  # seconds between rounds while a handover is under way
_IDLE: Final = 15.0
_ITEM: Final = "urn:"
_SEE: Final = "see: custody handover sync"


class Exchanger:
    """One thread; problems are told once each, by agency or item, without case data."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._told = set[tuple[str, str]]()
        self._loop = Loop(node, "exchange", self._step)

    @property
    def _thread(self) -> object:
        """The thread, for whoever looks whether it lives."""
        return self._loop._thread  # noqa: SLF001

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def stop(self) -> None:
        """Finish the round in progress, then end."""
        self._loop.stop()

    def _step(self) -> Round:
        problems = handovers.sync(self._node).problems
        with self._node.records.read() as unit:
            busy = bool(unit.crossings_in(crossing.UNSETTLED, 1))
        told = set(problems.items())
        for name, problem in sorted(told - self._told):
            if name.startswith(_ITEM):  # the others stand in what the loop tells
                _LOG.warning("%s: %s", name, problem)
        self._told = told
        return Round(_BUSY if busy else _IDLE, _summary(problems), _SEE if problems else "")


def _summary(problems: dict[str, str]) -> str:
    """The problems by agency; items are counted only, since whoever asks for the status may not know of them."""
    lines = [f"{name}: {problem}" for name, problem in sorted(problems.items()) if not name.startswith(_ITEM)]
    items = len(problems) - len(lines)
    return "; ".join([*lines, *([f"{items} handovers do not go on"] if items else [])])
