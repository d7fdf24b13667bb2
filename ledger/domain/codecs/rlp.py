"""Strict RLP (Ethereum yellow paper, appendix B): one encoding a value, nothing behind it."""

from __future__ import annotations

from typing import Final

from ledger.domain.errors import FormatError

Item = bytes | list["Item"]
_MAX_DEPTH: Final = 8  # headers nest 2, trie nodes with embedded children at most a few


def encode(item: Item) -> bytes:
    """Encode bytes or nested lists of bytes."""
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < 0x80 else _prefix(0x80, len(item)) + item
    body = b"".join(encode(part) for part in item)
    return _prefix(0xC0, len(body)) + body


def encode_number(value: int) -> bytes:
    """A number as RLP has it: big-endian without leading zeros, empty for zero."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def number(item: Item, *, what: str) -> int:
    """Read such a number.

    Returns:
        the number.

    Raises:
        FormatError: a list, or leading zeros.
    """
    if not isinstance(item, bytes) or item.startswith(b"\x00") or len(item) > 32:
        raise FormatError(f"{what}: not a number")
    return int.from_bytes(item, "big")


def _prefix(offset: int, length: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    size = (length.bit_length() + 7) // 8
    return bytes([offset + 55 + size]) + length.to_bytes(size, "big")


def decode(data: bytes, *, what: str) -> Item:
    """Decode one item that fills ``data``.

    Returns:
        bytes, or nested lists of bytes.

    Raises:
        FormatError: anything that encode would not have written.
    """
    item, end = _decode(data, 0, len(data), 0, what)
    if end != len(data):
        raise FormatError(f"{what}: {len(data) - end} bytes after the end")
    return item


def _decode(data: bytes, at: int, end: int, depth: int, what: str) -> tuple[Item, int]:
    if at >= end or depth > _MAX_DEPTH:
        raise FormatError(f"{what}: truncated or nested too deep")
    first = data[at]
    if first < 0x80:
        return data[at : at + 1], at + 1
    is_list, short = first >= 0xC0, first & 0x3F
    start, length = at + 1, short
    if short > 55:
        size = short - 55
        raw = data[at + 1 : at + 1 + size]
        length = int.from_bytes(raw, "big")
        start = at + 1 + size
        if len(raw) != size or raw.startswith(b"\x00") or length < 56:
            raise FormatError(f"{what}: length not in its shortest form")
    if start + length > end:
        raise FormatError(f"{what}: length exceeds the input")
    if not is_list:
        if length == 1 and data[start] < 0x80:
            raise FormatError(f"{what}: single byte not in its shortest form")
        return data[start : start + length], start + length
    items: list[Item] = []
    at = start
    while at < start + length:
        item, at = _decode(data, at, start + length, depth + 1, what)
        items.append(item)
    return items, at
