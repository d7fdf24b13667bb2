"""A moment of both databases of a home, copied while other processes use them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

from ledger.adapters import files
from ledger.domain.errors import StorageError

GRANTS: Final = "grant"
_COLUMNS: Final = "evidence, scope, recipient, binding, data"
_CIPHERTEXT: Final = "SELECT evidence, cid FROM item WHERE cid IS NOT NULL"
_IS_KEPT: Final = (
    '(NOT closed AND custodian = ? OR EXISTS (SELECT 1 FROM "grant" AS given '
    "WHERE given.evidence = item.evidence AND given.scope = 'content'))"
)
_WAIT: Final = 60.0


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=_WAIT)


def require_log(ledger: Path) -> None:
    """Refuse to back up a ledger in which nothing was ever recorded: every home has entries from
    its founding on, and a snapshot without would be taken for a good one.

    Raises:
        StorageError: there are none, or it cannot be read.
    """
    try:
        with closing(_connect(ledger)) as db:
            found = db.execute("SELECT 1 FROM entry LIMIT 1").fetchone()
    except sqlite3.Error as error:
        what = f"{ledger} could not be read: {error}"
        raise StorageError(
            what, hint="run: custody doctor; earlier backups are untouched"
        ) from error
    if found is None:
        raise StorageError(
            f"{ledger} holds no record at all: it was lost, and made anew",
            hint="nothing was backed up; restore the newest backup beside the home",
        )


def pinned(ledger: Path) -> list[bytes]:
    """Roots of what a ledger calls pinned at some IPFS node.

    Raises:
        StorageError: it cannot be read.
    """
    query = "SELECT DISTINCT cid FROM holding WHERE state = 'pinned'"
    return [bytes(row[0]) for row in _rows(ledger, query)]


def with_content(snapshot: Path, ledger: Path, agency: str) -> dict[str, bytes]:
    """Items of a snapshot whose content somebody still has a key to, by the ledger that it was made
    of, and the roots of their ciphertext.

    Raises:
        StorageError: it cannot be read.
    """
    named = {row[0]: bytes(row[1]) for row in _rows(snapshot, _CIPHERTEXT)}
    kept = _rows(ledger, f"{_CIPHERTEXT} AND {_IS_KEPT}", agency)
    return {row[0]: named[row[0]] for row in kept if row[0] in named}


def _rows(ledger: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    try:
        with closing(_connect(ledger)) as opened:
            return opened.execute(query, values).fetchall()
    except sqlite3.Error as error:
        what = f"{ledger} cannot be read: {error}"
        raise StorageError(what, hint="check the disk, then try again") from error


def snapshot(
    ledger: Path,
    chain: Path | None,
    folder: Path,
    grants: Callable[[Iterator[tuple[Any, ...]]], None],
) -> None:
    """Copy the ledger without its grants, and the embedded chain, as they are at one moment.

    Nothing is written to the ledger between the two moments of reading begin, so that no checkpoint
    is final in one copy and unknown in the other. Writers wait for that instant only, not for the
    copying.

    Args:
        grants: takes the rows of the grants, which never lie on the backup's disk in clear.

    Raises:
        StorageError: a database could not be read or written.
    """
    try:
        with ExitStack() as stack:
            copies = [_Copy(stack, ledger, folder / ledger.name, {GRANTS})]
            if chain is not None:
                copies.append(_Copy(stack, chain, folder / chain.name, set()))
            with closing(_connect(ledger)) as gate:
                gate.execute("BEGIN IMMEDIATE")
                for copy in copies:
                    copy.begin()
                gate.execute("ROLLBACK")
            grants(copies[0].rows(f'SELECT {_COLUMNS} FROM main."{GRANTS}"'))  # noqa: S608
            for copy in copies:
                copy.finish()
    except sqlite3.Error as error:
        raise StorageError(
            f"a database could not be copied: {error}",
            hint="check the free space of both disks, then try again",
        ) from error


class _Copy:
    """One database on its way."""

    def __init__(self, stack: ExitStack, source: Path, target: Path, leave_empty: set[str]) -> None:
        self._target, self._leave_empty = target, leave_empty
        self._source = stack.enter_context(closing(_connect(source)))
        self._tables = dict(
            self._source.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE "
                "'sqlite_%'"
            )
        )
        files.private_file(target)
        self._define(self._tables.values())
        self._source.execute("ATTACH ? AS copy", (str(target),))

    def begin(self) -> None:
        """From here on the source is read as it is now."""
        self._source.execute("BEGIN")
        self._source.execute("SELECT count(*) FROM main.sqlite_master").fetchone()

    def rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        """Rows of the source at that moment."""
        yield from self._source.execute(query)

    def finish(self) -> None:
        """Copy every table, then its indexes."""
        for name in self._tables:
            if name not in self._leave_empty:
                self._source.execute(f'INSERT INTO copy."{name}" SELECT * FROM main."{name}"')  # noqa: S608
        indexes = [
            row[0]
            for row in self._source.execute(
                "SELECT sql FROM main.sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            )
        ]
        self._source.execute("COMMIT")
        self._source.execute("DETACH copy")
        self._define(indexes)

    def _define(self, statements: Iterable[str]) -> None:
        """Make tables or indexes of the copy, all at once: by itself each would wait for the
        medium four times.
        """
        with closing(_connect(self._target)) as made:
            made.execute("BEGIN")
            for sql in statements:
                made.execute(sql)
            made.execute("COMMIT")


def put_grants(ledger: Path, rows: Iterable[list[Any]]) -> None:
    """Put grants back into a copied ledger.

    Raises:
        StorageError: the disk refused.
    """
    try:
        with closing(_connect(ledger)) as made:
            made.execute("BEGIN")
            made.executemany(f'INSERT INTO "{GRANTS}" ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)', rows)  # noqa: S608
            made.execute("COMMIT")
    except sqlite3.Error as error:
        raise StorageError(
            f"the ledger could not be restored: {error}", hint="check the free space of the disk"
        ) from error
