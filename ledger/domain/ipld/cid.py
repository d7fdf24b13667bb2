"""Content identifiers: CIDv1, SHA-256, codecs raw and dag-pb, base32 lower case; nothing else is
accepted.
"""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import Final

from ledger.domain.errors import FormatError

RAW: Final = 0x55
DAG_PB: Final = 0x70
_PREFIXES: Final = {RAW: b"\x01\x55\x12\x20", DAG_PB: b"\x01\x70\x12\x20"}
SIZE: Final = 36


def of(block: bytes | memoryview, codec: int = RAW) -> bytes:
    """The binary CID of a block, 36 bytes."""
    return _PREFIXES[codec] + sha256(block).digest()


def with_digest(digest: bytes) -> list[bytes]:
    """The CIDs that a block of this SHA-256 may have."""
    return [prefix + digest for prefix in _PREFIXES.values()]


def digest_of(cid: bytes) -> bytes:
    """The SHA-256 in a CID."""
    return cid[-sha256().digest_size :]


def to_text(cid: bytes) -> str:
    """Multibase base32, lower case, no padding."""
    return "b" + base64.b32encode(cid).decode().rstrip("=").lower()


def check(cid: bytes) -> bytes:
    """Check a binary CID.

    Returns:
        the same CID.

    Raises:
        FormatError: another version, codec or hash.
    """
    if len(cid) != SIZE or cid[:4] not in _PREFIXES.values():
        raise FormatError("not a CIDv1 of raw or dag-pb with SHA-256")
    return cid


def from_text(text: object) -> bytes:
    """Parse the one canonical spelling.

    Returns:
        the binary CID.

    Raises:
        FormatError: any other.
    """
    if not isinstance(text, str) or not text.startswith("b") or len(text) != 59:
        raise FormatError("not a CIDv1 in base32")
    try:
        cid = base64.b32decode(text[1:].upper() + "=" * (-len(text[1:]) % 8))
    except ValueError as error:  # binascii.Error, or characters beyond ASCII
        raise FormatError("not a CIDv1 in base32") from error
    if to_text(cid) != text:
        raise FormatError("not the canonical spelling of a CID")
    return check(cid)


def codec_of(cid: bytes) -> int:
    """RAW or DAG_PB."""
    return cid[1]


def verify(cid: bytes, block: bytes | memoryview) -> None:
    """Check that a block hashes to its CID.

    Raises:
        FormatError: it does not.
    """
    if sha256(block).digest() != digest_of(cid):
        raise FormatError(f"block does not hash to its CID {to_text(cid)}")
