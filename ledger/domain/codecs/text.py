"""Small strict codecs: base64url without padding, lower-case hex, UTC times and UUID URNs."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from ledger.domain.errors import FormatError

# \d alone takes the digits of every script.
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*")
_QUOTED: Final = 60  # characters
_UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_EVIDENCE: Final = re.compile(rf"urn:uuid:{_UUID}")
#: How the URN of a case begins; a version 4 UUID follows.
CASE_URN: Final = "urn:custody:case:"
_CASE: Final = re.compile(rf"{CASE_URN}{_UUID}")


def b64url(data: bytes) -> str:
    """Base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64url(text: object, *, what: str, size: int | None = None) -> bytes:
    """Decode base64url; only the one canonical spelling is accepted.

    Returns:
        the bytes.

    Raises:
        FormatError: other characters, padding, stray bits, or a length other than ``size`` bytes.
    """
    if not isinstance(text, str):
        raise FormatError(f"{what}: expected base64url text")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError(f"{what}: not base64url") from error
    # Other spellings differ in their alphabet, in padding or in the last few characters: the rest
    # need not be written again.
    last = len(text) // 4 * 4 - 4 if len(text) >= 4 else 0
    if "+" in text or "/" in text or "=" in text or b64url(data[last // 4 * 3 :]) != text[last:]:
        raise FormatError(f"{what}: not canonical base64url")
    if size is not None and len(data) != size:
        raise FormatError(f"{what}: {len(data)} bytes, expected {size}")
    return data


def from_hex(text: object, *, what: str, size: int | None = None) -> bytes:
    """Decode lower-case hex without prefix.

    Returns:
        the bytes.

    Raises:
        FormatError: as for from_b64url.
    """
    if not isinstance(text, str) or not _HEX.fullmatch(text):
        raise FormatError(f"{what}: expected lower-case hex")
    if size is not None and len(text) != 2 * size:
        raise FormatError(f"{what}: {len(text) // 2} bytes, expected {size}")
    return bytes.fromhex(text)


def from_0x(text: object, *, what: str, size: int) -> bytes:
    """Decode ``0x`` and lower-case hex, as the chain writes it."""
    if not isinstance(text, str) or not text.startswith("0x"):
        raise FormatError(f"{what}: expected 0x and lower-case hex")
    return from_hex(text[2:], what=what, size=size)


def format_time(seconds: int) -> str:
    """Seconds since 1970 as RFC 3339 UTC with whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix("+00:00") + "Z"


def told_time(seconds: int) -> str:
    """As ``format_time``, for numbers that others wrote: one that is no time stays a number."""
    try:
        return format_time(seconds)
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def parse_time(text: object, *, what: str) -> int:
    """RFC 3339 UTC with whole seconds, as seconds since 1970.

    Raises:
        FormatError: any other spelling, or an impossible date.
    """
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise FormatError(f"{what}: expected a time like 2026-11-21T09:14:03Z")
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError as error:
        raise FormatError(f"{what}: no such date") from error


def evidence_bytes(evidence: object, *, what: str = "evidence") -> bytes:
    """The 16 bytes of a version 4 UUID URN (RFC 9562).

    Raises:
        FormatError: anything but the lower-case canonical spelling.
    """
    if not isinstance(evidence, str) or not _EVIDENCE.fullmatch(evidence):
        raise FormatError(f"{what}: expected urn:uuid: and a version 4 UUID in lower case")
    return uuid.UUID(evidence).bytes


def is_case(subject: str) -> bool:
    """Whether a subject is called as cases are, and not as items are."""
    return subject.startswith(CASE_URN)


def new_case() -> str:
    """The URN of a new case: random, so that it tells nothing of its number."""
    return f"{CASE_URN}{uuid.uuid4()}"


def subject_bytes(subject: object, *, what: str = "subject") -> bytes:
    """The 16 bytes that stand in hashes and grants for what a history is about: those of the UUID
    of an item, and the first ones of SHA-256 of the URN of a case. Somebody may give a case the
    UUID of an item: a key of one is never taken for one of the other.

    Raises:
        FormatError: neither the URN of an item nor that of a case.
    """
    if isinstance(subject, str) and _CASE.fullmatch(subject):
        return sha256(subject.encode()).digest()[:16]
    return evidence_bytes(subject, what=what)


def is_version(value: object, expected: int) -> bool:
    """Whether a version is the one expected, and no true or 1.0, which Python takes for the same:
    they would be other encodings of what a digest covers.
    """
    return type(value) is int and value == expected


def quoted(value: object) -> str:
    """A value that somebody else wrote, for an error: its beginning, or what kind of value it is.
    Whole, it could be of megabytes.
    """
    if isinstance(value, str):
        return repr(value[:_QUOTED]) + ("..." if len(value) > _QUOTED else "")
    kinds: dict[type, str] = {bytes: "bytes", list: "a list", dict: "an object"}
    return kinds.get(type(value)) or repr(value)[:_QUOTED]


def _ending(what: str) -> str:
    return "es" if what.endswith(("s", "x", "ch", "sh")) else "s"


def counted(number: int, what: str, verbs: tuple[str, str] | None = None) -> str:
    """A number of things, in words that agree with it: "1 entry waits", "2 entries wait".

    Args:
        what: one of them. verbs: what one does, and what several do.
    """
    one, many = verbs or ("", "")
    if number == 1:
        return f"1 {what} {one}".rstrip()
    is_changed = what.endswith("y") and what[-2:-1] not in "aeou"  # a key, keys; an entry, entries
    plural = f"{what[:-1]}ies" if is_changed else f"{what}{_ending(what)}"
    return f"{number} {plural} {many}".rstrip()


def require(condition: bool, message: str) -> None:
    """Raise FormatError unless the condition holds."""
    if not condition:
        raise FormatError(message)
