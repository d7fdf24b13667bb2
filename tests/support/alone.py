"""A verifier who has nothing but files: no home, no setting, no network."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

#: Sockets of the process itself are refused, also where the system gives it no namespace of its
#: own; what asks for one all the same fails the run.
_BLOCKED = """
import sys
def refuse(event, arguments):
    if event.startswith("socket."):
        raise OSError("this process has no network: " + event)
sys.addaudithook(refuse)
sys.argv = ["custody", *sys.argv[1:]]
from cli.main import main
main()
"""


@cache
def namespace() -> tuple[str, ...]:
    """What gives a command a network namespace of its own; empty where the system lets nobody."""
    tried = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    return ("unshare", "-rn") if tried.returncode == 0 else ()


def custody(
    *arguments: object, folder: Path, home: Path, python: Path | None = None, code: int = 0
) -> str:
    """Run ``custody`` in a folder, with an empty environment but for HOME.

    Args:
        python: of an environment in which it is installed; this one's without it.

    Returns:
        what it printed.
    """
    command = [*namespace(), str(python or sys.executable), "-I", "-c", _BLOCKED]
    done = subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"HOME": str(home), "PATH": os.defpath},
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout
