"""Files in clear beside the keys of a home, where they lie for a moment, and what a command that
was killed left of them.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ledger.adapters import filelock
from ledger.app import settings

_FOLDER: Final = ".copy-"


@contextmanager
def folder(home: Path) -> Iterator[Path]:
    """A folder for files in clear. Of a process that was killed the next command removes it."""
    with (
        filelock.used(home / settings.CLEAR_LOCK),
        tempfile.TemporaryDirectory(dir=home, prefix=_FOLDER) as path,
    ):
        yield Path(path)


def remove_leftovers(home: Path) -> None:
    """Remove such folders while nobody works in one. Numbers of processes say nothing: another
    container has the same.
    """
    if not (left := list(home.glob(f"{_FOLDER}*"))):
        return
    with filelock.unused(home / settings.CLEAR_LOCK) as free:
        for path in left if free else ():
            shutil.rmtree(path, ignore_errors=True)
