"""Ctrl-C, SIGTERM and a terminal that is closed end a command between two steps.

Not as KeyboardInterrupt, which Typer would turn into a bare "Aborted!".

An exception out of a signal handler may strike anywhere, also in the middle of an event loop's own work, which then waits for
ever for what it just lost. So it waits while a request is under way; whoever asks a second time ends the process at once,
which the disk bears at any moment.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Stopped(BaseException):
    """Somebody, or the system, asked the command to end."""


class _State:
    asked = 0  # the signal
    deferring = False


def install() -> None:
    """Take over the signals that ask a command to end, but for those that its caller lets it ignore (nohup)."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _handle)
    sys.unraisablehook = _unraisable


def exit_code() -> int:
    """As a shell says it: 128 and the number of the signal."""
    return 128 + (_State.asked or signal.SIGINT)


def _unraisable(found: Any) -> None:
    # It struck where Python can raise nothing, a finalizer for example: the next request raises it again.
    if not isinstance(found.exc_value, Stopped):
        sys.__unraisablehook__(found)


def _handle(number: int, frame: object) -> None:
    if _State.asked:
        os._exit(exit_code())
    _State.asked = number
    if not _State.deferring:
        raise Stopped


@contextmanager
def deferred() -> Iterator[None]:
    """Let what happens in here come to its end; an interruption meanwhile is raised afterwards. For the main thread alone."""
    if threading.current_thread() is not threading.main_thread() or _State.deferring:
        yield
        return
    _State.deferring = True
    try:
        yield
    finally:
        _State.deferring = False
        if _State.asked:
            raise Stopped
