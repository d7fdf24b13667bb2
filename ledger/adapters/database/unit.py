"""What the parts of a unit of work share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlmodel import SQLModel


class Part:
    """Base of the parts: short forms over SQLAlchemy Core, which is faster than its ORM for plain rows."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def _add(self, table: type[SQLModel], *rows: dict[str, Any]) -> None:
        if rows:
            self._db.execute(insert(table), list(rows))

    def _put(self, table: type[SQLModel], keys: dict[str, Any], values: dict[str, Any]) -> None:
        """Insert a row, or update the one with these keys."""
        columns = _columns(table)
        changed = self._db.execute(
            update(table).where(*(columns[name] == value for name, value in keys.items())).values(**(values or keys))
        )
        if changed.rowcount == 0:
            self._add(table, {**keys, **values})

    def _rows(self, table: type[SQLModel], *conditions: Any, order: Any = None, limit: int | None = None) -> list[Any]:
        query = select(table.__table__).where(*conditions)  # type: ignore[attr-defined]
        if order is not None:
            query = query.order_by(order)
        return list(self._db.execute(query if limit is None else query.limit(limit)))

    def _one(self, table: type[SQLModel], *conditions: Any) -> Any | None:
        rows = self._rows(table, *conditions, limit=1)
        return rows[0] if rows else None


def _columns(table: type[SQLModel]) -> Any:
    return table.__table__.c  # type: ignore[attr-defined]
