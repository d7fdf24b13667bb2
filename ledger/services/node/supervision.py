"""Background work under supervision: whatever a step raises is told and tried again; nothing ever
stops silently.

- one loop a duty: what fails in one holds up no other
- an exception that nobody expected is treated like one of ours, but told by its class and place
  alone: its text may quote a document
- pauses grow from failure to failure, with jitter, so that many nodes do not come back at the same
  moment
- how each duty goes stands on a board, for status, health and metrics; what it last told survives
  the process, for doctor
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ledger.domain.errors import CustodyError, FrozenError

if TYPE_CHECKING:
    from ledger.services.node.context import Node

_LOG: Final = logging.getLogger("custody.worker")
_LONGEST: Final = 60.0  # seconds between two tries
_JOIN: Final = 30.0
_UNEXPECTED: Final = "run custody doctor; if it finds nothing, report what was told here"


@dataclass(frozen=True, slots=True)
class Round:
    """What a step did: seconds until the next one, and what went wrong for somebody without holding
    up the others.
    """

    wait: float
    problem: str = ""
    hint: str = ""


class Loop:
    """A thread that repeats one duty until it is stopped.

    Args:
        name: of the duty, as it is told; no case data.
        step: does a part of it.
        first: seconds before the first step.
        pause: seconds after the first failure; from then on they double.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        step: Callable[[], Round],
        *,
        first: float = 0.0,
        pause: float = 1.0,
    ) -> None:
        self._node = node
        self._name = name
        self._step = step
        self._first = first
        self._pause = pause
        self._failures = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Let the step in progress be the last."""
        self._stop.set()

    def stop(self, seconds: float = _JOIN) -> None:
        """Finish the step in progress, then end; one that takes longer ends with the process."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=max(seconds, 0.0))

    def _run(self) -> None:
        wait = self._first
        while not self._stop.wait(wait):
            try:
                wait = self._once()
            except BaseException as error:  # noqa: BLE001  (telling failed: the work must go on even so)
                _LOG.error("%s: %s", self._name, describe(error)[0])
                wait = _LONGEST

    def _once(self) -> float:
        try:
            found, frozen = self._step(), False
        except BaseException as error:  # noqa: BLE001  (whatever it is, a thread that ended would be missed by nobody)
            problem, hint = describe(error)
            frozen = isinstance(error, FrozenError)
            self._failures += 1
            found = Round(self._back_off(frozen=frozen), problem, hint)
        else:
            self._failures = 0
        self._tell(found, frozen=frozen)
        return found.wait

    def _back_off(self, *, frozen: bool) -> float:
        """A frozen log is looked at again too: it may have been mended, and until then nothing is
        signed.
        """
        most = (
            _LONGEST if frozen else min(self._pause * 2.0 ** min(self._failures - 1, 16), _LONGEST)
        )
        return most * (0.5 + secrets.randbelow(500) / 1000)

    def _tell(self, found: Round, *, frozen: bool) -> None:
        now = self._node.clock.now()
        self._node.telemetry.ran(self._name, ok=not found.problem)
        before = self._node.workers.tell(
            self._name, now, problem=found.problem, hint=found.hint, following=now + int(found.wait)
        )
        if found.problem != before.problem:
            if found.problem:
                _LOG.log(
                    logging.CRITICAL if frozen else logging.WARNING,
                    "%s: %s",
                    self._name,
                    found.problem,
                )
            else:
                _LOG.warning("%s: works again", self._name)


def stop(loops: Iterable[Loop]) -> None:
    """Stop several at once, within the time of one."""
    known, end = list(loops), time.monotonic() + _JOIN
    for loop in known:
        loop.ask_to_stop()
    for loop in known:
        loop.stop(end - time.monotonic())


def describe(error: BaseException) -> tuple[str, str]:
    """What went wrong, and what to do, without anything that an unexpected exception may quote."""
    if isinstance(error, CustodyError):
        return error.message, error.hint or ""
    frames = traceback.extract_tb(error.__traceback__)
    place = (
        f"{Path(frames[-1].filename).stem}.{frames[-1].name}:{frames[-1].lineno}" if frames else "?"
    )
    return f"unexpected {type(error).__name__} at {place}", _UNEXPECTED
