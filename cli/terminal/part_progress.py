"""Progress of work that goes through several parts, each with a number of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from cli.terminal import output


def one_at_a_time(parts: ExitStack) -> Callable[[str, int], Callable[[int], None]]:
    """One bar at a time: the next part ends the one before.

    Returns:
        what begins a part, by what it is and how much there is, and gives what tells how much of it
        was done since.
    """

    def begin(what: str, total: int) -> Callable[[int], None]:
        parts.close()
        return parts.enter_context(
            output.progress(
                what, total, unit="bytes" if what.startswith("re-hashing") else "entries"
            )
        )

    return begin
