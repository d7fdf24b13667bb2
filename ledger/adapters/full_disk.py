"""A full disk told as what it is: SQLite calls it an error of the disk, as if that were damaged."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ledger.domain.errors import LockedError, StorageError

_LEAST: Final = 256 << 10  # bytes: what SQLite lays beside its files to open them


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Say that no space is left where that is why something failed.

    Raises:
        StorageError: the disk of the folder is full.
    """
    try:
        yield
    except LockedError:
        raise
    except StorageError as error:
        if shutil.disk_usage(folder).free >= _LEAST:
            raise
        raise StorageError(
            f"no space is left on the disk of {folder}: {error.message}",
            hint="make room on that disk, then do it again; nothing there is damaged by it",
        ) from error
