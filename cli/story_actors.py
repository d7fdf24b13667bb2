"""Those who act in the story: agencies as processes of their own, and the chain between them."""

from __future__ import annotations

import json
import os
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


@contextmanager
def local_chain(anvil: str) -> Iterator[str]:
    """A fresh chain on loopback, ended with the story."""
    port = free_port()
    command = [anvil, "--port", str(port), "--silent", "--hardfork", "paris", "--chain-id", "31337"]
    with _process(command, dict(os.environ)):
        _await_port(port)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(  # noqa: S603  (our own programs, no shell)
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


@dataclass
class Actor:
    """Somebody at a terminal: a home or a client folder, and their own passphrase."""

    folder: Path
    passphrase: str
    port: int = 0

    def custody(self, *arguments: str | Path, code: int = 0) -> Any:
        """Run a command as this person; its JSON result. Any other exit code than expected ends the
        story.
        """
        command = [
            sys.executable,
            "-m",
            "cli",
            "--home",
            str(self.folder),
            "--json",
            *map(str, arguments),
        ]
        environment = {**os.environ, "CUSTODY_PASSPHRASE": self.passphrase}
        done = subprocess.run(  # noqa: S603  (ourselves)
            command, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        if done.returncode != code:
            raise ChainError(
                f"custody {' '.join(map(str, arguments[:2]))} ended with {done.returncode}: "
                f"{done.stderr.strip()[-400:]}"
            )
        return json.loads(done.stdout) if done.stdout.strip() else json.loads(done.stderr)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Their node, as a process of its own."""
        command = [
            sys.executable,
            "-m",
            "cli",
            "--home",
            str(self.folder),
            "serve",
            "--port",
            str(self.port),
            "--anchor-age",
            "5",
        ]
        with _process(command, {**os.environ, "CUSTODY_PASSPHRASE": self.passphrase}):
            _await_port(self.port)
            yield
