"""Kinds of columns that several tables have."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Dialect, String
from sqlalchemy.types import TypeDecorator

from ledger.domain.errors import AlteredError
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

    def process_result_value(self, value: str | None, _: Dialect) -> PersonId | None:
        """As read."""
        return read_stored(value) if value else None


def blob(value: object) -> bytes:
    """Bytes as read: SQLite keeps in any column whatever was written there, and ``bytes`` of a
    number would be so many zeros.

    Raises:
        AlteredError: something else.
    """
    if not isinstance(value, bytes):
        raise AlteredError("the database holds a value of another type", hint="run: custody doctor")
    return value


def named(*, key: bool = False, index: bool = False) -> Column:  # type: ignore[type-arg]
    """A column that names a person, or nobody."""
    return Column(PersonType, primary_key=key, index=index, nullable=False)


def big() -> Column:  # type: ignore[type-arg]
    """A number of 64 bits."""
    return Column(BigInteger, nullable=False)
