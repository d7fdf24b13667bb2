"""Waiting for what happens in other threads and processes: for that it is so, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(done: Callable[[], object], *, seconds: float = 60) -> None:
    """Look again and again until something is so: what a test waits for, never for how long.

    Raises:
        AssertionError: it did not come to that in time.
    """
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"it did not come to that in {seconds} seconds"
        time.sleep(0.01)
