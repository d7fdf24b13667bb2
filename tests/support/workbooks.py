"""Spreadsheets' own files: made by libraries, and by hand where no library would write them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import odfdo
import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
BOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
HEAD = ("case", "exhibit", "description", "occurred", "serial")
ROW = ("2026-117", "A1", "phone, black", "2026-01-02T10:00:00Z", "S-1")


def xlsx(rows: Sequence[Sequence[Any]], change: Callable[[Worksheet], None] | None = None) -> bytes:
    """A workbook of one sheet, named Register, as openpyxl writes it."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Register"
    for row in rows:
        sheet.append(list(row))
    if change:
        change(sheet)
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def ods(
    rows: Sequence[Sequence[Any]], change: Callable[[odfdo.Table], None] | None = None
) -> bytes:
    """The same as OpenDocument, as odfdo writes it."""
    document = odfdo.Document("spreadsheet")
    document.body.clear()
    table = odfdo.Table("Register")
    table.set_values([list(row) for row in rows])
    if change:
        change(table)
    document.body.append(table)
    out = BytesIO()
    document.save(out)
    return out.getvalue()


def archive(parts: dict[str, str | bytes], packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", packed) as file:
        for name, text in parts.items():
            file.writestr(name, text)
    return out.getvalue()


def parts_of(data: bytes) -> dict[str, str | bytes]:
    with zipfile.ZipFile(BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def xlsx_parts(
    sheet: str, *, strings: str = "", styles: str = "", book: str = ""
) -> dict[str, str]:
    """A workbook as Excel lays it out, with this as what stands in its only sheet."""
    return {
        "[Content_Types].xml": (
            f'<Types xmlns="{_TYPES}"><Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{BOOK}"/></Types>'
        ),
        "xl/workbook.xml": (
            f'<workbook xmlns="{MAIN}" xmlns:r="{_LINK}">{book}<sheets>'
            '<sheet name="Register" sheetId="1" r:id="a"/></sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{_RELATIONS}">'
            f'<Relationship Id="a" Type="{_LINK}/worksheet" Target="worksheets/sheet1.xml"/>'
            f'<Relationship Id="b" Type="{_LINK}/sharedStrings" Target="/xl/sharedStrings.xml"/>'
            f'<Relationship Id="c" Type="{_LINK}/styles" Target="styles.xml"/></Relationships>'
        ),
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}">{styles}</styleSheet>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}">{sheet}</worksheet>',
    }


_SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
    for name, long in {
        "office": "office", "table": "table", "text": "text", "style": "style", "draw": "drawing",
        "manifest": "manifest",
    }.items()
)  # fmt: skip


def ods_parts(tables: str, *, styles: str = "", manifest: str = "") -> dict[str, str]:
    """A workbook as LibreOffice lays it out, with these sheets."""
    return {
        "mimetype": ODS,
        "content.xml": (
            f"<office:document-content {_SPACES}><office:scripts/>"
            f"<office:automatic-styles>{styles}</office:automatic-styles>"
            f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
            "</office:document-content>"
        ),
        "META-INF/manifest.xml": f"<manifest:manifest {_SPACES}>{manifest}</manifest:manifest>",
    }


def said(text: str, more: str = "") -> str:
    """A cell of OpenDocument that holds a text."""
    return (
        f'<table:table-cell office:value-type="string"{more}><text:p>{text}</text:p>'
        "</table:table-cell>"
    )


def xlsx_of(sheet: str, **more: str) -> bytes:
    return archive(xlsx_parts(sheet, **more))


def inline(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def xlsx_head() -> str:
    return (
        '<row r="1">'
        + "".join(inline(f"{at}1", name) for at, name in zip("ABCDE", HEAD, strict=True))
        + "</row>"
    )


def xlsx_row(*more: str, number: int = 2, said_of_row: str = "") -> str:
    return f'<row r="{number}"{said_of_row}>' + "".join(more) + "</row>"


def xlsx_with(cell: str, **more: str) -> bytes:
    """A register of one row, whose serial number is this cell, in E2."""
    filled = [inline(f"{at}2", text) for at, text in zip("ABCD", ROW, strict=False)]
    return xlsx_of(f"<sheetData>{xlsx_head()}{xlsx_row(*filled, cell)}</sheetData>", **more)


def xlsx_dated(value: str, *, code: str = "yyyy\\-mm\\-dd\\ hh:mm", book: str = "") -> bytes:
    """A register of one row, whose time is this number under this format."""
    filled = [inline(f"{at}2", text) for at, text in zip("ABC", ROW, strict=False)]
    styles = (
        f'<numFmts><numFmt numFmtId="164" formatCode="{code}"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs>'
    )
    row = xlsx_row(*filled, f'<c r="D2" s="1"><v>{value}</v></c>')
    return xlsx_of(f"<sheetData>{xlsx_head()}{row}</sheetData>", styles=styles, book=book)


def ods_of(rows: str, **more: str) -> bytes:
    return archive(ods_parts(f'<table:table table:name="Register">{rows}</table:table>', **more))


def ods_row(*more: str, said_of_row: str = "") -> str:
    return f"<table:table-row{said_of_row}>{''.join(more)}</table:table-row>"


def ods_with(cell: str, **more: str) -> bytes:
    head = ods_row(*map(said, HEAD))
    return ods_of(head + ods_row(*map(said, ROW[:4]), cell), **more)
