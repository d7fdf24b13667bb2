"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ledger.domain.errors import StorageError, UsageError


@contextmanager
def replacing(path: Path, *, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open a new file that replaces ``path`` when the block ends, durable then; removed where it fails.

    Raises:
        StorageError: the disk refused.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}", hint="check that the folder exists and may be written") from error
    try:
        with os.fdopen(fd, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}", hint="check the free space of the disk") from error
    finally:
        temporary.unlink(missing_ok=True)


def write(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a whole file durably.

    Raises:
        StorageError: the disk refused; the old file is still there.
    """
    with replacing(path, mode=mode) as file:
        file.write(data)


def require_vacant(path: Path, *, hint: str) -> None:
    """Refuse a place where something is already; an empty folder is vacant.

    Raises:
        UsageError: it is not.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path} is not empty", hint=hint)


@contextmanager
def building(path: Path, *, what: str) -> Iterator[Path]:
    """A new folder beside ``path`` that gets its name when the block ends, and is removed where it fails.

    Raises:
        StorageError: the disk refused; ``what`` says what could not be done.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        aside.mkdir(mode=0o700, parents=True)
        yield aside
        if path.exists():
            path.rmdir()
        aside.rename(path)
        sync_directory(path.absolute().parent)
    except OSError as error:
        raise StorageError(f"{what}: {error.strerror}", hint="check disk and permissions") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def sync_directory(path: Path) -> None:
    """Make a rename durable."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
