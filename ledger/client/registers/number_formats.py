"""What a format of Office Open XML shows of the number or the text in a cell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

#: What is written as it stands: quoted, escaped, as wide as a character, repeated, in brackets.
_LITERAL: Final = re.compile(r'"[^"]*"?|\\.|_.|\*.|\[[^\]]*\]?')
_ELAPSED: Final = re.compile(r"\[[hmsHMS]+\]")
_LONGEST: Final = 255  # characters of a format, as spreadsheets have it
_TEXTS: Final = 4  # sections of a format, the last of which is that of texts


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a number is shown (as it is, as a whole number, as a day with or without a time, as a
    part of these, or otherwise), and whether a text is shown as it is.
    """

    kind: Literal["number", "whole", "date", "part of a date", "other"]
    clock: bool = False
    text_as_it_is: bool = True


_OTHER: Final = Shown("other")
#: Formats that a file names by number and does not define. Those of 27 to 58 differ by language.
_BUILTIN: Final = {
    **dict.fromkeys((0, 49), Shown("number")),
    1: Shown("whole"),
    **dict.fromkeys((14, 15), Shown("date")),
    **dict.fromkeys((16, 17, 18, 19, 20, 21, 45, 46, 47), Shown("part of a date")),
    **dict.fromkeys((*range(27, 37), *range(50, 59)), Shown("part of a date")),
    22: Shown("date", clock=True),
}


def builtin(number: str) -> Shown:
    """How a format that is not defined in the file shows."""
    return _BUILTIN.get(int(number), _OTHER) if re.fullmatch(r"\d{1,3}", number) else _OTHER


def custom(code: str) -> Shown:
    """How a format that the file defines shows."""
    if len(code) > _LONGEST:
        return Shown("other", text_as_it_is=False)
    sections = _split(code)
    texts = sections[3:] if len(sections) >= _TEXTS else [one for one in sections if "@" in one]
    as_it_is = all(_bare(one) == "@" and '"' not in one and "\\" not in one for one in texts)
    if _ELAPSED.search(sections[0]):
        return Shown("part of a date", text_as_it_is=as_it_is)
    first = _bare(sections[0]).casefold()
    marks = set(first) & set("ymdhs")
    if code.strip().casefold() in {"general", "@"}:
        return Shown("number")
    if code.strip() == "0":
        return Shown("whole")
    if marks and "general" not in first:
        whole = {"y", "m", "d"} <= marks
        return Shown("date" if whole else "part of a date", "h" in marks, as_it_is)
    return Shown("other", text_as_it_is=as_it_is)


def _split(code: str) -> list[str]:
    """Sections of a format, between semicolons that are not quoted."""
    found, start = [""], 0
    for literal in _LITERAL.finditer(code):
        _add(found, code[start : literal.start()])
        found[-1] += literal[0]
        start = literal.end()
    _add(found, code[start:])
    return found


def _add(found: list[str], plain: str) -> None:
    head, *more = plain.split(";")
    found[-1] += head
    found += more


def _bare(section: str) -> str:
    return _LITERAL.sub("", section).strip()
