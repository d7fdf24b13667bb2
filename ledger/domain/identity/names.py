"""Names of agencies, people, services, roles and logs, and the URNs that carry them."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final, Literal, get_args

from ledger.domain.errors import FormatError

#: What people of an agency, and its node, are certified for; in the order of docs/roles.md.
Role = Literal[
    "officer",
    "custodian",
    "examiner",
    "reviewer",
    "prosecutor",
    "disclosure-officer",
    "defence",
    "court",
    "court-expert",
    "data-protection-officer",
    "auditor",
    "administrator",
    "service",
]
ROLES: Final[frozenset[Role]] = frozenset(get_args(Role))

_CODE: Final = re.compile(r"[A-Z]{2}-[A-Z0-9](?:[A-Z0-9-]{0,30}[A-Z0-9])?")
_PSEUDONYM: Final = re.compile(r"[a-z2-7]{26}")
_LOG: Final = re.compile(r"urn:custody:log:([0-9a-f]{64})")
_AGENCY_URN: Final = "urn:custody:agency:"


def check_code(code: object) -> str:
    """An agency code: ISO 3166-1 alpha-2 country and a short name, such as NL-POL.

    Raises:
        FormatError: anything else.
    """
    if not is_code(code):
        raise FormatError("agency code: expected a country and a short name, such as NL-POL")
    return str(code)


def is_code(text: object) -> bool:
    """Whether a text has the form of an agency code, such as NL-POL."""
    return isinstance(text, str) and _CODE.fullmatch(text) is not None


def agency_id(code: str) -> bytes:
    """The id on chain: SHA-256 of the code, 32 bytes."""
    return sha256(check_code(code).encode()).digest()


def agency_urn(code: str) -> str:
    """``urn:custody:agency:<code>``."""
    return _AGENCY_URN + check_code(code)


def parse_agency_urn(urn: object) -> str:
    """The code in an agency URN.

    Raises:
        FormatError: not an agency URN.
    """
    if not isinstance(urn, str) or not urn.startswith(_AGENCY_URN):
        raise FormatError("expected an agency URN")
    return check_code(urn.removeprefix(_AGENCY_URN))


def log_urn(log_id: bytes) -> str:
    """``urn:custody:log:<hex>``, which is also the C2SP origin of the log."""
    return f"urn:custody:log:{log_id.hex()}"


def parse_log_urn(urn: object) -> bytes:
    """The 32-byte log id in a log URN.

    Raises:
        FormatError: not a log URN.
    """
    match = _LOG.fullmatch(urn) if isinstance(urn, str) else None
    if match is None:
        raise FormatError("expected a log URN")
    return bytes.fromhex(match[1])


def person_urn(code: str, pseudonym: str) -> str:
    """``urn:custody:person:<agency>:<pseudonym>``."""
    return f"urn:custody:person:{check_code(code)}:{check_pseudonym(pseudonym)}"


def service_urn(code: str, pseudonym: str) -> str:
    """``urn:custody:service:<agency>:<id>``."""
    return f"urn:custody:service:{check_code(code)}:{check_pseudonym(pseudonym)}"


def role_urn(role: str) -> str:
    """``urn:custody:role:<role>``."""
    if role not in ROLES:
        raise FormatError(f"unknown role {role!r}")
    return f"urn:custody:role:{role}"


def is_pseudonym(text: object) -> bool:
    """Whether something has the form of a pseudonym."""
    return isinstance(text, str) and _PSEUDONYM.fullmatch(text) is not None


def check_pseudonym(text: object) -> str:
    """A pseudonym: 26 characters of lower-case base32 (130 random bits).

    Raises:
        FormatError: anything else.
    """
    if not isinstance(text, str) or not is_pseudonym(text):
        raise FormatError("pseudonym: expected 26 characters of lower-case base32")
    return text
