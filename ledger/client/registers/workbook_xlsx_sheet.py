"""What the cells of one sheet hold, as Office Open XML writes them, event by event."""

from __future__ import annotations

import re
from typing import Final, Protocol

from ledger.client.registers.number_formats import Shown
from ledger.client.registers.workbook_archive import Event, damaged
from ledger.client.registers.workbook_cells import (
    AS_TEXT,
    COMPUTED,
    HIDDEN_COLUMN,
    HIDDEN_ROW,
    MERGED,
    Cell,
    CellError,
    Count,
    Wrong,
    iso_date,
    number_of,
    within,
)

_SPACES: Final = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
_PLACE: Final = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})", re.ASCII)
_RANGE: Final = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})(?::[A-Z]{1,3}[1-9]\d{0,6})?", re.ASCII)
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_", re.ASCII)
_COLUMNS: Final = 16_384
_WHOLE: Final = re.compile(r"\d{1,9}", re.ASCII)


def named(*names: str) -> frozenset[str]:
    """Names of elements, in the namespaces of both editions."""
    return frozenset(f"{space} {name}" for space in _SPACES for name in names)


_VALUE: Final = named("v", "t")
_CELL, _ROW, _FORMULA = named("c"), named("row"), named("f")
SPOKEN: Final = named("rPh")  # how a text is pronounced
_COLUMN, _MERGE, _USUAL = named("col"), named("mergeCell"), named("sheetFormatPr")


class Book(Protocol):
    """What cells share."""

    def string(self, raw: str) -> str: ...

    def date(self, raw: str, shown: Shown) -> Cell: ...

    def shown(self, style: str | None) -> Shown: ...


