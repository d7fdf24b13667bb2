"""Unsigned varints (multiformats): minimal, at most 9 bytes."""

from __future__ import annotations

from ledger.domain.errors import FormatError


def encode(value: int) -> bytes:
    """Encode a number below 2^63."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """Decode at offset ``at``.

    Returns:
        the number, and the offset behind it.

    Raises:
        FormatError: truncated, longer than 9 bytes, or not minimal.
    """
    value = 0
    for count in range(9):
        if at + count >= len(data):
            raise FormatError("varint: truncated")
        byte = data[at + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            if byte == 0 and count:
                raise FormatError("varint: not minimal")
            return value, at + count + 1
    raise FormatError("varint: longer than 9 bytes")
