"""Key-value database of the embedded chain: SQLite, one transaction a block."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ledger.adapters.recursion_limit import limited

with limited():
    from eth.db.backends.base import BaseAtomicDB

from ledger.adapters import files
from ledger.domain.errors import StorageError

_OPEN: Final[dict[str, Any]] = {
    "isolation_level": None,
    "check_same_thread": False,
    "timeout": 10,
}


class SqliteDB(BaseAtomicDB):  # type: ignore[misc]  # py-evm is not typed strictly
    """Writes are collected by ``unit`` and committed together: a block is on disk whole or not at
    all.

    Args:
        view: one moment of it, beside whoever writes; nothing is written.

    Raises:
        StorageError: it cannot be opened, or what is to be viewed is not there.
    """

    def __init__(self, path: Path, *, view: bool = False) -> None:
        self._pending: dict[bytes, bytes | None] | None = None
        self._view = view
        if view:
            try:
                # One that is gone must not be made anew, as opening it otherwise would.
                self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, **_OPEN)
                self._db.execute("PRAGMA query_only=ON")
                self._db.execute("BEGIN")
                self._db.execute(
                    "SELECT 1 FROM kv LIMIT 1"
                ).fetchone()  # the moment is that of the first read
            except sqlite3.Error as error:
                raise StorageError(
                    f"the embedded chain could not be read: {error}",
                    hint="check that it is there and that you may read it",
                ) from error
            return
        try:
            files.private_file(path)
            self._db = sqlite3.connect(path, **_OPEN)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID"
            )
        except (sqlite3.Error, OSError) as error:
            raise StorageError(
                f"the embedded chain could not be opened: {error}",
                hint="check disk and permissions, or restore a backup",
            ) from error

    @contextmanager
    def unit(self) -> Iterator[None]:
        """Collect writes; commit them at the end, or drop them where the block fails.

        Raises:
            StorageError: the disk refused; nothing was written.
        """
        self._pending = {}
        try:
            yield
            pending = self._pending
            if self._view:
                raise StorageError(
                    "a view of the embedded chain is only read",
                    hint="this is a defect of custody: please report it",
                )
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(
                    "INSERT INTO kv VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v",
                    [(key, value) for key, value in pending.items() if value is not None],
                )
                self._db.executemany(
                    "DELETE FROM kv WHERE k = ?",
                    [(key,) for key, value in pending.items() if value is None],
                )
                self._db.execute("COMMIT")
            except sqlite3.Error:
                self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StorageError(
                f"the embedded chain could not be written: {error}",
                hint="check the free space of the disk",
            ) from error
        finally:
            self._pending = None

    @contextmanager
    def atomic_batch(self) -> Iterator[Any]:
        """Part of the unit in progress, or one of its own."""
        if self._pending is not None:
            yield self
        else:
            with self.unit():
                yield self

    def __getitem__(self, key: bytes) -> bytes:
        if self._pending is not None and key in self._pending:
            found = self._pending[key]
            if found is None:
                raise KeyError(key)
            return found
        try:
            row = self._db.execute("SELECT v FROM kv WHERE k = ?", (key,)).fetchone()
        except sqlite3.Error as error:  # also where it was closed meanwhile
            raise StorageError(
                f"the embedded chain could not be read: {error}",
                hint="check the disk, then try again",
            ) from error
        if row is None:
            raise KeyError(key)
        return bytes(row[0])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._set(key, value)

    def __delitem__(self, key: bytes) -> None:
        self._set(key, None)

    def _set(self, key: bytes, value: bytes | None) -> None:
        with self.atomic_batch():
            assert self._pending is not None
            self._pending[key] = value

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    def close(self) -> None:
        """Close the file."""
        self._db.close()
