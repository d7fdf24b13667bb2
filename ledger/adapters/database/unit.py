"""What the parts of a unit of work share.

- statements are built once and reused: building and compiling one takes longer than SQLite takes to
  run it
- rows to write wait until the table is read or the transaction ends, and then go in one call a
  table
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from typing import Any, Literal

from sqlalchemy import (
    Connection,
    String,
    Table,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import NullType
from sqlmodel import SQLModel

from ledger.adapters.database.engine import BrokenText
from ledger.domain.errors import AlteredError
from ledger.rows.table import Row, RowT

#: What becomes of a row whose key is there already: an error, replaced, or left as it is.
Mode = Literal["add", "put", "keep"]
#: Rows to write, by their kind.
Waiting = dict[tuple[type[Row], Mode], list[Row]]
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def blob(value: object) -> bytes:
    """Bytes as read: SQLite keeps in any column whatever was written there, and ``bytes`` of a
    number would be so many zeros.

    Raises:
        AlteredError: something else.
    """
    if not isinstance(value, bytes):
        raise AlteredError("the database holds a value of another type", hint="run: custody doctor")
    return value


class Part:
    """Base of the parts: short forms over SQLAlchemy Core, which is faster than its ORM for plain
    rows.
    """

    def __init__(self, connection: Connection, waiting: Waiting) -> None:
        self._db = connection
        self._waiting = waiting

    def _add(self, *rows: Row) -> None:
        """Insert rows of one kind; one that exists already is an error."""
        self._wait("add", rows)

    def _put(self, *rows: Row) -> None:
        """Insert rows of one kind, or update those that have the same key."""
        self._wait("put", rows)

    def _keep(self, *rows: Row) -> None:
        """Insert rows of one kind; those whose key is there already change nothing."""
        self._wait("keep", rows)

    def _wait(self, mode: Mode, rows: Sequence[Row]) -> None:
        if rows:
            self._waiting.setdefault((type(rows[0]), mode), []).extend(rows)

    def flush(self, *kinds: type[Row]) -> None:
        """Write what waits of these kinds, or of all."""
        for place in [place for place in self._waiting if not kinds or place[0] in kinds]:
            rows, (kind, mode) = self._waiting.pop(place), place
            names = _names(kind.__table__)
            members = attrgetter(*names)
            values = [dict(zip(names, members(row), strict=True)) for row in rows]
            self._db.execute(_write(kind.__table__, mode, self._db.dialect.name), values)

    def _drop(self, kind: type[Row], *conditions: Any) -> int:
        """Delete rows by any conditions; how many there were."""
        self.flush(kind)
        return self._db.execute(delete(kind.__table__).where(*conditions)).rowcount

    def _rows(
        self, kind: type[RowT], *conditions: Any, order: Any = None, limit: int | None = None
    ) -> list[RowT]:
        """Rows by any conditions."""
        self.flush(kind)
        query = select(kind.__table__).where(*conditions)
        if order is not None:
            query = query.order_by(*(order if isinstance(order, tuple) else (order,)))
        return self._read(kind, query if limit is None else query.limit(limit))

    def _find(self, kind: type[RowT], order: str = "", limit: int = -1, **equal: Any) -> list[RowT]:
        """Rows with these members; ``limit`` -1 for all."""
        self.flush(kind)
        return self._read(kind, _select(kind.__table__, tuple(equal), order, limit), equal)

    def _one(self, kind: type[RowT], **equal: Any) -> RowT | None:
        rows = self._find(kind, limit=1, **equal)
        return rows[0] if rows else None

    def _read(
        self, kind: type[RowT], query: Any, equal: dict[str, Any] | None = None
    ) -> list[RowT]:
        return [kind(*record) for record in self._db.execute(query, equal)]


class Tables(Part):
    """Any table as it stands, for those who audit it."""

    def rows(self, table: str, **equal: Any) -> list[dict[str, Any]]:
        """Rows of a table with these members."""
        self.flush()
        known = SQLModel.metadata.tables[table]
        query = (
            select(known)
            .where(*(known.c[name] == value for name, value in equal.items()))
            .order_by(*known.primary_key.columns)
        )
        return [dict(row._mapping) for row in self._db.execute(query)]

    def rows_among(self, table: str, column: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        """Rows whose column has one of these values, in one query."""
        self.flush()
        known = SQLModel.metadata.tables[table]
        query = (
            select(known).where(known.c[column].in_(values)).order_by(*known.primary_key.columns)
        )
        return [dict(row._mapping) for row in self._db.execute(query)]

    def page(self, table: str, after: Sequence[Any], limit: int) -> list[dict[str, Any]]:
        """Rows beyond a primary key, in its order, with values just as they are stored: of a type
        that no program of ours would write.
        """
        self.flush()
        known = SQLModel.metadata.tables[table]
        keys = [type_coerce(column, NullType()) for column in known.primary_key.columns]
        query = (
            select(
                *(type_coerce(column, NullType()).label(column.name) for column in known.columns)
            )
            .order_by(*keys)
            .limit(limit)
        )
        if after:
            query = query.where(tuple_(*keys) > tuple_(*map(_stored, after)))
        return [dict(row._mapping) for row in self._db.execute(query)]

    def distinct(self, table: str, column: str, after: Any, limit: int) -> list[Any]:
        """Values of a column beyond one, in order, each once."""
        self.flush()
        known = SQLModel.metadata.tables[table].c[column]
        return [
            row[0]
            for row in self._db.execute(
                select(known).where(known > _stored(after)).distinct().order_by(known).limit(limit)
            )
        ]

    def stray(
        self, table: str, column: str, of: Sequence[tuple[str, str]], limit: int
    ) -> list[Any]:
        """Values of a column that stand in none of the columns ``of``, each once."""
        self.flush()
        tables = SQLModel.metadata.tables
        mine = tables[table].c[column]
        query = select(mine).distinct().order_by(mine).limit(limit)
        for other, name in of:
            query = query.where(mine.not_in(select(tables[other].c[name])))
        return [row[0] for row in self._db.execute(query)]

    def count(self, table: str) -> int:
        """Number of rows of a table."""
        self.flush()
        return int(
            self._db.execute(
                select(func.count()).select_from(SQLModel.metadata.tables[table])
            ).scalar_one()
        )

    def schema(self) -> dict[str, str]:
        """Everything that the database is made of and does by itself: tables, indexes, views and
        triggers, with their definitions.
        """
        rows = self._db.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_master")
        return {
            f"{kind} {name}": f"{table}: {' '.join((sql or '').split())}"
            for kind, name, table, sql in rows
        }


def _stored(value: Any) -> Any:
    """A value as it was read, to compare with what is stored. Text that is not UTF-8 must be that
    text again: a page behind another one would begin with it once more, and never end.
    """
    known: Any = literal(value, NullType())
    return cast(known, String) if isinstance(value, BrokenText) else known


@cache
def _names(table: Table) -> tuple[str, ...]:
    return tuple(table.columns.keys())


@cache
def _select(table: Table, names: tuple[str, ...], order: str, limit: int) -> Any:
    query = select(table).where(*(table.c[name] == bindparam(name) for name in names))
    if order:
        query = query.order_by(table.c[order])
    return query if limit < 0 else query.limit(limit)


@cache
def _write(table: Table, mode: Mode, dialect: str) -> Any:
    if mode == "add":
        return insert(table)
    statement = _INSERTS[dialect](table)
    keys = table.primary_key.columns.keys()
    others = {name: statement.excluded[name] for name in _names(table) if name not in keys}
    if mode == "keep" or not others:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=others)
