"""Ctrl-C, SIGTERM and a terminal that is closed end a command between two steps.

Not as KeyboardInterrupt, which Typer would turn into a bare "Aborted!".

An exception out of a signal handler may strike anywhere, also in the middle of an event loop's own
work, which then waits for ever for what it just lost. So it waits while a request is under way;
whoever asks a second time ends the process at once, which the disk bears at any moment.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from cli.invocation.hints import runnable
from ledger import system
from ledger.domain.errors import UnconfirmedError


class Stopped(BaseException):
    """Somebody, or the system, asked the command to end."""


class _State:
    asked = 0  # the signal
    deferring = False
    recording = False
    recorded = 0  # statements, and requests about people
    unknown = 0


_WAITS = (
    b"custody: stopping when the node has answered; once more ends at once, and what it "
    b"recorded is then not known\n"
)


def install() -> None:
    """Take over the signals that ask a command to end, but for those that its caller lets it ignore
    (nohup).
    """
    for number in system.ENDING:
        if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _handle)
    sys.unraisablehook = _unraisable


def exit_code() -> int:
    """As a shell says it: 128 and the number of the signal."""
    return 128 + (_State.asked or signal.SIGINT)


def _unraisable(found: Any) -> None:
    # It struck where Python can raise nothing, a finalizer for example: the next request raises it
    # again.
    if not isinstance(found.exc_value, Stopped):
        sys.__unraisablehook__(found)


def _handle(number: int, frame: object) -> None:
    if _State.asked:
        os._exit(exit_code())
    _State.asked = number
    if _State.recording:
        with suppress(OSError):
            os.write(2, _WAITS)
    if not _State.deferring:
        raise Stopped


@contextmanager
def deferred() -> Iterator[None]:
    """Let what happens in here come to its end; an interruption meanwhile is raised afterwards. For
    the main thread alone.
    """
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


@contextmanager
def recording(count: int) -> Iterator[None]:
    """Statements, or a request about people, go to the node: whoever stops the command is told what
    became of them.
    """
    with deferred():
        _State.recording = True
        try:
            yield
        except UnconfirmedError:
            _State.unknown += count
            raise
        finally:
            _State.recording = False
        _State.recorded += count


def told() -> str:
    """What a command that was stopped had done."""
    look = (
        f"look with {runnable('custody list')}, or show, person list or field status in its place, "
        "before you repeat it (an upload goes on where it was, and so does an offer)"
    )
    if _State.unknown:
        return f"stopped; whether the node recorded what was signed is not known: {look}"
    if _State.recorded:
        what = (
            "1 step of this command is"
            if _State.recorded == 1
            else f"{_State.recorded} steps of this command are"
        )
        return f"stopped; {what} recorded: {look}"
    return (
        "stopped; nothing half-written is left (an upload goes on where it was when it is "
        "started again)"
    )
