"""Deterministic CBOR, and nothing else (RFC 8949 section 4.2.1).

Rules enforced on decoding, each of which a general library was seen to let through (docs/adr/0003):

- shortest form of every integer and length; no indefinite lengths, no floating point
- map keys are integers or text, unique, and in the bytewise order of their encodings
- no trailing bytes; nesting at most 16 deep; no length beyond the input
- values take at most a few times the memory that their encoding takes: an array of empty arrays
  would take a hundred times as much
- text is valid UTF-8

So whatever parses re-encodes to the same bytes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from ledger.domain.errors import FormatError, TruncatedError

_MAX_DEPTH: Final = (
    16  # our deepest format nests 6; a bound keeps hostile input off the Python stack
)
#: Bytes of memory that decoded values may take, for each byte of input and for any input.
_GROWTH: Final = 5
_FREE: Final = 65_536
_OBJECT: Final = (
    64  # bytes of an empty list, of a short text, or of what surrounds a string of bytes
)
_ENTRY: Final = 100  # of an entry of a map, beside key and value, while it grows
_SHORT: Final = [bytes([number]) for number in range(256)]
_SIMPLE: Final[dict[int, Any]] = {20: False, 21: True, 22: None}

_first: Final = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tagged data item (RFC 8949 section 3.4)."""

    tag: int
    value: Any


def encode(value: Any) -> bytes:
    """Encode None, bool, int, bytes, str, list, tuple, dict and Tagged deterministically.

    Returns:
        the one deterministic encoding.

    Raises:
        TypeError: for any other type; that is a defect of the caller.
    """
    out = bytearray()
    _encode(value, out)
    return bytes(out)


def decode(data: bytes, *, what: str = "cbor", bounded: bool = True) -> Any:
    """Decode one deterministic data item that fills ``data``.

    Args:
        bounded: refuse values that would take many times the memory of their encoding; without it
            the caller bounds the input.

    Returns:
        the item, with integers, text, bytes, lists and maps as Python has them.

    Raises:
        FormatError: for anything that a deterministic encoder would not have written.
    """
    budget = _GROWTH * len(data) + _FREE if bounded else sys.maxsize
    value, end = _decode(data, 0, 0, what, [budget])
    if end != len(data):
        raise FormatError(f"{what}: {len(data) - end} bytes after the end")
    return value


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return _SHORT[major << 5 | argument]
    for info, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * width):
            return _SHORT[major << 5 | info] + argument.to_bytes(width, "big")
    raise TypeError("integer beyond 64 bits")


@lru_cache(maxsize=1024, typed=True)
def _key(key: int | str) -> bytes:
    return encode(key)


def _encode(value: Any, out: bytearray) -> None:
    if isinstance(value, bytes | bytearray | memoryview):
        out += _head(2, len(value))
        out += value
    elif isinstance(value, str):
        raw = value.encode()
        out += _head(3, len(raw))
        out += raw
    elif value is None:
        out.append(0xF6)
    elif isinstance(value, bool):
        out.append(0xF5 if value else 0xF4)
    elif isinstance(value, int):
        out += _head(0, value) if value >= 0 else _head(1, -1 - value)
    elif isinstance(value, list | tuple):
        out += _head(4, len(value))
        for item in value:
            _encode(item, out)
    elif isinstance(value, dict):
        out += _head(5, len(value))
        for key, item in sorted(((_key(key), item) for key, item in value.items()), key=_first):
            out += key
            _encode(item, out)
    elif isinstance(value, Tagged):
        out += _head(6, value.tag)
        _encode(value.value, out)
    else:
        raise TypeError(f"no deterministic encoding for {type(value).__name__}")


def _argument(data: bytes, at: int, what: str) -> tuple[int, int, int]:
    """Return (major type, argument, offset behind the head)."""
    if at >= len(data):
        raise TruncatedError(f"{what}: truncated at byte {at}")
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if info < 24:
        return major, info, at
    if info > 27:
        raise FormatError(f"{what}: indefinite or reserved length at byte {at - 1}")
    width = 1 << (info - 24)
    raw = data[at : at + width]
    if len(raw) != width:
        raise TruncatedError(f"{what}: truncated at byte {at}")
    argument = int.from_bytes(raw, "big")
    if argument < 24 or (width > 1 and argument < 1 << (4 * width)):
        raise FormatError(f"{what}: integer not in its shortest form at byte {at - 1}")
    return major, argument, at + width


def _pay(left: list[int], cost: int, what: str) -> None:
    left[0] -= cost
    if left[0] < 0:
        raise FormatError(f"{what}: too many values for its size")


# One branch for each major type (RFC 8949 section 3.1): a strict reader is read in one piece.
def _decode(  # noqa: C901, PLR0912
    data: bytes, at: int, depth: int, what: str, left: list[int]
) -> tuple[Any, int]:
    if depth > _MAX_DEPTH:
        raise FormatError(f"{what}: nested deeper than {_MAX_DEPTH}")
    start = at
    major, argument, at = _argument(data, at, what)
    if argument > 256 and major < 2:
        _pay(left, 32, what)
    if major == 0:
        return argument, at
    if major == 1:
        return -1 - argument, at
    if major in (2, 3):
        raw = data[at : at + argument]
        if len(raw) != argument:
            raise TruncatedError(f"{what}: length {argument} at byte {start} exceeds the input")
        _pay(left, _OBJECT + argument, what)
        if major == 2:
            return bytes(raw), at + argument
        try:
            text = bytes(raw).decode()
            if not text.isascii():
                # One character beyond the first 65,536 makes all of them four bytes wide.
                _pay(left, 3 * argument, what)
            return text, at + argument
        except UnicodeDecodeError as error:
            raise FormatError(f"{what}: text at byte {start} is not UTF-8") from error
    if major in (4, 5) and argument > len(data) - at:
        # Every element takes a byte: a huge count is refused before anything is allocated for it.
        raise TruncatedError(f"{what}: count {argument} at byte {start} exceeds the input")
    if major in (4, 5):
        _pay(left, _OBJECT + argument * (16 if major == 4 else _ENTRY), what)
    if major == 4:
        items = []
        for _ in range(argument):
            item, at = _decode(data, at, depth + 1, what, left)
            items.append(item)
        return items, at
    if major == 5:
        return _decode_map(data, at, argument, depth, what, left)
    if major == 6:
        _pay(left, _OBJECT, what)
        value, at = _decode(data, at, depth + 1, what, left)
        return Tagged(argument, value), at
    if argument in _SIMPLE and data[start] & 31 < 24:
        return _SIMPLE[argument], at
    raise FormatError(f"{what}: unexpected simple value or float at byte {start}")


def _decode_map(
    data: bytes, at: int, count: int, depth: int, what: str, left: list[int]
) -> tuple[dict[Any, Any], int]:
    members: dict[Any, Any] = {}
    previous = b""
    for _ in range(count):
        start = at
        key, at = _decode(data, at, depth + 1, what, left)
        if isinstance(key, bool) or not isinstance(key, int | str):
            raise FormatError(f"{what}: map key at byte {start} is neither integer nor text")
        encoded = bytes(data[start:at])
        if encoded <= previous:
            raise FormatError(f"{what}: map key at byte {start} repeated or out of order")
        previous = encoded
        members[key], at = _decode(data, at, depth + 1, what, left)
    return members, at
