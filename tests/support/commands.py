"""The command line as tests run it: in a process of its own, in this one, and without network."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from cli.global_options import STATE
from tests.support import forked
from tests.support.desk import PASSPHRASE

ROOT = Path(__file__).parents[2]


def custody(
    *arguments: object,
    home: Path | None = None,
    code: int | None = 0,
    environment: dict[str, str] | None = None,
    before: Callable[[], None] | None = None,
    timeout: float = 120,
    folder: Path = ROOT,
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, forked from one that has loaded it; started anew where
    ``before`` prepares the process (tests/support/forked.py).
    """
    given = [*(["--home", str(home)] if home else []), *map(str, arguments)]
    settings = {**settings_of_commands(), **(environment or {})}
    if before is not None:
        # Under a limit on the size of files Python writes compiled modules in part, without an
        # error, and every later process fails to load them.
        settings["PYTHONDONTWRITEBYTECODE"] = "1"
    if before is None:
        done = forked.run(given, environment=settings, folder=folder, timeout=timeout)
    else:
        done = subprocess.run(
            [sys.executable, "-m", "cli", *given],
            capture_output=True,
            text=True,
            cwd=folder,
            env=settings,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
            preexec_fn=before,
        )
    assert code in (None, done.returncode), done.stdout + done.stderr
    return done


def settings_of_commands() -> dict[str, str]:
    """The environment that commands are run in."""
    return {
        **os.environ,
        "CUSTODY_PASSPHRASE": PASSPHRASE.decode(),
        "COLUMNS": "80",
        "PYTHONPATH": str(ROOT),
    }


class Terminal(StringIO):
    """What a person types, or reads."""

    def isatty(self) -> bool:
        return True


def within(
    *arguments: object,
    home: Path | None = None,
    typed: str | None = None,
    passphrase: str | None = PASSPHRASE.decode(),
) -> tuple[int, str, str]:
    """The command line in this process, as ``main`` runs it: exit code, what it printed, and what
    it said. Quick, for many cases.

    Args:
        typed: what a person answers, who sits at a terminal; None for a script.
        passphrase: what CUSTODY_PASSPHRASE says; None where it is not set.
    """
    from cli import main

    out, said = StringIO(), StringIO() if typed is None else Terminal()
    given = [*(["--home", str(home)] if home else []), *map(str, arguments)]
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(said):
        patched.delenv("CUSTODY_PASSPHRASE", raising=False)
        if passphrase is not None:
            patched.setenv("CUSTODY_PASSPHRASE", passphrase)
        patched.setattr(sys, "stdin", StringIO() if typed is None else Terminal(typed))
        patched.setenv("COLUMNS", "80")
        for name, value in vars(STATE).items():  # as it was for whoever tests afterwards
            patched.setattr(STATE, name, value)
        code = main.run(given)
    return code, out.getvalue(), said.getvalue()


def done(home: Path, *words: object, typed: str | None = None, code: int = 0) -> tuple[str, str]:
    """The command line in this process, ended as it should; what it printed and said."""
    found, out, said = within(*words, home=home, typed=typed)
    assert found == code, f"{words}: {found}\n{out}\n{said}"
    return out, said


def verified_alone(*arguments: object, folder: Path = ROOT) -> None:
    """Verify in a process that has no network: in a network namespace of its own where the system
    lets us, else without sockets.
    """
    blocked = "import socket, sys\ndef none(*a, **k): raise OSError('no network')\nsocket.socket = socket.create_connection = none\n"
    command = [
        sys.executable,
        "-c",
        blocked + "from cli.main import main\nmain()",
        "verify",
        *map(str, arguments),
    ]
    if subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0:
        command = ["unshare", "-rn", *command]
    settings = {name: value for name, value in os.environ.items() if name != "CUSTODY_PASSPHRASE"}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**settings, "PYTHONPATH": str(ROOT)},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict: verified" in done.stdout
