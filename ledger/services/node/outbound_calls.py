"""Calls of somebody else's server while a caller of ours waits: few at once, fewer for each party,
and never for long.

A thread of the API waits for such a call no longer than it was told to; the call itself ends in a
thread of its own, which keeps its place until then. A party that did not answer is not asked again
for a while: whoever comes next does without.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, TypeVar

from ledger.domain.errors import BusyError, NetworkError

T = TypeVar("T")
_STAYS: Final = "if it stays so: custody status says what is wrong"
_QUIET: Final = 30.0  # seconds for which a party that did not answer is left alone


class Callouts:
    """Safe for use by several threads.

    Args:
        at_once: calls under way at once, of all parties.
        each: of one party.
        clock: seconds, monotonic.
    """

    def __init__(
        self, *, at_once: int = 12, each: int = 2, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once, self._each, self._clock = at_once, each, clock
        self._under_way: Counter[str] = Counter()
        self._silent: dict[str, float] = {}
        self._mutex = threading.Lock()

    def run(self, party: str, work: Callable[[], T], *, seconds: float) -> T:
        """Do ``work``, which calls a party; whatever it raises is raised here.

        Returns:
            what ``work`` returned.

        Raises:
            BusyError: too many wait already. NetworkError: no answer in this time, or none just
                before.
        """
        self._enter(party)
        done = threading.Event()
        results: list[T] = []
        errors: list[BaseException] = []

        def call() -> None:
            try:
                results.append(work())
            except BaseException as error:  # noqa: BLE001  (it is raised where the caller waits)
                errors.append(error)
            finally:
                self._leave(party, failed=bool(errors) and isinstance(errors[0], NetworkError))
                done.set()

        try:
            threading.Thread(target=call, name="callout", daemon=True).start()
        except RuntimeError as error:  # else its place would be taken for ever
            self._leave(party, failed=False)
            raise BusyError(
                "no thread could be started", hint="try again when the machine has memory"
            ) from error
        if not done.wait(seconds):
            self._record(party)
            raise NetworkError(
                f"{party} did not answer within {seconds:.0f} s",
                hint=f"try again in half a minute; {_STAYS}",
            )
        if errors:
            raise errors[0]
        return results[0]

    def _enter(self, party: str) -> None:
        with self._mutex:
            if self._silent.get(party, -_QUIET) > self._clock() - _QUIET:
                raise NetworkError(
                    f"{party} did not answer just now, and is left alone for {_QUIET:g} s",
                    hint=f"try again in half a minute; {_STAYS}",
                )
            if self._under_way.total() >= self._at_once or self._under_way[party] >= self._each:
                raise BusyError(
                    f"{self._under_way[party]} calls of {party} are under way, and "
                    f"{self._under_way.total()} in all: no more than {self._each} and "
                    f"{self._at_once} at once",
                    hint="try again in a moment",
                )
            self._under_way[party] += 1

    def _leave(self, party: str, *, failed: bool) -> None:
        with self._mutex:
            self._under_way[party] -= 1
            if not self._under_way[party]:
                del self._under_way[party]
            if failed:
                self._silent[party] = self._clock()

    def _record(self, party: str) -> None:
        with self._mutex:
            self._silent[party] = self._clock()
