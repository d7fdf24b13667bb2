"""What cells of a spreadsheet's own file hold, as the text that somebody typed.

- a date is told as the day and the time that the file says, to the second, in the system of days
  that it names: nothing is added, and no zone
- a number is taken with the 15 digits that a spreadsheet keeps, where it is shown as it is
- what was computed, what looks other than it is, and what nobody sees is no statement of anybody:
  it is refused
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, Protocol

from ledger.domain.errors import UsageError

#: Filled cells of one sheet: as many as a register may have.
MOST_CELLS: Final = 2_400_000
#: Characters of one cell; spreadsheets keep no more.
LONGEST: Final = 32_767
_NUMBER: Final = re.compile(r"[+-]?\d{1,40}(?:\.\d{0,40})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_DATE: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(\.\d{1,9})?)?", re.ASCII)
_DAY: Final = 86_400
_MILLION: Final = 1_000_000
#: A double keeps a moment of our time to some microseconds.
_NEAR: Final = 1_000  # microseconds
_NO_DAY: Final = 60
_LAST: Final = 2_958_466  # the day after 31 December 9999

COMPUTED: Final = (
    "holds a formula: what it shows was computed, and nobody stated it; paste the value as text"
)
MERGED: Final = "is merged with others: split them, and fill each"
HIDDEN_ROW: Final = "is hidden, and holds something: show or delete the row"
HIDDEN_COLUMN: Final = "stands in a hidden column: show or delete it"
AS_TEXT: Final = "mark the cell as text, and type what shall be recorded"


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell holds, and what it is for the spreadsheet."""

    text: str
    kind: Literal["text", "number", "date"] = "text"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a workbook: where it lies in the file is for the reader alone."""

    name: str
    hidden: bool
    place: str


class Wrong(Protocol):
    """Called with a row and a column, both from 1, and with what is wrong; column 0 is the row."""

    def __call__(self, row: int, column: int, what: str) -> None: ...


def nowhere(row: int, column: int, what: str) -> None:
    """For whoever only looks whether a sheet holds something."""


class CellError(Exception):
    """A cell that is not taken; the message says why."""


def letters(column: int) -> str:
    """The letters of a column, which is counted from 1."""
    found = ""
    while column:
        column, rest = divmod(column - 1, 26)
        found = chr(ord("A") + rest) + found
    return found


def number_of(raw: str) -> str:
    """A number as a spreadsheet shows it where nobody chose a format.

    Raises:
        CellError: it is none, or shown otherwise.
    """
    if not _NUMBER.fullmatch(raw):
        raise CellError("cannot be read as a number")
    text = f"{float(raw):.15g}"
    if "e" in text or "n" in text:
        raise CellError(f"is a number of more digits than a spreadsheet keeps: {AS_TEXT}")
    return text


def serial_date(raw: str, *, from_1904: bool, clock: bool) -> Cell:
    """The day, and where it is shown the time, that a number of days means.

    Args:
        from_1904: days are counted from 1 January 1904; else day 1 is 1 January 1900, and day 60 a
            29 February 1900 that never was.
        clock: the cell shows a time of day.

    Raises:
        CellError: it means none, or more than it shows.
    """
    if not _NUMBER.fullmatch(raw) or not 0 <= float(raw) < _LAST:
        raise CellError("cannot be read as a date")
    days = Decimal(raw)
    if from_1904:
        start = datetime(1904, 1, 1)  # noqa: DTZ001 - a spreadsheet has no zone
    elif days < 1:
        raise CellError("is a time without a day: give both")
    elif _NO_DAY <= days < _NO_DAY + 1:
        raise CellError("is 29 February 1900, a day that never was")
    else:
        start = datetime(1899, 12, 31 if days < _NO_DAY else 30)  # noqa: DTZ001 - as above
    return date_cell(start, int((days * _DAY * _MILLION).to_integral_value()), clock=clock)


def date_cell(start: datetime, microseconds: int, *, clock: bool) -> Cell:
    """A day and its time, in the form in which times are typed.

    Raises:
        CellError: it lies between two seconds, or has a time that is not shown.
    """
    seconds = (microseconds + _MILLION // 2) // _MILLION
    if abs(microseconds - seconds * _MILLION) > _NEAR:
        raise CellError("holds a part of a second: give the time to the second, as text")
    try:
        at = start + timedelta(seconds=seconds)
    except OverflowError as error:
        raise CellError("cannot be read as a date") from error
    if clock:
        return Cell(f"{at:%Y-%m-%d %H:%M:%S}", "date")
    if at.hour or at.minute or at.second:
        raise CellError("holds a time of day that it does not show: choose a format with the time")
    return Cell(f"{at:%Y-%m-%d}", "date")


def iso_date(raw: str) -> Cell:
    """The day, and where it has one the time, that a file writes out.

    Raises:
        CellError: there is none, or it lies between two seconds.
    """
    found = _DATE.fullmatch(raw)
    try:
        if found is None:
            raise ValueError
        start = datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00:00'}")
        return date_cell(start, round(float(found[3] or 0) * _MILLION), clock=found[2] is not None)
    except ValueError as error:
        raise CellError("cannot be read as a date") from error


def within(text: str) -> str:
    """A text, if it is no longer than a cell's.

    Raises:
        CellError: it is.
    """
    if len(text) > LONGEST:
        raise CellError(f"is longer than {LONGEST:,} characters")
    return text


class Count:
    """How many filled cells were read."""

    def __init__(self) -> None:
        self._left = MOST_CELLS

    def take(self, cells: int) -> None:
        """Count more.

        Raises:
            UsageError: they are too many.
        """
        self._left -= cells
        if self._left < 0:
            raise UsageError(f"more than {MOST_CELLS:,} filled cells", hint="import it in parts")
