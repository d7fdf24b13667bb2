"""Lines that are too long for a terminal, continued so that nobody is misled and commands still
run.

- A line goes on under itself, indented, with a backslash at its end as in a shell: a value cannot
  be padded until its rest stands at the margin, where it would look like a line of ours.
- A command that fits into a line stands in one, a longer one is broken between its words. A word
  that is too long is closed, continued and opened again as a shell joins it, so that what is copied
  off the screen is what was meant; the next line then begins with a quotation mark, which no line
  of ours does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ledger.domain.untrusted.visible import width

#: Where a command begins: what runs it, and an option or a command behind it.
_COMMAND: Final = re.compile(
    r"(?:(?<=\s)|^)(?:[^\s'\"]*/)?(?:custody|chmod|ipfs)(?= --?[a-zA-Z]| [a-z])"
)
#: Words of a command: in quotes of each kind, or bare.
_QUOTED: Final = re.compile(
    r"""(?P<ansi>\$'(?:[^'\\]|\\.)*')|(?P<single>'[^']*')|(?P<double>"(?:[^"\\]|\\.)*")""",
)
_OPENING: Final = {"ansi": "$'", "single": "'", "double": '"'}
_ESCAPE: Final = 10  # characters that an escape has at most, such as U0001F600 behind a backslash


def folded(text: str, columns: int) -> Iterator[str]:
    """A line in pieces of at most so many columns, which a shell reads as the line that it was."""
    indent = " " * min(len(text) - len(text.lstrip()) + 4, columns // 2)
    begun = False  # a command, by an earlier piece
    while width(text) > columns:
        match = _COMMAND.search(text)
        start = 0 if begun else match.start() if match is not None else len(text)
        quotes = _quotes(text, start)
        room = _fitting(text, columns - 2)
        space = max(
            (
                at
                for at in range(1, room + 1)
                if text[at] == " " and at not in quotes and text[:at].strip()
            ),
            default=0,
        )
        space = _before_command(text, space, quotes, columns - len(indent))
        if space:
            begun = begun or start < space
            yield text[:space].rstrip() + " \\"
            text = indent + text[space:].lstrip()
        elif room > start:
            begun = True
            piece, text = _split_word(text, _fitting(text, columns - 3), quotes)
            yield piece
        else:
            yield text[:room].rstrip() + " \\"
            text = indent + text[room:].lstrip()
    yield text


def _before_command(text: str, space: int, quotes: dict[int, str], room: int) -> int:
    """Where a line is broken: before a command that would be broken there, and that fits into one
    line, so that it is copied in one go.
    """
    for match in _COMMAND.finditer(text):
        start = match.start()
        ends = (one.start() for one in re.finditer("; ", text[start:]))
        end = next((start + at for at in ends if start + at not in quotes), len(text))
        if start < space < end and text[:start].strip() and width(text[start:end]) <= room:
            return start
    return space


def _fitting(text: str, columns: int) -> int:
    """How many characters fit into so many columns; one at least."""
    wide, at = 0, 0
    while at < len(text) - 1 and (wide := wide + width(text[at])) <= columns:
        at += 1
    return max(at, 1)


def _quotes(text: str, start: int) -> dict[int, str]:
    """The places within quotes behind ``start``, between the opening mark and the closing one, each
    with what opens them. An apostrophe inside a word of prose opens none.
    """
    found: dict[int, str] = {}
    at = start
    while at < len(text):
        quoted = _QUOTED.match(text, at)
        if quoted is not None and (at == start or text[at - 1] in " ='\""):
            opening = _OPENING[str(quoted.lastgroup)]
            inside = range(at + len(opening), quoted.end())
            found |= dict.fromkeys(inside, opening)
            at = quoted.end()
        else:
            at += 1
    return found


def _split_word(text: str, room: int, quotes: dict[int, str]) -> tuple[str, str]:
    """A piece of a command that ends inside a word, and the rest; a shell joins the two."""
    at = room
    if quotes.get(at) in ("$'", '"'):  # an escape stays whole
        escape = text.rfind("\\", at - _ESCAPE, at)
        at = escape if escape > 2 else at
    elif text[at - 1] == "$":
        at -= 1
    opening = quotes.get(at)
    if opening is None:
        return text[:at] + "\\", "''" + text[at:]
    return text[:at] + opening[-1] + "\\", opening + text[at:]
