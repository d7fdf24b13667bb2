"""An audit that is killed: what it compares is all that a home holds, and must not outlive it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.commands import begun

KILLED = """
import os, signal, tempfile
tempfile.tempdir = None
from ledger.services.audit import database_comparison
real = database_comparison.check
def halfway(*arguments, **options):
    found = real(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)
    return found
database_comparison.check = halfway
"""


@pytest.mark.timeout(100)
def test_an_audit_that_is_killed_leaves_nothing_of_the_home_behind(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    there = {"TMPDIR": str(tmp_path)}
    with begun("audit", home=worked["home"], environment=there, before=KILLED) as audit:
        assert audit.wait(90) == -signal.SIGKILL
        assert not list(tmp_path.rglob("*"))
        audit.communicate(timeout=60)  # ends when the last process that it started has ended
