"""Tokens of time authorities over this agency's checkpoints, and what shows that they were not
revoked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Index

from ledger.rows.table import Big, BytesKey, Row, TextKey, table


@table("time_stamp", Index("time_stamp_place", "log", "size"), Index("time_stamp_time", "time"))
@dataclass(frozen=True, slots=True)
class TimeStampRow(Row):
    """A token (RFC 3161) over ``imprint``, the SHA-256 of a checkpoint's note or of another token.

    ``log`` and ``size`` name the checkpoint; of a token over a token they are those of the one
    that it is over. ``time`` is what it says.
    """

    imprint: BytesKey
    authority: TextKey
    log: bytes
    size: Big
    time: Big
    token: bytes


@table("time_authority_list", Index("time_authority_list_issued", "issued"))
@dataclass(frozen=True, slots=True)
class TimeAuthorityListRow(Row):
    """A revocation list of whoever certifies time authorities."""

    digest: BytesKey
    issued: Big
    crl: bytes


class TimeStampsRepository(Protocol):
    """Tokens of time authorities, and revocation lists for them."""

    def keep(self, row: TimeStampRow) -> None:
        """Keep a token, in the place of one over the same that is kept under the same name."""
        ...

    def over(self, imprints: Sequence[bytes]) -> list[TimeStampRow]:
        """Tokens over any of these digests, by authority."""
        ...

    def stamped_from(self, log: bytes, size: int) -> int | None:
        """The smallest size, not below this one, of a checkpoint that a token is over."""
        ...

    def newest(self) -> list[TimeStampRow]:
        """The token over the largest checkpoint, of each name under which tokens are kept."""
        ...

    def page(self, *, after: int = -1, limit: int = 100) -> list[TimeStampRow]:
        """Tokens over checkpoints of more than ``after`` entries, in their order."""
        ...

    def said_since(self, time: int) -> list[TimeStampRow]:
        """Tokens that say this time or a later one."""
        ...

    def count(self, authority: str) -> int:
        """How many tokens of an authority are kept."""
        ...

    def keep_list(self, row: TimeAuthorityListRow) -> None:
        """Keep a revocation list."""
        ...

    def lists(self, start: int, end: int) -> list[TimeAuthorityListRow]:
        """Lists that were issued from one time to another, both included, in that order."""
        ...
