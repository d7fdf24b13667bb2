"""Who acts in a scenario: people at a terminal, nodes as processes of their own, and a chain."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ledger.domain.errors import ChainError

_START: Final = 60.0  # seconds for a process to answer
_CUSTODY: Final = (sys.executable, "-m", "cli")


@contextmanager
def _process(command: tuple[str, ...], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port of loopback that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_port(port: int) -> None:
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise ChainError(f"nothing answered on port {port} within {_START:.0f} s")


def words(line: str, **values: object) -> list[str]:
    """A command line as words: ``{name}`` stands for a value, which may hold blanks."""
    return [word.format(**values) for word in shlex.split(line)]


def verify(*arguments: str | Path) -> list[str]:
    """What ``custody verify`` shows somebody who has no home, server or account, line by line.

    Raises:
        ChainError: the verdict is another one than verified.
    """
    command = (*_CUSTODY, "verify", *map(str, arguments))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise ChainError(f"{arguments[0]} is not verified: {done.stdout}{done.stderr}")
    return done.stdout.splitlines()


@dataclass(frozen=True)
class Actor:
    """Somebody at a terminal: a home or a client folder, and their own passphrase."""

    folder: Path
    passphrase: str
    port: int = 0

    @property
    def url(self) -> str:
        """Where this actor's node serves."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def _environment(self) -> dict[str, str]:
        # Homes of a story are none of whoever plays it: XDG_DATA_HOME is where they are listed.
        own = {"CUSTODY_PASSPHRASE": self.passphrase, "XDG_DATA_HOME": str(self.folder.parent)}
        return {**os.environ, **own}

    def custody(self, line: str, *, code: int = 0, **values: object) -> Any:
        """Run a command as this person.

        Args:
            line: what they type after ``custody``; ``{name}`` stands for one of ``values``.
            code: the exit code that is expected.

        Returns:
            Its JSON result.

        Raises:
            ChainError: it ended with another code.
        """
        command = (*_CUSTODY, "--home", str(self.folder), "--json", *words(line, **values))
        done = subprocess.run(
            command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode != code:
            raise ChainError(
                f"custody {' '.join(line.split()[:2])} ended with {done.returncode}: "
                f"{done.stderr.strip()[-400:]}"
            )
        return json.loads(done.stdout) if done.stdout.strip() else json.loads(done.stderr)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Their node, as a process of its own."""
        line = words("serve --port {port} --anchor-age 5", port=self.port)
        with _process((*_CUSTODY, "--home", str(self.folder), *line), self._environment):
            _await_port(self.port)
            yield
