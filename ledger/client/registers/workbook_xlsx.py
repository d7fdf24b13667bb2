"""Sheets of a workbook as Office Open XML has them (.xlsx, ISO/IEC 29500, transitional or strict).

Only what says which sheets there are, what their cells hold and how it is shown is read: no
formula, link, query, comment, drawing or macro.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from ledger.client.registers import number_formats
from ledger.client.registers.number_formats import Shown
from ledger.client.registers.workbook_archive import Archive, damaged, macros
from ledger.client.registers.workbook_cells import (
    MOST_CELLS,
    Cell,
    CellError,
    Sheet,
    Wrong,
    nowhere,
    serial_date,
    within,
)
from ledger.client.registers.workbook_xlsx_sheet import SPOKEN, SheetReading, named, true
from ledger.domain.errors import UsageError

TYPES: Final = "[Content_Types].xml"
_BOOK: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_LINKS: Final = (
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "http://purl.oclc.org/ooxml/officeDocument/relationships",
)
_WHOLE: Final = re.compile(r"\d{1,9}", re.ASCII)
_GENERAL: Final = Shown("number")


class Xlsx:
    """A workbook."""

    def __init__(self, archive: Archive) -> None:
        """Find the sheets.

        Raises:
            UsageError: no workbook, a damaged one, or one with macros.
        """
        self._archive = archive
        self._from_1904 = False
        book = _workbook(archive)
        self._links = dict(_links(archive, book))
        self.sheets = list(self._sheets(book))
        if len({one.place for one in self.sheets}) < len(self.sheets):
            raise damaged("two sheets lie in one place")
        self._styles = list(_styles(archive, self._part("styles")))
        self._strings: list[str] | None = None

    def rows(self, sheet: Sheet, wrong: Wrong) -> Iterator[tuple[int, dict[int, Cell]]]:
        """Rows of a sheet that hold something: their numbers, and their cells by column.

        Raises:
            UsageError: it is damaged, or too large.
        """
        reading = SheetReading(self, wrong)
        for event in self._archive.events(sheet.place):
            if row := reading.take(event):
                yield row

    def filled(self) -> list[Sheet]:
        """Sheets that hold something.

        Raises:
            UsageError: one is damaged.
        """
        return [one for one in self.sheets if any(True for _ in self.rows(one, nowhere))]

    def string(self, raw: str) -> str:
        """A text that cells share, by its number.

        Raises:
            CellError: there is none.
        """
        if self._strings is None:
            self._strings = list(_strings(self._archive, self._part("sharedStrings")))
        if not _WHOLE.fullmatch(raw) or int(raw) >= len(self._strings):
            raise CellError("names a text that the file does not have")
        return within(self._strings[int(raw)])

    def date(self, raw: str, shown: Shown) -> Cell:
        """The date that a number means here.

        Raises:
            CellError: it means none.
        """
        return serial_date(raw, from_1904=self._from_1904, clock=shown.clock)

    def shown(self, style: str | None) -> Shown:
        """How cells of a style show what they hold."""
        if style is None:
            return self._styles[0] if self._styles else _GENERAL
        if not _WHOLE.fullmatch(style) or int(style) >= len(self._styles):
            raise damaged("a cell has a style that the file does not have")
        return self._styles[int(style)]

    def _sheets(self, book: str) -> Iterator[Sheet]:
        for kind, tag, said in self._archive.events(book):
            if kind != "<":
                continue
            if tag in named("workbookPr"):
                self._from_1904 = true(said.get("date1904"))
            elif tag in named("sheet"):
                link = next((said[f"{space} id"] for space in _LINKS if f"{space} id" in said), "")
                sort, place = self._links.get(link, ("", ""))
                if sort in ("xlMacrosheet", "xlIntlMacrosheet"):
                    raise macros()
                if sort == "worksheet":
                    hidden = said.get("state", "visible") != "visible"
                    yield Sheet(said.get("name", ""), hidden, place)
                elif sort not in ("chartsheet", "dialogsheet"):
                    raise damaged("a sheet of it is missing")

    def _part(self, wanted: str) -> str:
        return next((place for sort, place in self._links.values() if sort == wanted), "")


def _workbook(archive: Archive) -> str:
    """The part that names the sheets.

    Raises:
        UsageError: there is none, or macros.
    """
    types: list[tuple[str, str]] = []
    for kind, _, said in archive.events(TYPES):
        if kind == "<" and "ContentType" in said:
            types.append((said["ContentType"], said.get("PartName", "").removeprefix("/")))
    if any("binary" in sort for sort, _ in types):
        raise UsageError(
            "a binary spreadsheet file (.xlsb), which is not read", hint="save it as .xlsx or .ods"
        )
    if any("macroenabled" in sort.casefold() or "vba" in sort.casefold() for sort, _ in types):
        raise macros()
    books = [part for sort, part in types if sort == _BOOK and part]
    if len(books) != 1:
        raise UsageError(
            "an Office file, and no workbook (.xlsx)", hint="save the sheet as .xlsx, .ods or CSV"
        )
    return books[0]


def _links(archive: Archive, book: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Parts that the workbook links, by the name of the link: what each is, and where it lies."""
    folder, name = posixpath.split(book)
    for kind, _, said in archive.events(posixpath.join(folder, "_rels", f"{name}.rels")):
        if kind == "<" and "Target" in said and said.get("TargetMode") != "External":
            place = posixpath.normpath(posixpath.join("/", folder, said["Target"])).lstrip("/")
            yield said.get("Id", ""), (said.get("Type", "").rpartition("/")[2], place)


def _strings(archive: Archive, place: str) -> Iterator[str]:
    if not place:
        return
    text: list[str] = []
    taking = spoken = False
    single, value, number = named("si"), named("t"), 0
    for kind, tag, _ in archive.events(place):
        if kind == "":
            if taking:
                text.append(tag)
        elif tag in value:
            taking = kind == "<" and not spoken
        elif tag in SPOKEN:
            spoken = kind == "<"
        elif tag in single and kind == ">":
            number += 1
            if number > MOST_CELLS:
                raise damaged("it has too many texts")
            yield "".join(text)
            text.clear()


def _styles(archive: Archive, place: str) -> Iterator[Shown]:
    """How cells of each style are shown."""
    if not place:
        return
    codes: dict[str, str] = {}
    formats, styles, single, among = named("numFmts"), named("cellXfs"), named("xf"), False
    number = named("numFmt")
    within_formats = False
    for kind, tag, said in archive.events(place):
        if tag in formats:
            within_formats = kind == "<"
        elif tag in styles:
            among = kind == "<"
        elif kind == "<" and tag in number and within_formats:
            codes[said.get("numFmtId", "")] = said.get("formatCode", "")
        elif kind == "<" and tag in single and among:
            chosen = said.get("numFmtId", "0")
            code = codes.get(chosen)
            yield number_formats.builtin(chosen) if code is None else number_formats.custom(code)
