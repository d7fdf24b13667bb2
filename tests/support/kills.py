"""Work in a process that is killed with SIGKILL just before one of its steps on a disk."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CHANGES = frozenset(
    {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.truncate", "os.utime"}
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def steps_of(below: Path, work: Callable[[], object]) -> int:
    """How many steps some work has below a folder: files opened to be written, and names that are
    given, changed or taken away. It is done once, in a forked process.
    """
    read, write = os.pipe()
    code = _forked(lambda: _counted(write, below, work))
    os.close(write)
    with open(read, "rb") as told:
        assert code == 0
        return int(told.read())


def kill_before(step: int, below: Path, work: Callable[[], object]) -> None:
    """Do some work in a forked process, and kill it before a step. What Python has not written out
    by then is lost, as it is with ``kill -9``.
    """
    assert _forked(lambda: _killed(step, below, work)) == -signal.SIGKILL


def _forked(work: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _counted(told: int, below: Path, work: Callable[[], object]) -> None:
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    _at_each_step(below, step)
    work()
    os.write(told, str(steps).encode())


def _killed(at: int, below: Path, work: Callable[[], object]) -> None:
    left = at

    def step() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    _at_each_step(below, step)
    work()


def _at_each_step(below: Path, act: Callable[[], None]) -> None:
    """From now on, until this process ends."""

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if (event in _CHANGES or (event == "open" and given[2] & _WRITES)) and any(
            os.path.abspath(os.fsdecode(name)).startswith(f"{below}{os.sep}")
            for name in given[:2]
            if isinstance(name, (str, bytes, os.PathLike))
        ):
            act()

    sys.addaudithook(hook)
