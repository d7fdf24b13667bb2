"""Files in clear beside the keys of a home, where they lie for a moment, and what a command that
was killed left of them.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final

from ledger.adapters import filelock
from ledger.app import settings

_FOLDER: Final = ".copy-"


@contextmanager
def folder(home: Path) -> Iterator[Path]:
    """A folder for files in clear. Of a process that was killed the next command removes it."""
    with ExitStack() as stack:
        _entered(stack, home, filelock.used)
        yield Path(stack.enter_context(tempfile.TemporaryDirectory(dir=home, prefix=_FOLDER)))


def remove_leftovers(home: Path) -> None:
    """Remove such folders while nobody works in one. Numbers of processes say nothing: another
    container has the same.
    """
    if not (left := list(home.glob(f"{_FOLDER}*"))):
        return
    with ExitStack() as stack:
        free = _entered(stack, home, filelock.unused)
        for path in left if free else ():
            shutil.rmtree(path, ignore_errors=True)


def _entered(
    stack: ExitStack, home: Path, lock: Callable[[Path], AbstractContextManager[int]]
) -> int:
    path = home / settings.CLEAR_LOCK
    try:
        return stack.enter_context(lock(path))
    except OSError as error:
        raise filelock.refused(error, path, what="the folder for files in clear") from error
