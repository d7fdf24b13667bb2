"""Foreign text made visible-safe: what a terminal, a log or a page would act on instead of showing
it becomes an escape.

- Control characters (C0, DEL, C1) and line feeds: a value could paint over the screen, or begin a
  line that looks like ours.
- Bidirectional marks and isolates, zero-width and other format characters, blanks that are no
  space: two names would look alike.
- Line and paragraph separators, lone surrogates, private and unassigned characters: each reader
  shows them in its own way.
- Combining marks without a letter before them, or more than four on one: they would be drawn over
  other lines.

What was made safe stays as it is when made safe again.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_MARKS: Final = 4  # on one letter; Vietnamese needs two, Hebrew with cantillation four
_UNSEEN: Final = frozenset(["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"])
#: Letters and marks that are drawn as nothing: fillers, joiners, variation selectors
#: (Default_Ignorable_Code_Point of Unicode), blanks.
_BLANK: Final = (
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2065, 0x2065),
    (0x2800, 0x2800), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip


def is_safe(character: str) -> bool:
    """Whether a character shows as itself wherever it is written."""
    code = ord(character)
    if 0x20 <= code < 0x7F:
        return True
    return unicodedata.category(character) not in _UNSEEN and not any(
        first <= code <= last for first, last in _BLANK
    )


def escape(character: str) -> str:
    """The escape of a character, as Python and JSON write it: x1b, u202e or U000e0001 behind a
    backslash.
    """
    code = ord(character)
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    return named or (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


class _Escapes(dict[int, str]):
    """For ``str.translate``; remembers what it looked up."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = shown = character if is_safe(character) else escape(character)
        return shown


class _JsonEscapes(dict[int, str]):
    """The same in the escapes of JSON, which are of four digits always; the line feeds of its own
    layout stay.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if character == "\n" or is_safe(character):
            shown = character
        else:
            units = character.encode("utf-16-be", "surrogatepass")
            shown = "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
        self[code] = shown
        return shown


_ESCAPES: Final = _Escapes()
_JSON: Final = _JsonEscapes()


def visible(value: object) -> str:
    """A value as one piece of one line, that says what it holds and does nothing else."""
    text = str(value).translate(_ESCAPES)
    return text if text.isascii() else _without_floods(text)


def json_safe(text: str) -> str:
    """JSON text in which nothing is left that a terminal would act on; it says the same to whoever
    parses it.
    """
    return text.translate(_JSON)


def is_mark(character: str) -> bool:
    """Whether a character is drawn over the one before it."""
    return unicodedata.category(character) in ("Mn", "Me")


def width(text: str) -> int:
    """Columns that safe text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if is_mark(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _without_floods(text: str) -> str:
    # As if the limit were reached: a mark that comes first would be drawn over what is not the
    # value's.
    shown, marks = [], _MARKS
    for character in text:
        marks = marks + 1 if is_mark(character) else 0
        shown.append(escape(character) if marks > _MARKS else character)
    return "".join(shown)
