"""Ctrl-C, SIGTERM and SIGHUP: end a command between two steps. Not KeyboardInterrupt, which Typer would turn into a bare "Aborted!".

A service manager's request to end, or a terminal that goes away, leaves a home as Ctrl-C does.

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
from typing import Any, Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked for an end; ``code`` is what the process exits with, 128 and the signal's number as shells write it."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.code = 128 + number


class _State:
    asked = 0  # the signal that asked
    deferring = False


def install() -> None:
    """Take over the signals that ask for an end; one that was ignored from the start (nohup) stays so."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)
    sys.unraisablehook = _unraisable


def _unraisable(found: Any) -> None:
    # It struck where Python can raise nothing, a finalizer for example: the next request raises it again.
    if not isinstance(found.exc_value, Stopped):
        sys.__unraisablehook__(found)


def _handle(number: int, frame: object) -> None:
    if _State.asked:
        os._exit(128 + number)
    _State.asked = number
    if not _State.deferring:
        raise Stopped(number)


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
            raise Stopped(_State.asked)
