"""Commands in processes forked from one that has loaded every module of ours already.

Loading them takes a started command two seconds of processor time, and the suite runs hundreds.
What a fork shares with a command that a person starts: a process of its own with its own standard
streams, environment, exit code and umask. What it does not: the loading itself, limits set before
the program starts, and an interpreter configured by its environment; such tests start a process
(``tests.support.commands.custody`` chooses).
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

_STREAMS = ("stdin", "stdout", "stderr")
_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["tests.support.loaded"])


def run(
    arguments: list[str], *, environment: dict[str, str], folder: Path, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Returns:
        Its exit code (negative where a signal ended it) and what it wrote.

    Raises:
        subprocess.TimeoutExpired: it did not end in time, and was killed.
    """
    with tempfile.TemporaryDirectory(prefix="custody-command-") as written:
        out, err = (Path(written) / name for name in _STREAMS[1:])
        process = _server.Process(
            target=_begin, args=(arguments, environment, str(folder), str(out), str(err))
        )
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments, timeout)
        code = process.exitcode
        process.close()
        return subprocess.CompletedProcess(
            arguments, code, *(path.read_bytes().decode() for path in (out, err))
        )


def _begin(
    arguments: list[str], environment: dict[str, str], folder: str, out: str, err: str
) -> None:
    """Become the command, in the forked process."""
    from cli import start

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    written = os.O_WRONLY | os.O_CREAT
    for number, (name, mode) in enumerate(
        [(os.devnull, os.O_RDONLY), (out, written), (err, written)]
    ):
        opened = os.open(name, mode, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    # As a fresh interpreter opens them: nothing that the server buffered is written twice.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  (open to the end, as theirs are)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.argv = ["custody", *arguments]
    start.main()
