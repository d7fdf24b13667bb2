r"""Names of files as text: every sequence of bytes has exactly one spelling, and every spelling
names one sequence.

- bytes that are UTF-8 stand for themselves, but for the backslash, which is doubled
- every other byte is ``\x`` and two lower-case hex digits
- nothing is normalised: two names that look alike (NFC and NFD) stay two names
"""

from __future__ import annotations

import re
from typing import Final

from ledger.domain.errors import FormatError

_TOKEN: Final = re.compile(r"\\\\|\\x([0-9a-f]{2})|\\")
_SPECIAL: Final = re.compile("[\\\\\udc80-\udcff]")


def encode(raw: bytes) -> str:
    """The text of a name."""
    return _SPECIAL.sub(_escape, raw.decode("utf-8", "surrogateescape"))


def decode(text: str) -> bytes:
    """The bytes of a name.

    Raises:
        FormatError: a text that ``encode`` never writes.
    """
    try:
        raw = b"".join(_bytes(text))
    except UnicodeEncodeError as error:
        raise FormatError("name: a lone surrogate") from error
    if encode(raw) != text:
        raise FormatError("name: a byte is escaped that stands for itself")
    return raw


def _escape(match: re.Match[str]) -> str:
    return "\\\\" if match[0] == "\\" else f"\\x{ord(match[0]) - 0xDC00:02x}"


def _bytes(text: str) -> list[bytes]:
    parts, at = [], 0
    for token in _TOKEN.finditer(text):
        if token[0] == "\\":
            raise FormatError("name: a backslash that is neither doubled nor an escape")
        parts += [
            text[at : token.start()].encode(),
            b"\\" if token[1] is None else bytes.fromhex(token[1]),
        ]
        at = token.end()
    return [*parts, text[at:].encode()]
