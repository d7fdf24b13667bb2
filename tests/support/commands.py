"""The command line as tests run it: in a process of its own, in this one, and without network."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from cli.invocation.global_options import STATE
from tests.support import forked
from tests.support.desk import PASSPHRASE

ROOT = Path(__file__).parents[2]


def custody(
    *arguments: object,
    home: Path | None = None,
    code: int | None = 0,
    environment: dict[str, str] | None = None,
    data: bytes = b"",
    before: str = "",
    timeout: float = 120,
    folder: Path = ROOT,
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, forked from one that has loaded it
    (tests/support/forked.py).

    Args:
        data: what it reads.
        before: source that is run in that process before the command.
    """
    done = forked.run(
        words(*arguments, home=home),
        environment={**settings_of_commands(), **(environment or {})},
        folder=folder,
        timeout=timeout,
        data=data,
        before=before,
    )
    assert code in (None, done.returncode), done.stdout + done.stderr
    return done


def begun(
    *arguments: object,
    home: Path | None = None,
    environment: dict[str, str] | None = None,
    before: str = "",
    folder: Path = ROOT,
) -> forked.Command:
    """The command at work in such a process: a server, or one that a test stops."""
    return forked.Command(
        words(*arguments, home=home),
        environment={**settings_of_commands(), **(environment or {})},
        folder=folder,
        before=before,
    )


@contextmanager
def serving(home: Path, *options: object) -> Iterator[forked.Command]:
    """``custody serve`` in such a process; Ctrl-C ends it."""
    with begun("serve", *options, home=home) as server:
        assert server.stderr is not None
        assert "serving" in server.stderr.readline()
        yield server
        server.send_signal(signal.SIGINT)
        server.wait(timeout=40)


def words(*arguments: object, home: Path | None = None) -> list[str]:
    """The words of a command, with the home that it is given."""
    return [*(["--home", str(home)] if home else []), *map(os.fsdecode, map(_word, arguments))]


def _word(argument: object) -> str | bytes:
    return argument if isinstance(argument, bytes) else str(argument)


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
        # A home's own time zone is taken into the environment, of a process of its own elsewhere:
        # whatever stands there now, or nothing, stands there afterwards.
        zone = os.environ.get("TZ")
        patched.setenv("TZ", zone or "")
        if zone is None:
            patched.delenv("TZ")
        for name, value in vars(STATE).items():  # as it was for whoever tests afterwards
            patched.setattr(STATE, name, value)
        code = main.run(given)
    time.tzset()
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


def recorded_folder(home: Path, exhibit: str, *names: str) -> Path:
    """A folder of small files, made where the test works and recorded under an exhibit number."""
    folder = Path(f"folder-{exhibit}")
    folder.mkdir()
    for name in names:
        (folder / name).write_text(exhibit + name)
    done(home, "upload", folder, "-c", "2026-117", "-e", exhibit)
    return folder
