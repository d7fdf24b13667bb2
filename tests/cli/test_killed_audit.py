"""An audit that is killed: what it compares is all that a home holds, and must not outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import ROOT
from tests.support.desk import PASSPHRASE

KILLED = """
import os, signal, sys
from ledger.services.audit import database_comparison
real = database_comparison.check
def halfway(*arguments, **options):
    found = real(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)
    return found
database_comparison.check = halfway
from cli.start import main
main()
"""


@pytest.mark.timeout(100)
def test_an_audit_that_is_killed_leaves_nothing_of_the_home_behind(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    read, write = os.pipe()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, "--home", str(worked["home"]), "audit"],
        cwd=ROOT,
        env={**os.environ, "CUSTODY_PASSPHRASE": PASSPHRASE.decode(), "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=write,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert not list(tmp_path.rglob("*"))
    os.close(write)
    with open(read, "rb") as left:
        left.read()  # ends when the last process that it started has ended
