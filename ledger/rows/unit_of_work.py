"""The port to an agency's database: one transaction, with a repository for each aggregate."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from ledger.rows.agencies import AuthorityFilesRepository, PartnersRepository
from ledger.rows.handovers import CopiesRepository, ErasuresRepository, TransfersRepository
from ledger.rows.items import ItemsRepository
from ledger.rows.logs import CheckpointsRepository, LogsRepository
from ledger.rows.people import PeopleRepository, SessionsRepository
from ledger.rows.records import DocumentsRepository, GrantsRepository
from ledger.rows.releases import ReleasesRepository
from ledger.rows.storage import ReplicasRepository
from ledger.rows.timestamps import TimeStampsRepository


class TablesRepository(Protocol):
    """Any table as it stands, for those who audit it."""

    def rows(self, table: str, **equal: Any) -> list[dict[str, Any]]:
        """Rows of a table with these members."""
        ...

    def rows_among(self, table: str, column: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        """Rows whose column has one of these values, in one query."""
        ...

    def page(self, table: str, after: Sequence[Any], limit: int) -> list[dict[str, Any]]:
        """Rows beyond a primary key, in its order, with values just as they are stored: of a type
        that no program of ours would write.
        """
        ...

    def distinct(self, table: str, column: str, after: Any, limit: int) -> list[Any]:
        """Values of a column beyond one, in order, each once."""
        ...

    def stray(
        self, table: str, column: str, of: Sequence[tuple[str, str]], limit: int
    ) -> list[Any]:
        """Values of a column that stand in none of the columns ``of``, each once."""
        ...

    def count(self, table: str) -> int:
        """Number of rows of a table."""
        ...

    def schema(self) -> dict[str, str]:
        """Everything that the database is made of and does by itself: tables, indexes, views and
        triggers, with their definitions.
        """
        ...


class UnitOfWork(Protocol):
    """One transaction: everything in it becomes durable together when its context ends without an
    error. One repository for each aggregate.

    What comes from outside is written with ``keep``: a row that is there already is never
    replaced, and another entry at the same place is a ConflictError.
    """

    @property
    def logs(self) -> LogsRepository: ...
    @property
    def checkpoints(self) -> CheckpointsRepository: ...
    @property
    def items(self) -> ItemsRepository: ...
    @property
    def documents(self) -> DocumentsRepository: ...
    @property
    def grants(self) -> GrantsRepository: ...
    @property
    def replicas(self) -> ReplicasRepository: ...
    @property
    def partners(self) -> PartnersRepository: ...
    @property
    def transfers(self) -> TransfersRepository: ...
    @property
    def copies(self) -> CopiesRepository: ...
    @property
    def erasures(self) -> ErasuresRepository: ...
    @property
    def people(self) -> PeopleRepository: ...
    @property
    def sessions(self) -> SessionsRepository: ...
    @property
    def releases(self) -> ReleasesRepository: ...
    @property
    def authority(self) -> AuthorityFilesRepository: ...
    @property
    def timestamps(self) -> TimeStampsRepository: ...
    @property
    def tables(self) -> TablesRepository: ...


class Database(Protocol):
    """The database. Safe for use by several threads; one writer at a time."""

    def read(self) -> AbstractContextManager[UnitOfWork]:
        """A consistent view; nothing may be written in it.

        Raises:
            StorageError: the database could not be read.
        """
        ...

    def write(self) -> AbstractContextManager[UnitOfWork]:
        """A transaction, durable when the context ends; rolled back on an error.

        Raises:
            BusyError: others have been writing for too long. StorageError: the database refused,
                the disk is full for example; nothing was written.
        """
        ...

    def snapshot(self) -> AbstractContextManager[Database]:
        """One moment of the database for as long as the context lasts, beside whoever writes:
        nothing may be written through it.

        Raises:
            StorageError: the database could not be read.
        """
        ...

    def scratch(self) -> AbstractContextManager[Database]:
        """An empty database of the same schema, for its owner alone, gone when the context ends.

        Raises:
            StorageError: there is no room for it.
        """
        ...

    def scrub(self) -> None:
        """Leave nothing of what was deleted in the files of the database.

        Raises:
            StorageError: the disk refused.
        """
        ...

    def close(self) -> None:
        """Release the database."""
        ...
