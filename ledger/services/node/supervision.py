"""Background work under supervision: whatever a step raises is reported, and the step is tried
again; nothing ever stops silently.

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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ledger.domain.errors import CustodyError, FrozenError

if TYPE_CHECKING:
    from ledger.services.node.context import Node

_LOG: Final = logging.getLogger("custody.worker")
_LONGEST: Final = 60.0  # seconds between two tries, where a duty says no other
_JOIN: Final = 30.0
_UNEXPECTED: Final = "run custody doctor; if it finds nothing, report what was told here"


@dataclass(frozen=True, slots=True)
class Round:
    """How a round of a duty ended: seconds until the next one, and the problem: what ended the
    round early, or what failed for one item or partner while it went on with the others.
    """

    wait: float
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Duty:
    """What is done again and again.

    Attributes:
        name: what logs and status call it; it holds no case data.
        round: does one round of it, and says how that ended.
        first: seconds before the first round.
        pause: seconds after the first failure; from then on they double, up to ``longest``.
    """

    name: str
    round: Callable[[], Round]
    first: float = 0.0
    pause: float = 1.0
    longest: float = _LONGEST


class Worker:
    """Duties that start and end together, each in a thread of its own.

    Attributes:
        stopping: set once the node ends; a long round looks at it between two parts of its work.
    """

    def __init__(self, node: Node, duties: Iterable[Duty]) -> None:
        self.stopping = threading.Event()
        self._loops = [Loop(node, duty, self.stopping) for duty in duties]

    def start(self) -> None:
        """Let every duty begin."""
        for loop in self._loops:
            loop.start()

    def stop(self) -> None:
        """Finish the rounds in progress, then end; one that takes longer ends with the process."""
        stop_all((self,))

    def join(self, end: float) -> None:
        """Wait until the rounds in progress ended, or till that moment of the monotonic clock."""
        for loop in self._loops:
            loop.join(end - time.monotonic())


def stop_all(workers: Sequence[Worker]) -> None:
    """Stop workers, all in the time of one: a service manager kills whoever takes longer, in the
    middle of what is then being written.
    """
    for worker in workers:
        worker.stopping.set()
    end = time.monotonic() + _JOIN
    for worker in workers:
        worker.join(end)


class Loop:
    """A thread that repeats one duty until it is stopped."""

    def __init__(self, node: Node, duty: Duty, stopping: threading.Event) -> None:
        self._node = node
        self._duty = duty
        self._stopping = stopping
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=duty.name, daemon=True)

    def start(self) -> None:
        """Begin, after the duty's first pause."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the end of the round in progress, at most so many seconds."""
        if self.is_alive():
            self._thread.join(timeout=max(seconds, 0.0))

    def is_alive(self) -> bool:
        """Whether the duty began and has not ended.

        Returns:
            False before start and after the last round.
        """
        return self._thread.is_alive()

    def _run(self) -> None:
        wait = self._duty.first
        while not self._stopping.wait(wait):
            try:
                wait = self.once()
            except BaseException as error:  # noqa: BLE001  (telling failed: the work must go on even so)
                _LOG.error("%s: %s", self._duty.name, describe(error)[0])
                wait = _LONGEST

    def once(self) -> float:
        """Do one round, whatever it raises, and write down how it went.

        Returns:
            seconds until the next one.
        """
        try:
            result, frozen = self._duty.round(), False
        except BaseException as error:  # noqa: BLE001  (whatever it is, a thread that ended would be missed by nobody)
            problem, hint = describe(error)
            frozen = isinstance(error, FrozenError)
            self._failures += 1
            result = Round(self._back_off(frozen=frozen), problem, hint)
        else:
            self._failures = 0
        self._record(result, frozen=frozen)
        return result.wait

    def _back_off(self, *, frozen: bool) -> float:
        """Seconds until the next try: they double with each failure, with jitter.

        With a frozen log they are _LONGEST at once: nothing is signed until somebody has mended it.
        """
        longest = self._duty.pause * 2.0 ** min(self._failures - 1, 16)
        longest = _LONGEST if frozen else min(longest, self._duty.longest)
        return longest * (0.5 + secrets.randbelow(500) / 1000)

    def _record(self, result: Round, *, frozen: bool) -> None:
        now, name = self._node.clock.now(), self._duty.name
        self._node.telemetry.ran(name, ok=not result.problem)
        before = self._node.workers.record(
            name, now, problem=result.problem, hint=result.hint, following=now + int(result.wait)
        )
        if result.problem == before.problem:
            return
        if result.problem:
            level = logging.CRITICAL if frozen else logging.WARNING
            _LOG.log(level, "%s: %s", name, result.problem)
        else:
            _LOG.warning("%s: works again", name)


def describe(error: BaseException) -> tuple[str, str]:
    """What went wrong, and what to do, without anything that an unexpected exception may quote."""
    if isinstance(error, CustodyError):
        return error.message, error.hint or ""
    frames = traceback.extract_tb(error.__traceback__)
    place = (
        f"{Path(frames[-1].filename).stem}.{frames[-1].name}:{frames[-1].lineno}" if frames else "?"
    )
    return f"unexpected {type(error).__name__} at {place}", _UNEXPECTED
