"""How a row is written down: a frozen dataclass, from which SQLModel makes its table.

- the row is what services use: a value, bound to no session, equal by its members, never written to
- the table has a column for each member, in their order: ``Row(*record)`` reads one back
- a table changes by a new Alembic migration only; a test compares both (docs/adr/0018-rows.md)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from types import new_class
from typing import Annotated, Any, ClassVar, Final, TypeVar, get_type_hints

from sqlalchemy import BigInteger, Dialect, String, Table
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from ledger.domain.identity.person import PersonId, read_stored


class PersonType(TypeDecorator[PersonId | None]):
    """A person as one column, ``pseudonym@AGENCY``, empty for nobody; a bare pseudonym is refused,
    as it names nobody.
    """

    impl = String
    cache_ok = True

    def process_bind_param(self, value: object, _: Dialect) -> str:
        """As stored."""
        if value is None:
            return ""
        if not isinstance(value, PersonId):
            raise TypeError("a person is (agency, pseudonym)")
        return str(value)

    def process_result_value(self, value: object, _: Dialect) -> PersonId | None:
        """As read. A cell that was altered into another type names nobody, and ends nothing that
        reads it among others.
        """
        return read_stored(value if isinstance(value, str) else repr(value)) if value else None


# What a member is as a column, where its type alone does not say it.
KEY: Any = Field(primary_key=True)
INDEXED: Any = Field(index=True)
WORD: Any = Field(sa_type=String)  # one of a closed set (states.py), stored as text
WORD_KEY: Any = Field(sa_type=String, primary_key=True)

BytesKey = Annotated[bytes, KEY]
TextKey = Annotated[str, KEY]
NumberKey = Annotated[int, KEY]
#: Numbers of 64 bits.
Big = Annotated[int, Field(sa_type=BigInteger)]
BigKey = Annotated[int, Field(sa_type=BigInteger, primary_key=True)]
BigOrNone = Annotated[int | None, Field(sa_type=BigInteger)]
Person = Annotated[PersonId, Field(sa_type=PersonType)]
PersonKey = Annotated[PersonId, Field(sa_type=PersonType, primary_key=True)]
IndexedPersonKey = Annotated[PersonId, Field(sa_type=PersonType, primary_key=True, index=True)]
IndexedPerson = Annotated[PersonId, Field(sa_type=PersonType, index=True)]
#: Nobody is stored as empty text.
PersonOrNobody = Annotated[PersonId | None, Field(sa_type=PersonType, nullable=False)]


class Row:
    """Base of all rows."""

    __slots__ = ()
    __table__: ClassVar[Table]

    @classmethod
    def key(cls) -> tuple[str, ...]:
        """Members of the table's key, in its order."""
        return tuple(cls.__table__.primary_key.columns.keys())


#: All rows, by the names of their tables.
TABLES: Final[dict[str, type[Row]]] = {}

RowT = TypeVar("RowT", bound=Row)


def table(name: str, *more: SchemaItem) -> Callable[[type[RowT]], type[RowT]]:
    """Give a dataclass its table, known to ``SQLModel.metadata``.

    Args:
        name: of the table. more: indexes over several columns, or an order of the key's columns
            that is not theirs.

    Returns:
        A decorator, which returns the dataclass itself.
    """

    def tabled(row: type[RowT]) -> type[RowT]:
        hints = get_type_hints(row, include_extras=True)
        members: Any = fields(row)  # type: ignore[arg-type]
        body = {
            "__module__": row.__module__,
            "__tablename__": name,
            "__table_args__": more,
            "__annotations__": {member.name: hints[member.name] for member in members},
            **{member.name: member.default for member in members if member.default is not MISSING},
        }
        model: Any = new_class(
            row.__name__, (SQLModel,), {"table": True}, lambda to: to.update(body)
        )
        row.__table__ = model.__table__
        TABLES[name] = row
        return row

    return tabled
