"""A small vocabulary for describing JSON members: each check takes a value and its path, and raises
or returns.

A member replaced by its digest (selective disclosure) is reported as withheld, by its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.domain.codecs.digests import ALGORITHMS, check_digests
from ledger.domain.codecs.text import evidence_bytes, from_b64url, from_hex, parse_time
from ledger.domain.errors import FormatError
from ledger.domain.event.disclosure import HIDING
from ledger.domain.identity.names import check_code

_CODE: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?")
_MEDIA: Final = re.compile(
    r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}(?:; "
    r"?[a-z0-9-]+=[A-Za-z0-9._-]+)?"
)
_CID: Final = re.compile(r"b[a-z2-7]{58}")


@dataclass
class Report:
    """What a check collects besides errors: the paths of withheld members."""

    withheld: list[str] = field(default_factory=list)


Check = Callable[[Any, str, Report], None]


def _fail(path: str, expected: str) -> None:
    raise FormatError(f"event {path or 'document'}: expected {expected}")


def text(limit: int = 4096) -> Check:
    """Non-empty text of at most ``limit`` characters."""

    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, str) or not 0 < len(value) <= limit:
            _fail(path, f"text of 1 to {limit} characters")

    return check


def code(value: Any, path: str, report: Report) -> None:
    """A code of an open list: lower-case letters, digits, dots and hyphens."""
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        _fail(path, "a code of lower-case letters, digits and hyphens")


def choice(*options: str) -> Check:
    """One of a closed list."""

    def check(value: Any, path: str, report: Report) -> None:
        if value not in options or not isinstance(value, str):
            _fail(path, "one of " + ", ".join(options))

    return check


def number(value: Any, path: str, report: Report) -> None:
    """A whole number from 0 to 2^53."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        _fail(path, "a whole number")


def flag(value: Any, path: str, report: Report) -> None:
    """true or false."""
    if not isinstance(value, bool):
        _fail(path, "true or false")


def anything(value: Any, path: str, report: Report) -> None:
    """Any JSON value: old and new values of corrections, parameters of tools."""


def unknown(value: Any, path: str, report: Report) -> None:
    """The body of a type that this version does not know: what is withheld is told by its name."""
    if isinstance(value, dict):
        report.withheld += [f"{path}/{name}" for name in value.get("_sd_names", ())]
        for name, member in value.items():
            unknown(member, f"{path}/{name}", report)


def time(value: Any, path: str, report: Report) -> None:
    """A UTC time with whole seconds."""
    parse_time(value, what=f"event {path}")


def evidence(value: Any, path: str, report: Report) -> None:
    """The URN of an item."""
    evidence_bytes(value, what=f"event {path}")


def digest(value: Any, path: str, report: Report) -> None:
    """A statement or document digest in lower-case hex."""
    from_hex(value, what=f"event {path}", size=32)


def octets(size: int) -> Check:
    """``size`` bytes in base64url."""

    def check(value: Any, path: str, report: Report) -> None:
        from_b64url(value, what=f"event {path}", size=size)

    return check


def digests(value: Any, path: str, report: Report) -> None:
    """Algorithm names to digests, SHA-256 among them."""
    check_digests(value, what=f"event {path}")


def agency(value: Any, path: str, report: Report) -> None:
    """An agency code."""
    check_code(value)


def country(value: Any, path: str, report: Report) -> None:
    """An ISO 3166-1 alpha-2 code."""
    if not isinstance(value, str) or not re.fullmatch("[A-Z]{2}", value):
        _fail(path, "a country code of two capitals")


def media_type(value: Any, path: str, report: Report) -> None:
    """A media type in lower case."""
    if not isinstance(value, str) or not _MEDIA.fullmatch(value):
        _fail(path, "a media type")


def cid(value: Any, path: str, report: Report) -> None:
    """A CIDv1 with SHA-256 in base32."""
    if not isinstance(value, str) or not _CID.fullmatch(value):
        _fail(path, "a CIDv1 in base32")


def algorithm(value: Any, path: str, report: Report) -> None:
    """A digest algorithm, the broken ones that others still write down included."""
    if value not in (*ALGORITHMS, "md5", "sha-1", "blake3"):
        _fail(path, "a digest algorithm")


def listof(item: Check, *, least: int = 0, most: int = 1000) -> Check:
    """A list of ``least`` to ``most`` items; the limit bounds what a document can cost its
    readers.
    """

    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            _fail(path, f"a list of {least} to {most}")
        for index, element in enumerate(value):
            item(element, f"{path}/{index}", report)

    return check


def members(
    required: dict[str, Check] | None = None, optional: dict[str, Check] | None = None
) -> Check:
    """An object with these members and no others but ``ext``; what ``_sd_names`` names is withheld,
    required or not.
    """
    needed, allowed = required or {}, {**(optional or {}), **(required or {}), "ext": anything}

    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, dict):
            _fail(path, "an object")
        hidden = value.get("_sd_names", ())
        for name in (*value, *hidden):
            if name not in allowed and name not in HIDING:
                _fail(f"{path}/{name}", "no such member")
        for name in needed:
            if name not in value and name not in hidden:
                _fail(f"{path}/{name}", "this member")
        report.withheld += [f"{path}/{name}" for name in hidden]
        for name, member in value.items():
            if name not in HIDING:
                allowed[name](member, f"{path}/{name}", report)

    return check


def merge(*checks: tuple[dict[str, Check], dict[str, Check]]) -> Check:
    """An object with the members of several groups of (required, optional)."""
    required: dict[str, Check] = {}
    optional: dict[str, Check] = {}
    for more_required, more_optional in checks:
        required |= more_required
        optional |= more_optional
    return members(required, optional)
