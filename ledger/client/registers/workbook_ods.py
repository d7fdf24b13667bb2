"""Sheets of a workbook as OpenDocument has them (.ods, ISO/IEC 26300).

A file says beside each number and date how it is shown, so a number counts only where both say the
same. Notes, pictures and what changes were tracked are no cells, and are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ledger.client.registers.workbook_archive import Archive, Event, damaged, encrypted, macros
from ledger.client.registers.workbook_cells import (
    AS_TEXT,
    COMPUTED,
    HIDDEN_COLUMN,
    HIDDEN_ROW,
    MERGED,
    Cell,
    CellError,
    Count,
    Sheet,
    Wrong,
    iso_date,
    nowhere,
    number_of,
    within,
)
from ledger.domain.errors import UsageError

MIMETYPE: Final = "mimetype"
_SPREADSHEET: Final = b"application/vnd.oasis.opendocument.spreadsheet"
_NAMESPACE: Final = "urn:oasis:names:tc:opendocument:xmlns:"
_CONTENT, _STYLES, _MANIFEST = "content.xml", "styles.xml", "META-INF/manifest.xml"
_REPEATED: Final = re.compile(r"[1-9]\d{0,6}", re.ASCII)
_NOTHING: Final = re.compile(r"0*(\.0*)?[a-z]*", re.ASCII)
_SPACES: Final = re.compile(r"[ \t\r\n]+")
_MOST: Final = 10_000  # spaces that one tag stands for; styles; runs of columns


def _table(name: str) -> str:
    return f"{_NAMESPACE}table:1.0 {name}"


def _text(name: str) -> str:
    return f"{_NAMESPACE}text:1.0 {name}"


def _office(name: str) -> str:
    return f"{_NAMESPACE}office:1.0 {name}"


def _style(name: str) -> str:
    return f"{_NAMESPACE}style:1.0 {name}"


_SHEET, _ROW, _COLUMN = _table("table"), _table("table-row"), _table("table-column")
_CELL, _COVERED = _table("table-cell"), _table("covered-table-cell")
_GROUPS: Final = (_table("table-row-group"), _table("table-column-group"))
_PARAGRAPH, _SPACE, _TAB, _BREAK = _text("p"), _text("s"), _text("tab"), _text("line-break")
_INLINE: Final = (_text("span"), _text("a"))
#: Parts of a sheet that are no cells of it.
_ASIDE: Final = (
    *(_office(name) for name in ("annotation", "forms", "dde-source", "event-listeners")),
    *(_table(name) for name in ("shapes", "detective", "tracked-changes", "title", "desc")),
)
_DRAWN: Final = (f"{_NAMESPACE}drawing:1.0 ", f"{_NAMESPACE}dr3d:1.0 ")
_SOURCES: Final = (_table("table-source"), _table("cell-range-source"))


class Ods:
    """A workbook."""

    def __init__(self, archive: Archive) -> None:
        """Find the sheets.

        Raises:
            UsageError: no workbook, a damaged or encrypted one, or one with macros.
        """
        if archive.read(MIMETYPE).strip() != _SPREADSHEET:
            raise UsageError(
                "an office file, and no spreadsheet (.ods)", hint="save the sheet as .ods or CSV"
            )
        if any(tag.endswith(" encryption-data") for _, tag, _ in archive.events(_MANIFEST)):
            raise encrypted()
        if any(name.startswith(("Basic/", "Scripts/")) for name in archive.names):
            raise macros()
        self._archive = archive
        self.sheets, self._hidden = self._look()

    def rows(self, sheet: Sheet, wrong: Wrong) -> Iterator[tuple[int, dict[int, Cell]]]:
        """Rows of a sheet that hold something: their numbers, and their cells by column.

        Raises:
            UsageError: it is damaged, or too large.
        """
        number, reading = -1, _Reading(self._hidden, wrong)
        for event in self._archive.events(_CONTENT):
            kind, tag, _ = event
            if kind == "<" and tag == _SHEET:
                number += 1
            if str(number) == sheet.place:
                yield from reading.take(event)
                if kind == ">" and tag == _SHEET:
                    return

    def filled(self) -> list[Sheet]:
        """Sheets that hold something: all lie in one part, which is read once for it.

        Raises:
            UsageError: it is damaged.
        """
        found: set[int] = set()
        number, reading = -1, _Reading(self._hidden, nowhere)
        for event in self._archive.events(_CONTENT):
            if event[:2] == ("<", _SHEET):
                number, reading = number + 1, _Reading(self._hidden, nowhere)
            if number >= 0 and number not in found and any(True for _ in reading.take(event)):
                found.add(number)
        return [self.sheets[one] for one in sorted(found)]

    def _look(self) -> tuple[list[Sheet], frozenset[str]]:
        """The sheets, and the styles of what is hidden."""
        hidden: set[str] = set()
        sheets: list[Sheet] = []
        style, deep = "", 0
        parts = [name for name in (_STYLES, _CONTENT) if name in self._archive.names]
        for part in parts:
            for kind, tag, said in self._archive.events(part):
                if tag == _SHEET:
                    deep += 1 if kind == "<" else -1
                    if deep > 1:
                        raise damaged("a sheet lies in another one")
                    if kind == "<":
                        concealed = said.get(_table("style-name"), "") in hidden
                        name = said.get(_table("name"), "")
                        sheets.append(Sheet(name, concealed, str(len(sheets))))
                elif kind == "<" and tag == _style("style"):
                    style = said.get(_style("name"), "")
                elif kind == "<" and style and _conceals(tag, said):
                    hidden.add(style)
        return sheets, frozenset(hidden)


def _conceals(tag: str, said: dict[str, str]) -> bool:
    """Whether properties of a style hide what has it."""
    sizes = {"table-row-properties": "row-height", "table-column-properties": "column-width"}
    name = tag.removeprefix(_style(""))
    size = said.get(_style(sizes.get(name, "")))
    return said.get(_table("display")) == "false" or (
        size is not None and bool(_NOTHING.fullmatch(size))
    )


class _Reading:
    """One sheet, event by event."""

    def __init__(self, hidden: frozenset[str], wrong: Wrong) -> None:
        self._hidden, self._wrong = hidden, wrong
        self._count = Count()
        self._row, self._column, self._rows, self._repeated = 0, 0, 1, 1
        self._cells: dict[int, Cell] = {}
        self._said: dict[str, str] = {}
        self._covered = self._row_hidden = self._foreign = False
        self._text: list[str] | None = None
        self._paragraphs = self._inside = self._aside = 0
        self._columns: list[tuple[int, bool]] = []  # the last one of a run, and whether hidden
        self._told_columns: set[int] = set()
        self._groups: list[bool] = []

    def take(self, event: Event) -> Iterator[tuple[int, dict[int, Cell]]]:
        """The rows that end here, if they hold something."""
        kind, tag, said = event
        if self._aside or (kind == "<" and (tag in _ASIDE or tag.startswith(_DRAWN))):
            self._aside += {"<": 1, ">": -1}.get(kind, 0)
        elif kind == "<":
            self._start(tag, said)
        elif kind == ">":
            yield from self._end(tag)
        elif self._inside and self._text is not None:
            self._text.append(_SPACES.sub(" ", tag))

    def _start(self, tag: str, said: dict[str, str]) -> None:
        if self._text is not None:
            self._within_cell(tag, said)
        elif tag in (_CELL, _COVERED):
            self._said, self._text, self._paragraphs = said, [], 0
            self._covered, self._foreign = tag == _COVERED, False
            self._repeated = _times(said.get(_table("number-columns-repeated")))
        elif tag == _ROW:
            self._row += 1
            self._rows = _times(said.get(_table("number-rows-repeated")))
            self._row_hidden, self._column, self._cells = self._is_hidden(said), 0, {}
        elif tag == _COLUMN:
            last = self._columns[-1][0] if self._columns else 0
            last += _times(said.get(_table("number-columns-repeated")))
            self._columns.append((last, self._is_hidden(said)))
            if len(self._columns) > _MOST:
                raise damaged("it has too many columns")
        elif tag in _GROUPS:
            self._groups.append(said.get(_table("display")) == "false")
        elif tag in _SOURCES:
            raise UsageError(
                "a sheet is linked to another file, which says what it holds",
                hint="break the link in the spreadsheet program, and save the file",
            )

    def _within_cell(self, tag: str, said: dict[str, str]) -> None:
        assert self._text is not None
        if tag == _PARAGRAPH and not self._inside:
            self._text += ["\n"] if self._paragraphs else []
            self._paragraphs += 1
            self._inside = 1
        elif tag in _INLINE and self._inside:
            self._inside += 1
        elif tag == _SPACE and self._inside:
            self._text.append(" " * min(_times(said.get(_text("c"))), _MOST))
        elif tag in (_TAB, _BREAK) and self._inside:
            self._text.append("\t" if tag == _TAB else "\n")
        else:
            self._foreign = True

    def _end(self, tag: str) -> Iterator[tuple[int, dict[int, Cell]]]:
        if tag in (_CELL, _COVERED):
            self._end_cell()
        elif self._text is not None:
            self._inside -= tag == _PARAGRAPH or (tag in _INLINE and self._inside > 0)
        elif tag in _GROUPS:
            self._groups.pop()
        elif tag == _ROW:
            if self._cells and self._row_hidden:
                self._wrong(self._row, 0, HIDDEN_ROW)
            for number in range(self._row, self._row + self._rows) if self._cells else ():
                self._count.take(len(self._cells))
                yield number, self._cells
            self._row += self._rows - 1

    def _end_cell(self) -> None:
        raw, self._text, self._inside = "".join(self._text or ()).strip(), None, 0
        first = self._column + 1
        self._column += self._repeated
        plain = (_table("formula"), _office("value"), _office("date-value"))
        if not raw and not self._foreign and not any(name in self._said for name in plain):
            return
        try:
            found = self._cell(raw)
        except CellError as error:
            self._wrong(self._row, first, str(error))
            found = Cell("")
        self._count.take(self._repeated - 1)
        for column in range(first, self._column + 1):
            self._cells[column] = found
            if self._column_hidden(column) and column not in self._told_columns:
                self._told_columns.add(column)
                self._wrong(self._row, column, HIDDEN_COLUMN)

    def _cell(self, raw: str) -> Cell:
        """What a cell holds.

        Raises:
            CellError: it is not taken.
        """
        said = self._said
        spans = (_table("number-columns-spanned"), _table("number-rows-spanned"))
        if _table("formula") in said:
            raise CellError(COMPUTED)
        if self._covered or any(said.get(name, "1") != "1" for name in spans):
            raise CellError(MERGED)
        if self._foreign:
            raise CellError(f"holds more than text: {AS_TEXT}")
        sort = said.get(_office("value-type"), "string")
        if sort == "date":
            return iso_date(said.get(_office("date-value"), ""))
        if sort == "float":
            found = number_of(said.get(_office("value"), ""))
            if found != raw:
                raise CellError(f"is a number, shown by a format as something else: {AS_TEXT}")
            return Cell(found, "number")
        if sort != "string":
            raise CellError(f"is a {sort[:20]} for the spreadsheet: {AS_TEXT}")
        if said.get(_office("string-value"), raw).strip() != raw:
            raise CellError(f"shows something else than it holds: {AS_TEXT}")
        return Cell(within(raw))

    def _is_hidden(self, said: dict[str, str]) -> bool:
        shown = said.get(_table("visibility"), "visible") == "visible"
        return not shown or said.get(_table("style-name"), "") in self._hidden or any(self._groups)

    def _column_hidden(self, column: int) -> bool:
        return next((hidden for last, hidden in self._columns if column <= last), False)


def _times(text: str | None) -> int:
    """How often something stands there."""
    if text is None:
        return 1
    if not _REPEATED.fullmatch(text):
        raise damaged("a number in it is none")
    return int(text)
