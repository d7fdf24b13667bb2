"""The node's background work: anchoring by growth or age; a revocation list and a clearing away a day."""

from __future__ import annotations

import logging
import threading
from typing import Final

from ledger.domain.errors import CustodyError, FrozenError
from ledger.services import agencylog, anchoring, housekeeping
from ledger.services.anchoring import Policy
from ledger.services.node import Node

_LOG: Final = logging.getLogger("custody.worker")
_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 60.0
_DAY: Final = 86400


class Worker:
    """One thread; failures are told in the log with their class only, and tried again with growing pauses."""

    def __init__(self, node: Node, policy: Policy) -> None:
        self._node = node
        self._policy = policy
        self._stop = threading.Event()
        self._cleared = node.clock.now()  # not at once: whoever starts a node has better things for it to do
        self._thread = threading.Thread(target=self._run, name="anchoring", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the step in progress, then end."""
        self._stop.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        pause = _PAUSE
        while not self._stop.wait(pause):
            try:
                self._publish_crl()
                self._clear_away()
                if anchoring.due(self._node, self._policy):
                    anchoring.step(self._node)
                pause = _PAUSE
                self._node.telemetry.ran("anchoring", ok=True)
            except FrozenError as error:
                self._node.telemetry.ran("anchoring", ok=False)
                _LOG.critical("anchoring stopped: %s", error.message)
                return
            except CustodyError as error:
                self._node.telemetry.ran("anchoring", ok=False)
                _LOG.warning("anchoring failed: %s", error.message)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _clear_away(self) -> None:
        now = self._node.clock.now()
        if now - self._cleared >= _DAY:
            self._cleared = now
            try:
                housekeeping.forget_sessions(self._node)
                housekeeping.collect(self._node)
            except CustodyError as error:  # tomorrow again; anchoring must not wait for it
                _LOG.warning("clearing away failed: %s", error.message)

    def _publish_crl(self) -> None:
        if self._node.keys.authority is None:
            return
        with self._node.records.read() as unit:
            rows = unit.crls()
        if not rows or self._node.clock.now() - rows[-1].issued >= _DAY:
            with self._node.records.write() as unit:
                agencylog.publish_crl(self._node, unit)
