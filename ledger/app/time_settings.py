"""The time authorities of a home, as its settings keep them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ledger.domain.timestamps import authorities
from ledger.domain.timestamps.authorities import TimeAuthority


@dataclass(frozen=True, slots=True)
class TimeAuthoritySettings:
    """A time authority by name: where it answers, its roots (DER, base64url), the policies that
    count, and from when it is distrusted (as in a trust root; empty: it is trusted).
    """

    name: str
    url: str
    roots: tuple[str, ...]
    policies: tuple[str, ...]
    distrusted_from: str = ""

    @staticmethod
    def parse(value: dict[str, Any]) -> TimeAuthoritySettings:
        """Out of JSON."""
        listed = {name: tuple(value[name]) for name in ("roots", "policies")}
        return TimeAuthoritySettings(**{**value, **listed})


def named(settings: Iterable[TimeAuthoritySettings]) -> tuple[TimeAuthority, ...]:
    """Time authorities as a trust root names them.

    Raises:
        FormatError: one of them is not written as a trust root takes it.
    """
    value = [
        {
            "name": one.name,
            "roots": list(one.roots),
            "policies": list(one.policies),
            "distrustedFrom": one.distrusted_from or None,
        }
        for one in settings
    ]
    return authorities.parse(value, "time authorities of the home")
