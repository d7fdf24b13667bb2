"""How every duty of a node goes: what was told last, which survives the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Standing:
    """How a duty goes: failures in a row and since when, the last problem, the last success, and
    when it is tried again.
    """

    worker: str
    failures: int = 0
    since: int | None = None
    problem: str = ""
    hint: str = ""
    succeeded: int | None = None
    next: int | None = None


def shown(rows: Sequence[Standing], *, inside: bool) -> list[Standing]:
    """Duties as they are told: why one fails, at which address or node, to people of the agency
    alone (``inside``; see people.colleagues.may_be_told).
    """
    return [
        row
        if inside
        else replace(
            row,
            worker=row.worker.partition("-")[0],
            problem="it fails" if row.problem else "",
            hint="",
        )
        for row in rows
    ]


class Board:
    """How all duties of a node go.

    Args:
        load: reads the rows that the process before this one kept.
        keep: writes all rows down; called when the problem of a duty changes.
    """

    def __init__(
        self,
        load: Callable[[], Sequence[Standing]] = lambda: (),
        keep: Callable[[Sequence[Standing]], None] = lambda rows: None,
    ) -> None:
        self._load = load
        self._keep = keep
        self._mutex = threading.Lock()
        self._rows: dict[str, Standing] = {}

    def record(self, worker: str, now: int, *, problem: str, hint: str, following: int) -> Standing:
        """Write down how a round ended; an empty problem is a success.

        Returns:
            how the duty stood before.
        """
        with self._mutex:
            before = self._rows.get(worker, Standing(worker))
            if problem:
                since = before.since if before.failures and before.since is not None else now
                row = replace(
                    before,
                    failures=before.failures + 1,
                    since=since,
                    problem=problem,
                    hint=hint,
                    next=following,
                )
            else:
                row = Standing(worker, succeeded=now, next=following)
            self._rows[worker] = row
            # Not every round: a disk must not be written twice a second.
            if row.problem != before.problem:
                self._keep(self.rows())
        return before

    def rows(self) -> list[Standing]:
        """Every duty of this process."""
        return [self._rows[name] for name in sorted(self._rows)]

    def failing(self) -> list[Standing]:
        """Those that failed when they were last tried."""
        return [row for row in self.rows() if row.failures]

    def last_known(self) -> list[Standing]:
        """Every duty of this process, or of the one that served last.

        Returns:
            how each of them stands, or stood.
        """
        return self.rows() or list(self._load())
