"""Tables, which fit the terminal that they are printed on.

In a pipe or a file nothing is cut: what reads there has no margin, and would miss the rest. On a
terminal that is too narrow columns are told in their short form first, as far as it takes: the
beginning of an id, which every command takes, a time to the minute, colleagues without the agency.
Then, where a table has columns that may stand below the others, each row takes two lines. Then
columns shrink, with an ellipsis, and where that would cut a heading or what must stay whole, each
row stands line by line.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Final

from cli.terminal import output
from ledger.domain.untrusted import visible as safe
from ledger.domain.untrusted.visible import visible

#: The short form of a column, of all its cells.
Shorter = Callable[[list[str]], list[str]]
#: Characters of an id or a pseudonym by which every command takes it.
BEGINNING: Final = 8
_LONG_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d):\d\d(?:\.\d+)?")
_NARROWEST: Final = 8
_INDENT: Final = "  "


def beginnings(cells: list[str]) -> list[str]:
    """Ids by their first eight characters, where these tell all of them apart."""
    short = [cell[:BEGINNING] for cell in cells]
    return short if len(set(short)) == len(set(cells)) else cells


def minutes(cells: list[str]) -> list[str]:
    """Times to the minute, still in their zone."""
    return [_LONG_TIME.sub(r"\1", cell) for cell in cells]


def colleagues(agency: str) -> Shorter:
    """People of one's own agency without its name; those of others keep theirs."""
    return lambda cells: [cell.removesuffix(f" of {agency}") for cell in cells]


def table(
    headers: list[str],
    rows: list[list[str]],
    *,
    whole: Collection[str] = (),
    short: Mapping[str, Shorter] | None = None,
    below: Collection[str] = (),
) -> list[str]:
    """The lines of a table.

    Args:
        whole: headers of columns that are never cut: a name without its end could be somebody
            else's, and no command takes it.
        short: short forms of columns by their headers, in the order in which they are taken where
            the table is too wide for the terminal.
        below: headers of columns that then stand in a second line below the others.
    """
    stream = output.results()
    is_seen = output.is_terminal(stream)
    room = shutil.get_terminal_size((100, 24)).columns if is_seen else sys.maxsize
    columns = [
        [output.encodable(stream, visible(cell)) for cell in column]
        for column in (zip(headers, *rows, strict=True))
    ]
    for header, shorter in (short or {}).items():
        if _width(_widths(columns)) > room:
            at = headers.index(header)
            columns[at] = [columns[at][0], *shorter(columns[at][1:])]
    parts = [columns]
    if below and _width(_widths(columns)) > room:
        parts = [[one for one in columns if (one[0] in below) is under] for under in (False, True)]
    # The second line of a row is indented.
    rooms = [room - len(_INDENT) * under for under in range(len(parts))]
    widths = [_fitted(part, wide, whole) for part, wide in zip(parts, rooms, strict=True)]
    if any(_width(each) > wide for each, wide in zip(widths, rooms, strict=True)):
        return _upright(columns)
    lines = [_lines(part, each) for part, each in zip(parts, widths, strict=True)]
    return [
        _INDENT * under + line for row in zip(*lines, strict=True) for under, line in enumerate(row)
    ]


def _lines(columns: list[list[str]], widths: list[int]) -> list[str]:
    return [
        "  ".join(_cell(cell, wide) for cell, wide in zip(row, widths, strict=True)).rstrip()
        for row in zip(*columns, strict=True)
    ]


def _upright(columns: list[list[str]]) -> list[str]:
    """Each row line by line, each cell beside its heading."""
    headers, *rows = [list(row) for row in zip(*columns, strict=True)]
    names = [_cell(name, max(map(safe.width, headers)) + 2) for name in headers]
    upright = [[*map(str.__add__, names, row), ""] for row in rows]
    return [line for lines in upright for line in lines][:-1]


def _fitted(columns: list[list[str]], room: int, whole: Collection[str]) -> list[int]:
    """Widths of columns, shrunk from the widest as far as it takes to fit, and may be."""
    widths = _widths(columns)
    least = [max(_NARROWEST, safe.width(column[0])) for column in columns]
    elastic = [at for at, column in enumerate(columns) if column[0] not in whole]
    while _width(widths) > room and (shrinking := [at for at in elastic if widths[at] > least[at]]):
        widths[max(shrinking, key=lambda at: widths[at])] -= 1
    return widths


def _widths(columns: list[list[str]]) -> list[int]:
    return [max(map(safe.width, column)) for column in columns]


def _width(widths: list[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _cell(text: str, wide: int) -> str:
    """Text in exactly so many columns; double-width letters and combining marks count as they are
    drawn.
    """
    if safe.width(text) > wide:
        at, used = 0, 0
        while used + safe.width(text[at]) <= wide - 1:
            used += safe.width(text[at])
            at += 1
        text = text[:at] + ("…" if output.is_unicode(sys.stdout) else "~")
    return text + " " * (wide - safe.width(text))
