"""What the parts of a unit of work share.

- statements are built once and reused: building and compiling one takes longer than SQLite takes to
  run it
- rows to write wait until the table is read or the transaction ends, and then go in one call a
  table
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, literal, select, tuple_, type_coerce
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import NullType
from sqlmodel import SQLModel

Table = type[SQLModel]
#: Rows to write, by table, keys, and whether they replace what is there.
Waiting = dict[tuple[Table, tuple[str, ...], bool], list[dict[str, Any]]]
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def values(row: Any) -> dict[str, Any]:
    """A row as it is written; `dataclasses.asdict` would take a person apart."""
    return {one.name: getattr(row, one.name) for one in fields(row)}


class Part:
    """Base of the parts: short forms over SQLAlchemy Core, which is faster than its ORM for plain
    rows.
    """

    def __init__(self, connection: Connection, waiting: Waiting) -> None:
        self._db = connection
        self._waiting = waiting

    def _add(self, table: Table, *rows: dict[str, Any]) -> None:
        """Insert rows; one that exists already is an error."""
        self._waiting.setdefault((table, (), False), []).extend(rows)

    def _put(self, table: Table, keys: tuple[str, ...], *rows: dict[str, Any]) -> None:
        """Insert rows, or update those that have the same ``keys``; all rows have the same
        members.
        """
        self._waiting.setdefault((table, keys, True), []).extend(rows)

    def _keep(self, table: Table, keys: tuple[str, ...], *rows: dict[str, Any]) -> None:
        """Insert rows; those that have the same ``keys`` as one that is there change nothing."""
        self._waiting.setdefault((table, keys, False), []).extend(rows)

    def flush(self, table: Table | None = None) -> None:
        """Write what waits for a table, or for all."""
        for place in [place for place in self._waiting if table is None or place[0] is table]:
            rows = self._waiting.pop(place)
            if rows:
                self._db.execute(_write(*place, tuple(rows[0]), self._db.dialect.name), rows)

    def _rows(
        self, table: Table, *conditions: Any, order: Any = None, limit: int | None = None
    ) -> list[Any]:
        """Rows by any conditions."""
        self.flush(table)
        query = select(_table(table)).where(*conditions)
        if order is not None:
            query = query.order_by(*(order if isinstance(order, tuple) else (order,)))
        return list(self._db.execute(query if limit is None else query.limit(limit)))

    def _find(self, table: Table, order: str = "", limit: int = -1, **equal: Any) -> list[Any]:
        """Rows with these members; ``limit`` -1 for all."""
        self.flush(table)
        return list(self._db.execute(_select(table, tuple(equal), order, limit), equal))

    def _one(self, table: Table, **equal: Any) -> Any | None:
        rows = self._find(table, limit=1, **equal)
        return rows[0] if rows else None


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
            query = query.where(
                tuple_(*keys) > tuple_(*(literal(value, NullType()) for value in after))
            )
        return [dict(row._mapping) for row in self._db.execute(query)]

    def distinct(self, table: str, column: str, after: Any, limit: int) -> list[Any]:
        """Values of a column beyond one, in order, each once."""
        self.flush()
        known = SQLModel.metadata.tables[table].c[column]
        return [
            row[0]
            for row in self._db.execute(
                select(known).where(known > after).distinct().order_by(known).limit(limit)
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


def _table(table: Table) -> Any:
    return table.__table__  # type: ignore[attr-defined]


@cache
def _select(table: Table, names: tuple[str, ...], order: str, limit: int) -> Any:
    columns = _table(table).c
    query = select(_table(table)).where(*(columns[name] == bindparam(name) for name in names))
    if order:
        query = query.order_by(columns[order])
    return query if limit < 0 else query.limit(limit)


@cache
def _write(
    table: Table, keys: tuple[str, ...], replace: bool, names: tuple[str, ...], dialect: str
) -> Any:
    if not keys:
        return insert(_table(table))
    statement = _INSERTS[dialect](_table(table))
    values = {name: statement.excluded[name] for name in names if name not in keys}
    if not values or not replace:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=values)
