"""The port to an agency's database: the unit of work that services use, over the rows of
records.py.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from ledger.domain.ports.agency_repositories import (
    AuthorityFilesRepository,
    CopiesRepository,
    ErasuresRepository,
    PartnersRepository,
    PeopleRepository,
    ReleasesRepository,
    SessionsRepository,
    TablesRepository,
    TransfersRepository,
)
from ledger.domain.ports.evidence_repositories import (
    CheckpointsRepository,
    DocumentsRepository,
    GrantsRepository,
    ItemsRepository,
    LogsRepository,
    ReplicasRepository,
)


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
            StorageError: the database refused, the disk is full for example; nothing was written.
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
