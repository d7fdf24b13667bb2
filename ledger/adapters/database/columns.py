"""Kinds of columns that several tables have."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Dialect, String
from sqlalchemy.types import TypeDecorator

from ledger.domain.identity.person import PersonId, read_stored


class PersonType(TypeDecorator[PersonId | None]):
    """A person as one column, ``pseudonym@AGENCY``, empty for nobody; a bare pseudonym is refused, as it names nobody."""

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


def named(*, key: bool = False, index: bool = False) -> Column:  # type: ignore[type-arg]
    """A column that names a person, or nobody."""
    return Column(PersonType, primary_key=key, index=index, nullable=False)


def big() -> Column:  # type: ignore[type-arg]
    """A number of 64 bits."""
    return Column(BigInteger, nullable=False)
