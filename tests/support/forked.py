"""Commands in processes forked from one that has loaded every module of ours already.

Loading them takes a started command two seconds of processor time, and the suite runs hundreds.
What a fork shares with a command that a person starts: a process of its own with its own standard
streams, terminal, environment, exit code, signals and umask. What it does not: the loading itself,
and an interpreter configured by its environment; such tests start a process.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import reduction
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["tests.support.loaded"])


class _Sent:
    """A descriptor of this process, which is a number in the forked one."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple[Callable[[Any], int], tuple[Any]]:
        return _received, (reduction.DupFd(self._number),)


def _received(duplicate: Any) -> int:
    return int(duplicate.detach())


class Command:
    """A command at work, as ``subprocess.Popen`` shows one whose streams are pipes.

    Attributes:
        args: its words.
        stdin: what it reads.
        stdout: what it writes; None at a terminal.
        stderr: what it says; None at a terminal.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        environment: dict[str, str],
        folder: Path,
        before: str = "",
        terminal: int | None = None,
    ) -> None:
        """Begin it.

        Args:
            before: source that is run in the process before the command begins: what a test breaks
                in it, or refuses it.
            terminal: the side of a terminal that it is given, closed here; its streams are pipes
                without one.
        """
        self.args = list(arguments)
        pipes = [os.pipe() for _ in range(3)] if terminal is None else []
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]] if terminal is None else [terminal] * 3
        self._process = _server.Process(
            target=_begin,
            args=(
                self.args,
                environment,
                str(folder),
                tuple(map(_Sent, theirs)),
                terminal is not None,
                before,
            ),
        )
        self._process.start()
        for number in set(theirs):
            os.close(number)
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[str] | None = None
        self.stderr: IO[str] | None = None
        if pipes:
            self.stdin = open(pipes[0][1], "wb", buffering=0)  # noqa: SIM115
            self.stdout = open(pipes[1][0], encoding="utf-8")  # noqa: SIM115
            self.stderr = open(pipes[2][0], encoding="utf-8")  # noqa: SIM115

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative where a signal ended it; None while it is at work."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it did not end in time.
        """
        self._process.join(timeout)
        if self.returncode is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, data: bytes = b"", timeout: float | None = None) -> tuple[str, str]:
        """Give it what it reads, and wait for its end; what it wrote and said.

        Raises:
            subprocess.TimeoutExpired: it did not end in time.
        """
        assert self.stdin is not None
        assert self.stdout is not None
        assert self.stderr is not None
        found: dict[IO[str], str] = {}
        threads = [
            threading.Thread(target=lambda one=one: found.update({one: one.read()}), daemon=True)
            for one in (self.stdout, self.stderr)
        ]
        for thread in threads:
            thread.start()
        with suppress(BrokenPipeError), self.stdin:
            self.stdin.write(data)
        self.wait(timeout)
        for thread in threads:
            thread.join(timeout)
        self._close()
        return found[self.stdout], found[self.stderr]

    def _close(self) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self.kill()
        self._close()
        self.wait()


def run(
    arguments: Sequence[str],
    *,
    environment: dict[str, str],
    folder: Path,
    timeout: float,
    data: bytes = b"",
    before: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Returns:
        Its exit code (negative where a signal ended it) and what it wrote.

    Raises:
        subprocess.TimeoutExpired: it did not end in time, and was killed.
    """
    with Command(arguments, environment=environment, folder=folder, before=before) as command:
        try:
            out, err = command.communicate(data, timeout)
        except subprocess.TimeoutExpired:
            command.kill()
            raise
        return subprocess.CompletedProcess(command.args, command.wait(), out, err)


def _begin(
    arguments: list[str],
    environment: dict[str, str],
    folder: str,
    streams: tuple[int, ...],
    at_terminal: bool,
    before: str,
) -> None:
    """Become the command, in the forked process."""
    from cli import start

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    if at_terminal:
        os.setsid()
        fcntl.ioctl(streams[0], termios.TIOCSCTTY, 0)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in set(streams):
        os.close(stream)
    exec(before, {})
    # As a fresh interpreter opens them: nothing that the server buffered is written twice.
    sys.stdin = _opened(0, "r")  # type: ignore[assignment]
    sys.stdout = _opened(1, "w")  # type: ignore[assignment]
    sys.stderr = _opened(2, "w", errors="backslashreplace")  # type: ignore[assignment]
    sys.argv = ["custody", *arguments]
    start.main()


def _opened(number: int, mode: str, **how: str) -> IO[str] | None:
    """A standard stream; None where its descriptor is closed."""
    try:
        os.fstat(number)
    except OSError:
        return None
    return open(number, mode, closefd=False, encoding="utf-8", **how)  # type: ignore[call-overload,no-any-return]
