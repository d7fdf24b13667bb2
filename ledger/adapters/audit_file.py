"""The file in which an audit keeps its state, as a file: whose it is, whether it is whole, and what
its failures are called.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ledger.domain.errors import StorageError, UsageError

HINT: Final = "name another file with --state, or remove this one and audit anew"


class Connection(sqlite3.Connection):
    """A connection whose failures say what failed: a file that was cut or altered shows itself at
    any question.
    """

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        """See sqlite3."""
        with told():
            return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        """See sqlite3."""
        with told():
            return super().executemany(*arguments)


@contextmanager
def told() -> Iterator[None]:
    """Failures of the database, as what they mean for an audit."""
    try:
        yield
    except sqlite3.OperationalError as error:
        message = f"the audit's state file could not be read or written: {error}"
        raise StorageError(message, hint="check the free space of the disk; or " + HINT) from error
    except sqlite3.DatabaseError as error:
        message = f"the audit's state file is damaged: {error}"
        raise StorageError(message, hint=HINT) from error


def require_whole(path: Path) -> None:
    """Refuse a file that was emptied or cut: what earlier audits kept is gone, and the next one
    would call verified what it did not compare with it.

    Raises:
        StorageError: it was.
    """
    if not path.exists() or path.with_name(path.name + "-wal").exists():
        return
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(32)
    if size == 0:
        raise StorageError(
            "the audit's state file is empty: what earlier audits kept in it is gone, or it was "
            "never begun",
            hint="put a copy of it back; or remove it to audit anew",
        )
    # The header of a SQLite file: size of a page at 16 (1 stands for 65,536), pages at 28.
    page = int.from_bytes(head[16:18], "big")
    pages = int.from_bytes(head[28:32], "big")
    if head.startswith(b"SQLite format 3\0") and size < (65536 if page == 1 else page) * pages:
        raise StorageError(
            f"the audit's state file was cut: {size} bytes of it are left", hint=HINT
        )


def not_ours() -> UsageError:
    """What refuses the database of another program."""
    return UsageError(
        "the file named as state is the database of something else",
        hint="name another file with --state",
    )
