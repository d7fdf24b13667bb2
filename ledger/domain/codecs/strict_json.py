"""Strict JSON (RFC 8259): what two parsers could read differently is refused.

- UTF-8 without a byte order mark, no duplicate keys, no NaN or Infinity, no lone surrogates
- integers within 2^53, nesting at most 24 deep, size limit given by the caller
"""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any, Final, NoReturn

from ledger.domain.errors import FormatError

_MAX_DEPTH: Final = 24
_MAX_INTEGER: Final = 2**53
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
#: What Windows' editors put in front of text; skipping it would give two spellings of one document,
#: with two digests.
_MARKS: Final = {b"\xef\xbb\xbf": "UTF-8", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
#: Strings, and what is neither string nor bracket. A string without an end reaches to the end of
#: the text: were it none, each quotation mark in it would be looked behind anew, to the end.
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
_STRINGS: Final = re.compile(rb"(?:" + _STRING + rb")++", re.DOTALL)
_OUTSIDE_BRACKETS: Final = re.compile(rb"(?:" + _STRING + rb'|[^\[\]{}"]++)++', re.DOTALL)


def parse(
    data: bytes, *, what: str, limit: int, depth: int = _MAX_DEPTH, members: int | None = None
) -> Any:
    """Parse JSON text of at most ``limit`` bytes, nested at most ``depth`` deep, with at most
    ``members`` in an object.

    Returns:
        the value.

    Raises:
        FormatError: with ``what`` at its head.
    """
    if len(data) > limit:
        raise FormatError(f"{what}: {len(data)} bytes, at most {limit} allowed")

    for mark, name in _MARKS.items():
        if data.startswith(mark):
            raise FormatError(
                f"{what}: begins with a byte order mark ({name})",
                hint="save it as UTF-8 without a byte order mark (BOM)",
            )
    _check_depth(data, what, depth)

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        if members is not None and len(items) > members:
            raise FormatError(f"{what}: an object of more than {members} members")
        parsed = dict(items)
        if len(parsed) != len(items):
            raise FormatError(f"{what}: duplicate key")
        return parsed

    def constant(name: str) -> NoReturn:
        raise FormatError(f"{what}: {name} is not JSON")

    def integer(text: str) -> int:
        # int() of a million digits takes minutes: the length is checked first.
        if len(text) > 17 or abs(int(text)) > _MAX_INTEGER:
            raise FormatError(f"{what}: integer beyond 2^53")
        return int(text)

    try:
        text = data.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=pairs, parse_constant=constant, parse_int=integer
        )
    except UnicodeDecodeError as error:
        raise FormatError(f"{what}: not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise FormatError(f"{what}: not JSON at character {error.pos}") from error
    _check(value, what)
    return value


def lenient(data: bytes) -> Any:
    """JSON of a file on this machine, which people may have edited.

    Raises:
        ValueError: it is none, or nested too deeply.
    """
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def weight(data: bytes) -> int:
    """Bytes of memory that JSON text takes when it is parsed, at most: many times its size where it
    holds many tiny values.
    """
    # One character beyond the first 65,536 makes all of a text four bytes wide.
    wide = 1 if data.isascii() else 4
    return wide * len(data) + _marks(data)


def _marks(data: bytes) -> int:
    return sum(data.count(mark) * cost for mark, cost in ((b"{", 232), (b"[", 88), (b",", 72)))


def is_dense(data: bytes, *, times: int, free: int) -> bool:
    """Whether JSON text would take more memory than ``free`` bytes and so many times its length.
    What stands in strings is text, whatever it looks like.
    """
    most = free + times * len(data)
    if weight(data) <= most:
        return False
    total, end = len(data), 0
    for text in _STRINGS.finditer(data):
        total += _marks(data[end : text.start()])
        end = text.end()
        if total > most:
            return True
    return total + _marks(data[end:]) > most


def dump(value: Any) -> bytes:
    """Write compact JSON in the order given; any order is valid, since documents are hashed as
    written.

    Returns:
        UTF-8 without blanks.

    Raises:
        FormatError: text that is not Unicode, or a number that JSON does not have.
    """
    try:
        return _ENCODER.encode(value).encode()
    except ValueError as error:  # UnicodeEncodeError is one
        raise FormatError(
            "text with a lone surrogate, or a number that JSON does not have"
        ) from error


def _check_depth(data: bytes, what: str, depth: int) -> None:
    """Count brackets first: the C parser was seen to overflow the stack where Python's recursion
    limit had been raised.
    """
    brackets = _OUTSIDE_BRACKETS.sub(b"", data)
    if (
        len(brackets) > depth
        and max(accumulate(1 if bracket in b"[{" else -1 for bracket in brackets)) > depth
    ):
        raise FormatError(f"{what}: nested deeper than {depth}")


def _check(value: Any, what: str) -> None:
    if isinstance(value, str):
        _check_text(value, what)
    elif isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise FormatError(f"{what}: number out of range")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key, what)
            _check(item, what)
    elif isinstance(value, list):
        for item in value:
            _check(item, what)


def _check_text(text: str, what: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError(f"{what}: lone surrogate") from error
