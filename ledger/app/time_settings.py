"""The time authorities of a home, as its settings keep them.

- from when one is distrusted is kept by its roots, which tell whose a token is: under another name
  its thief would be believed anew
- it moves to no later time, and is not forgotten, but by a word for that alone: what was told of a
  theft once stands in trust roots that others have
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ledger.domain.errors import UsageError
from ledger.domain.timestamps import authorities
from ledger.domain.timestamps.authorities import TimeAuthority
from ledger.domain.timestamps.tokens import Token


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


def require_trusted(
    known: Sequence[TimeAuthoritySettings], wanted: TimeAuthority, token: Token
) -> None:
    """Check that a new authority is none that is distrusted, by its roots or its token.

    Raises:
        UsageError: it is.
    """
    for one in named(known):
        shared = set(one.roots) & set(wanted.roots) or authorities.path(token, one.roots)
        if one.distrusted_from is not None and shared:
            raise UsageError(
                f"it leads to the roots of {one.name}, which is distrusted: nothing that it signs "
                "would count",
                hint="ask another authority; that was recorded by mistake: custody stamp distrust "
                "NAME --withdraw",
            )


def distrust(
    known: Sequence[TimeAuthoritySettings], name: str, time: str
) -> tuple[TimeAuthoritySettings, ...]:
    """The authorities with one distrusted from a time on (as in a trust root), and with it whoever
    shares a root with it.

    Raises:
        UsageError: there is none of that name, or it was distrusted from an earlier time on.
    """
    before = _one(known, name).distrusted_from
    if before and before < time:
        raise UsageError(
            f"{name} is distrusted from {before} on, which is earlier",
            hint="an earlier time was a mistake: custody stamp distrust NAME --withdraw; then "
            "distrust it from the right one",
        )
    of = _sharing(known, name)
    return tuple(
        replace(one, distrusted_from=min(one.distrusted_from or time, time)) if one in of else one
        for one in known
    )


def withdraw(
    known: Sequence[TimeAuthoritySettings], name: str
) -> tuple[TimeAuthoritySettings, ...]:
    """The authorities with one, and whoever shares a root with it, trusted again.

    Raises:
        UsageError: there is none of that name, or it is trusted.
    """
    if not _one(known, name).distrusted_from:
        raise UsageError(f"{name} is not distrusted", hint="see: custody stamp status")
    of = _sharing(known, name)
    return tuple(replace(one, distrusted_from="") if one in of else one for one in known)


def remove(known: Sequence[TimeAuthoritySettings], name: str) -> tuple[TimeAuthoritySettings, ...]:
    """The authorities without one.

    Raises:
        UsageError: there is none of that name, or it is distrusted, which is not to be forgotten.
    """
    gone = _one(known, name)
    if gone.distrusted_from:
        raise UsageError(
            f"{name} is distrusted from {gone.distrusted_from} on: it is not asked, and stays for "
            "trust roots to tell that",
            hint="recorded by mistake: custody stamp distrust NAME --withdraw",
        )
    return tuple(one for one in known if one is not gone)


def _one(known: Sequence[TimeAuthoritySettings], name: str) -> TimeAuthoritySettings:
    for one in known:
        if one.name == name:
            return one
    raise UsageError(f"there is no time authority {name!r}", hint="see: custody stamp status")


def _sharing(known: Sequence[TimeAuthoritySettings], name: str) -> list[TimeAuthoritySettings]:
    """An authority and those that share a root with it, or with one that does."""
    roots, found = set(_one(known, name).roots), list[TimeAuthoritySettings]()
    while len(found) < len(more := [one for one in known if roots & set(one.roots)]):
        found, roots = more, {root for one in more for root in one.roots}
    return found
