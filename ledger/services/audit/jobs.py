"""Audits of a node that somebody asks for from elsewhere: one at a time, in the background, and
nothing but their findings leaves it.

- whoever asks, when, and how it ended is kept for the last ones and written to the node's log: an
  audit is itself seen
- findings are as many as a report lists; the rest is counted, so that an answer stays small
  whatever was found
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from ledger.domain.audit.report import AuditReport
from ledger.domain.errors import ConflictError, CustodyError, NotFoundError, StorageError
from ledger.services.audit.chain_events import Progress
from ledger.services.node.context import Node

_LOG: Final = logging.getLogger("custody.audit")
_KEPT: Final = 20
_PATIENCE: Final = 10.0  # seconds for which the node's end waits for an audit under way
WORKER: Final = "audit"
JobState = Literal["running", "done", "failed"]
Run = Callable[[Progress], AuditReport]


@dataclass(frozen=True, slots=True)
class Job:
    """An audit: who asked (as commands name them), since when, and how far it is.

    ``part``, ``total``, ``done``: of the part of the work under way; ``report``: as
    AuditReport.as_json, once it is done; ``problem``: why there is none.
    """

    id: str
    asked: str
    begun: int
    state: JobState = "running"
    part: str = ""
    total: int = 0
    done: int = 0
    ended: int = 0
    problem: str = ""
    report: dict[str, Any] | None = None


@dataclass
class AuditJobs:
    """The audits of a node. Safe for use by several threads."""

    node: Node
    _jobs: dict[str, Job] = field(default_factory=dict)
    _mutex: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)
    _ending: threading.Event = field(default_factory=threading.Event)

    def start(self, asked: str, run: Run) -> Job:
        """Begin an audit.

        Returns:
            the audit, under the name by which it is asked for.

        Raises:
            ConflictError: one is running; the message names it.
        """
        with self._mutex:
            running = next((job for job in self._jobs.values() if job.state == "running"), None)
            if running is not None:
                raise ConflictError(
                    f"the audit {running.id} is running",
                    hint="one at a time: wait until it is done, then ask again",
                )
            job = Job(secrets.token_hex(8), asked, self.node.clock.now())
            self._jobs[job.id] = job
            for old in list(self._jobs)[:-_KEPT]:
                del self._jobs[old]
        _LOG.info("audit %s begins, asked for by %s", job.id, asked)
        try:
            thread = threading.Thread(
                target=self._work, args=(job.id, run), name=f"audit-{job.id}", daemon=True
            )
            thread.start()
            self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]
        except RuntimeError as error:
            self._change(
                job.id,
                state="failed",
                problem="no thread could be started",
                ended=self.node.clock.now(),
            )
            raise StorageError(
                "no thread could be started for the audit",
                hint="try again when the machine has memory",
            ) from error
        return job

    def stop(self) -> None:
        """End the audit under way, which fails: what it reads is about to be closed."""
        self._ending.set()
        for thread in self._threads:
            thread.join(_PATIENCE)

    def get(self, name: str) -> Job:
        """An audit.

        Raises:
            NotFoundError: none under that name, or no longer.
        """
        with self._mutex:
            job = self._jobs.get(name)
        if job is None:
            raise NotFoundError(
                "no such audit, or no longer: a node forgets them when it is started anew"
            )
        return job

    def recent(self) -> list[Job]:
        """The last audits, the newest first, without their reports."""
        with self._mutex:
            return [replace(job, report=None) for job in reversed(self._jobs.values())]

    def _change(self, name: str, **members: Any) -> None:
        with self._mutex:
            if name in self._jobs:
                self._jobs[name] = replace(self._jobs[name], **members)

    def _work(self, name: str, run: Run) -> None:
        def progress(part: str, total: int) -> Callable[[int], None]:
            done = 0

            def advance(count: int) -> None:
                nonlocal done
                if self._ending.is_set():
                    raise StorageError(
                        "the node was stopped before the audit was done",
                        hint="ask again when the node is back",
                    )
                done += count
                self._change(name, done=done)

            self._change(name, part=part, total=total, done=0)
            return advance

        try:
            report = run(progress)
        except BaseException as error:  # noqa: BLE001  (whatever it is, who waits must be told, and the next audit may begin)
            unexpected = f"the audit ended with {type(error).__name__}"
            problem = error.message if isinstance(error, CustodyError) else unexpected
            self._change(name, state="failed", problem=problem, ended=self.node.clock.now())
            self.node.telemetry.ran(WORKER, ok=False)
            _LOG.warning("audit %s failed: %s", name, type(error).__name__)
            return
        self._change(name, state="done", report=report.as_json(), ended=self.node.clock.now())
        self.node.telemetry.ran(WORKER, ok=True)
        _LOG.info("audit %s ends: %s", name, report.verdict.value)
