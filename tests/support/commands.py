"""The command line as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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
    command = [sys.executable, "-m", "cli", *(["--home", str(home)] if home else []), *map(str, arguments)]
    settings = {**os.environ, "CUSTODY_PASSPHRASE": PASSPHRASE.decode(), "COLUMNS": "80", "PYTHONPATH": str(ROOT), **(environment or {})}
    done = subprocess.run(
        command,
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
