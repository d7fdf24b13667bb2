"""What agencies publish: descriptors and revocation lists, our own and those of partners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import PrimaryKeyConstraint

from ledger.rows.table import Big, NumberKey, Row, TextKey, table


@table("crl")
@dataclass(frozen=True, slots=True)
class CrlRow(Row):
    """A revocation list: DER, and when it was issued in seconds."""

    number: NumberKey
    der: bytes
    issued: Big


@table("descriptor")
@dataclass(frozen=True, slots=True)
class DescriptorRow(Row):
    """A published descriptor version, with when and in which block the registry took it."""

    version: NumberKey
    document: bytes
    active_from: Big
    block: Big


@table("partner_descriptor", PrimaryKeyConstraint("agency", "version"))
@dataclass(frozen=True, slots=True)
class PartnerDescriptorRow(DescriptorRow):
    """A descriptor version of another agency, compared with the registry."""

    agency: TextKey


@table("partner")
@dataclass(frozen=True, slots=True)
class PartnerRow(Row):
    """Another agency of the registry: URL of its node, its newest revocation list (DER, or empty),
    and when both were last looked at; 0 since the registry had it as suspended or retired, until
    they are looked at again.
    """

    agency: TextKey
    url: str
    crl: bytes = b""
    checked: Big = 0

    @property
    def active(self) -> bool:
        """Whether the registry had it as an active agency when it was last asked."""
        return self.checked > 0


class AuthorityFilesRepository(Protocol):
    """Revocation lists and descriptors as this agency published them."""

    def put_crl(self, row: CrlRow) -> None:
        """Write a revocation list that was issued."""
        ...

    def newest_crl(self) -> CrlRow | None:
        """The list that counts: it names everything that the earlier ones did."""
        ...

    def last_issued(self, until: int) -> int:
        """The latest time up to ``until`` at which a list says to have been issued; 0 for none."""
        ...

    def put_descriptor(self, row: DescriptorRow) -> None:
        """Write a descriptor that was published."""
        ...

    def descriptors(self) -> list[DescriptorRow]:
        """Descriptors as they were published, oldest first."""
        ...


class PartnersRepository(Protocol):
    """Other agencies of the registry."""

    def put(self, row: PartnerRow) -> None:
        """Write what is known of an agency."""
        ...

    def get(self, agency: str) -> PartnerRow | None:
        """An agency by its code."""
        ...

    def all(self) -> list[PartnerRow]:
        """Every agency that is known."""
        ...

    def put_descriptor(self, agency: str, row: DescriptorRow) -> None:
        """Write a version of a descriptor."""
        ...

    def descriptors(self, agency: str) -> list[DescriptorRow]:
        """Versions of the descriptor of an agency, oldest first."""
        ...
