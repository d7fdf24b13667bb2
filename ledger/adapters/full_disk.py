"""A full disk told as what it is: SQLite calls it an error of the disk, as if that were damaged."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ledger.domain.errors import LockedError, StorageError, UnreadableError

_TOLD: Final = "no space is left on the disk of"
_LEAST: Final = 256 << 10  # bytes: what SQLite lays beside its files to open them


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Say that no space is left where that is why something failed.

    Args:
        folder: on the disk; it need not be there yet.

    Raises:
        StorageError: the disk of the folder is full.
    """
    try:
        yield
    except LockedError:
        raise
    except (StorageError, UnreadableError) as error:
        is_told = _TOLD in error.message  # by what was called, for a disk that has room again
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not is_told and shutil.disk_usage(there).free >= _LEAST:
            raise
        raise StorageError(
            error.message if is_told else f"{_TOLD} {folder}: {error.message}",
            hint="make room on that disk, then do it again; nothing there is damaged by it",
        ) from error
