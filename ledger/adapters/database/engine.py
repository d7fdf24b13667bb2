"""Opening the database: durability settings and migrations."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from ledger.domain.errors import AlteredError, StorageError

#: The newest migration; a test compares it with the migrations folder. A database already there
#: skips Alembic.
HEAD: Final = "0101"
#: The first one: no program reads what was written under the first edition of the formats.
_FIRST: Final = "0101"
_WRITE: Final = "custody_write"
#: Seconds for which a write waits for others, before whoever asked is told to come again.
PATIENCE: Final = 10.0
#: A database that ends with its one connection. SQLite unlinks its file when it opens it: whatever
#: kills the process leaves nothing of the sealed keys behind that an audit compares.
SCRATCH: Final = "sqlite://"


class BrokenText(str):
    """Text of the database that is not UTF-8, which no program of ours writes: it equals none of
    ours, and as a parameter it is its bytes again, so that pages go on behind it.
    """

    __slots__ = ()
    _SAID: Final = "not UTF-8: "

    def __new__(cls, stored: bytes) -> Self:
        """The text that stands for these bytes."""
        return super().__new__(cls, cls._SAID + stored.hex())

    def __conform__(self, _protocol: object) -> bytes:
        """What sqlite3 binds."""
        return bytes.fromhex(self.removeprefix(self._SAID))


def _as_stored(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return BrokenText(data)


def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:
    # SQLAlchemy must not guess where transactions begin: "begin" below says it.
    connection.isolation_level = None
    connection.text_factory = _as_stored
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "secure_delete=ON",
        "foreign_keys=ON",
        f"busy_timeout={int(PATIENCE * 1000)}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Any) -> None:
    # A write takes its lock at once: two writers that both read first would deadlock later.
    immediate = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _on_error(context: ExceptionContext) -> None:
    # Not the driver's: a value that was read from one row cannot be looked up in a column of
    # another kind.
    if isinstance(context.original_exception, TypeError | ValueError | ArithmeticError):
        raise AlteredError(
            "the database holds a value of another type", hint="run: custody doctor"
        ) from context.original_exception


def _nameless() -> sqlite3.Connection:
    return sqlite3.connect("", check_same_thread=False)


def code_of(error: Exception) -> str:
    """What a driver says went wrong: SQLite's own code, else the class of its error. Its text may
    quote values, and is told to nobody.
    """
    cause = getattr(error, "orig", None) or error
    return str(getattr(cause, "sqlite_errorname", type(cause).__name__))


def open_engine(url: str) -> Engine:
    """Open the database at ``url`` and bring it to the newest schema.

    Raises:
        StorageError: it cannot be opened, or was written by a newer version.
    """
    if url == SCRATCH:
        engine = create_engine(url, creator=_nameless, poolclass=StaticPool)
    else:
        # More connections than there are threads: one that waits for a chain or a disk must not
        # make all others wait for the database.
        engine = create_engine(url, pool_size=8, max_overflow=72)
    event.listen(engine, "handle_error", _on_error)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    try:
        _migrate(engine)
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise StorageError(
            f"the database {engine.url.database or ''} could not be opened: {code_of(error)}",
            hint="check that its disk is there and has space, and that you may write beside the "
            "file; else restore a backup (docs/operations.md)",
        ) from error
    return engine


def sqlite_url(path: Path) -> str:
    """URL of a SQLite file."""
    return f"sqlite:///{path}"


def _migrate(engine: Engine) -> None:
    with engine.connect() as connection:
        if engine.dialect.has_table(connection, "alembic_version"):
            current = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            if current == HEAD:
                return
            if current is not None and current < _FIRST:
                raise StorageError(
                    f"the database was written by a custody of the first edition: its schema is "
                    f"{current}, and the first that this program reads is {_FIRST}",
                    hint="make a home anew: custody init --agency CODE --person NUMBER",
                )
            if current is not None and current > HEAD:
                raise StorageError(
                    f"the database was written by a newer custody: its schema is {current}, and "
                    f"this program knows {HEAD}",
                    hint="use that custody, or a newer one (custody --version)",
                )
    from alembic import command  # 0.2 s of imports, needed on the first start only
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "ledger.adapters.database:migrations")
    with engine.connect().execution_options(**{_WRITE: True}) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
