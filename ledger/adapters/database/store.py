"""The database as services see it: units of work over one engine."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ledger.adapters.database import engine
from ledger.adapters.database.engine import SCRATCH, code_of, open_engine
from ledger.adapters.database.items import Documents, Grants, Items
from ledger.adapters.database.logs import Checkpoints, Logs
from ledger.adapters.database.partners import Copies, Erasures, Partners, Transfers
from ledger.adapters.database.people import AuthorityFiles, People, Releases, Sessions
from ledger.adapters.database.replicas import Replicas
from ledger.adapters.database.timestamps import TimeStamps
from ledger.adapters.database.unit import Tables, Waiting
from ledger.domain.errors import BusyError, ConflictError, StorageError
from ledger.rows.unit_of_work import Database, UnitOfWork

#: How SQLite names that somebody else has a lock: nothing is wrong with disk or file.
_BUSY: Final = ("SQLITE_BUSY", "SQLITE_LOCKED")


class SqlUnit:
    """One transaction; see ledger.rows.unit_of_work. Its repositories share what waits."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        waiting: Waiting = {}
        self.logs = Logs(connection, waiting)
        self.checkpoints = Checkpoints(connection, waiting)
        self.items = Items(connection, waiting)
        self.documents = Documents(connection, waiting)
        self.grants = Grants(connection, waiting)
        self.replicas = Replicas(connection, waiting)
        self.partners = Partners(connection, waiting)
        self.transfers = Transfers(connection, waiting)
        self.copies = Copies(connection, waiting)
        self.erasures = Erasures(connection, waiting)
        self.people = People(connection, waiting)
        self.sessions = Sessions(connection, waiting)
        self.releases = Releases(connection, waiting)
        self.authority = AuthorityFiles(connection, waiting)
        self.timestamps = TimeStamps(connection, waiting)
        self.tables = Tables(connection, waiting)

    def flush(self) -> None:
        """Write what waits."""
        self.tables.flush()


def _busy() -> BusyError:
    return BusyError("others are writing to the database", hint="try again in a moment")


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of the driver become ours."""
    try:
        yield
    except IntegrityError as error:
        raise ConflictError(
            "the database already holds another record under that key: somebody was first",
            hint="look what is there, then try again: custody list",
        ) from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        name = code_of(error)
        if isinstance(error, PoolTimeout) or name.startswith(_BUSY):
            raise _busy() from error
        raise StorageError(
            f"the database failed: {name}",
            hint="check the free space of the disk; nothing was written",
        ) from error


@contextmanager
def _scratch() -> Iterator[Database]:
    records = SqlRecords(SCRATCH)
    try:
        yield records
    finally:
        records.close()


class _Snapshot:
    """See unit.Records. One connection, which threads use one after another."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turn = threading.RLock()

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """The moment that was taken."""
        with self._turn, _translated():
            yield SqlUnit(self._connection)

    @contextmanager
    def snapshot(self) -> Iterator[Database]:
        """The same moment."""
        yield self

    @contextmanager
    def scratch(self) -> Iterator[Database]:
        """As that of a database."""
        with _scratch() as records:
            yield records

    def write(self) -> AbstractContextManager[UnitOfWork]:
        """Nothing is written through a moment of the past."""
        raise StorageError(
            "a snapshot of the database is only read",
            hint="this is a defect of custody: please report it",
        )

    def scrub(self) -> None:
        """Nothing was deleted through it."""

    def close(self) -> None:
        """It ends with its context."""


class SqlRecords:
    """See unit.Records.

    Raises:
        StorageError: the database at ``url`` cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self._engine: Engine = open_engine(url)
        self._views = {
            write: self._engine.execution_options(custody_write=write) for write in (False, True)
        }
        # SQLite lets those who wait for its lock look again now and then: whoever comes while many
        # write might never be the one who finds it free.
        self._writing = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """A consistent view."""
        with self._connect(write=False) as connection:
            yield SqlUnit(connection)

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        """A durable transaction."""
        if not self._writing.acquire(timeout=engine.PATIENCE):
            raise _busy()
        try:
            with self._connect(write=True) as connection:
                unit = SqlUnit(connection)
                yield unit
                unit.flush()
        finally:
            self._writing.release()

    @contextmanager
    def snapshot(self) -> Iterator[Database]:
        """One moment of the database, held by a transaction that only reads: nothing is copied, so
        nothing is left lying about.
        """
        with self._connect(write=False) as connection:
            connection.exec_driver_sql(
                "SELECT count(*) FROM alembic_version"
            )  # the moment is that of the first read
            yield _Snapshot(connection)

    @contextmanager
    def scratch(self) -> Iterator[Database]:
        """Nameless, on the disk of the temporary files: it ends with the process at the latest."""
        with _scratch() as records:
            yield records

    @contextmanager
    def _connect(self, *, write: bool) -> Iterator[Connection]:
        with _translated(), self._views[write].connect() as connection, connection.begin():
            yield connection

    def scrub(self) -> None:
        """Empty SQLite's write-ahead log into the file, where secure_delete has overwritten what
        was deleted.
        """
        if self._engine.dialect.name == "sqlite":
            with self._connect_plain() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _connect_plain(self) -> Iterator[Connection]:
        """A connection outside any transaction."""
        try:
            with self._engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            ) as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise StorageError(
                f"the database failed: {code_of(error)}",
                hint="check the disk, then try again; to look what is whole: custody doctor",
            ) from error

    def close(self) -> None:
        """Release the database."""
        self._engine.dispose()