class SheetReading:
    """One sheet, event by event."""

    def __init__(self, book: Book, wrong: Wrong) -> None:
        self._book, self._wrong = book, wrong
        self._count = Count()
        self._row, self._column, self._last = 0, 0, (0, 0)
        self._cells: dict[int, Cell] = {}
        self._said: dict[str, str] = {}
        self._text: list[str] | None = None
        self._taking = self._spoken = self._computed = self._row_hidden = False
        self._rows_hidden = self._columns_hidden = False
        self._columns: list[tuple[int, int, bool]] = []
        self._told_columns: set[int] = set()

    def take(self, event: Event) -> tuple[int, dict[int, Cell]] | None:
        """The row that ends here, if it holds something."""
        kind, tag, said = event
        if kind == "<":
            self._start(tag, said)
        elif kind == ">":
            return self._end(tag)
        elif self._taking and self._text is not None:
            self._text.append(tag)
        return None

    def _start(self, tag: str, said: dict[str, str]) -> None:
        if tag in _CELL:
            self._begin_cell(said)
        elif tag in _VALUE:
            self._taking = not self._spoken
        elif tag in _ROW:
            self._begin_row(said)
        elif tag in _FORMULA:
            self._computed = True
        elif tag in SPOKEN:
            self._spoken = True
        elif tag in _COLUMN:
            hidden = true(said.get("hidden")) or _zero(said.get("width"))
            self._columns.append((_whole(said.get("min")), _whole(said.get("max")), hidden))
            if len(self._columns) > _COLUMNS:
                raise damaged("it has too many columns")
        elif tag in _USUAL:
            self._rows_hidden = true(said.get("zeroHeight"))
            self._columns_hidden = _zero(said.get("defaultColWidth"))
        elif tag in _MERGE:
            self._merge(said.get("ref", ""))

    def _end(self, tag: str) -> tuple[int, dict[int, Cell]] | None:
        if tag in _VALUE:
            self._taking = False
        elif tag in SPOKEN:
            self._spoken = False
        elif tag in _CELL:
            self._end_cell()
        elif tag in _ROW and self._cells:
            if self._row_hidden:
                self._wrong(self._row, 0, HIDDEN_ROW)
            self._last = (self._row, max(self._last[1], *self._cells))
            return self._row, self._cells
        return None

    def _begin_row(self, said: dict[str, str]) -> None:
        number = _whole(said["r"]) if "r" in said else self._row + 1
        if number <= self._row:
            raise damaged("its rows are out of order")
        self._row, self._column, self._cells = number, 0, {}
        told = true(said.get("hidden")) or _zero(said.get("ht"))
        self._row_hidden = told or (self._rows_hidden and "ht" not in said)

    def _begin_cell(self, said: dict[str, str]) -> None:
        column = self._column + 1
        if "r" in said:
            place = _PLACE.fullmatch(said["r"])
            if place is None or int(place[2]) != self._row:
                raise damaged("a cell stands in another row")
            column = _column(place[1])
        if not self._column < column <= _COLUMNS:
            raise damaged("its cells are out of order")
        self._column, self._said, self._text, self._computed = column, said, [], False

    def _end_cell(self) -> None:
        raw, self._text = "".join(self._text or ()), None
        if not raw and not self._computed:
            return
        self._count.take(1)
        try:
            found = self._cell(raw)
        except CellError as error:
            self._wrong(self._row, self._column, str(error))
            found = Cell("")
        else:
            if not found.text.strip():
                return
        self._cells[self._column] = found
        if self._is_hidden(self._column) and self._column not in self._told_columns:
            self._told_columns.add(self._column)
            self._wrong(self._row, self._column, HIDDEN_COLUMN)

    def _cell(self, raw: str) -> Cell:
        """What a cell holds.

        Raises:
            CellError: it is not taken.
        """
        if self._computed:
            raise CellError(COMPUTED)
        sort, shown = self._said.get("t", "n"), self._book.shown(self._said.get("s"))
        if sort in ("s", "inlineStr", "str"):
            if not shown.text_as_it_is:
                raise CellError(f"shows something else than it holds: {AS_TEXT}")
            return Cell(_unescaped(within(self._book.string(raw) if sort == "s" else raw)))
        if sort == "d":
            return iso_date(raw)
        if sort == "n":
            return self._number(raw, shown)
        what = {"b": "TRUE or FALSE", "e": "an error"}.get(sort, "something unknown")
        raise CellError(f"is {what} for the spreadsheet: {AS_TEXT}")

    def _number(self, raw: str, shown: Shown) -> Cell:
        if shown.kind == "date":
            return self._book.date(raw, shown)
        if shown.kind == "part of a date":
            raise CellError("is a date of which it shows a part: choose a format with all of it")
        found = number_of(raw)
        if shown.kind == "other" or (shown.kind == "whole" and "." in found):
            raise CellError(f"is a number, shown by a format as something else: {AS_TEXT}")
        return Cell(found, "number")

    def _is_hidden(self, column: int) -> bool:
        for first, last, hidden in self._columns:
            if first <= column <= last:
                return hidden
        return self._columns_hidden

    def _merge(self, ref: str) -> None:
        found = _RANGE.fullmatch(ref)
        if found is None:
            raise damaged("it merges cells that there are not")
        row, column = int(found[2]), _column(found[1])
        if row <= self._last[0] and column <= self._last[1]:
            self._wrong(row, column, MERGED)


def _unescaped(text: str) -> str:
    """A text with the characters that XML cannot hold; halves of a pair stay as written."""

    def character(found: re.Match[str]) -> str:
        code = int(found[1], 16)
        return found[0] if 0xD800 <= code < 0xE000 else chr(code)

    return _ESCAPED.sub(character, text) if "_x" in text else text


def _column(name: str) -> int:
    number = 0
    for letter in name:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _whole(text: str | None) -> int:
    if text is None or not _WHOLE.fullmatch(text):
        raise damaged("a number in it is none")
    return int(text)


def true(text: str | None) -> bool:
    return text in ("1", "true", "on")


def _zero(text: str | None) -> bool:
    """Whether a width or a height is nothing."""
    return text is not None and bool(re.fullmatch(r"0*(\.0*)?", text))
