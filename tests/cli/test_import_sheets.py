"""A spreadsheet's own file that is taken as something that nobody stated, or that harms whoever
opens it.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from datetime import datetime
from io import StringIO
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from ledger.client.registers import register_table
from ledger.client.registers.register_table import Register
from ledger.domain.errors import UsageError
from tests.support.commands import within
from tests.support.workbooks import (
    HEAD,
    ROW,
    archive,
    inline,
    ods,
    ods_of,
    ods_parts,
    ods_row,
    ods_with,
    said,
    saved,
    xlsx,
    xlsx_dated,
    xlsx_head,
    xlsx_of,
    xlsx_row,
    xlsx_with,
)

SHEETS = [xlsx, ods]
Make = Callable[..., bytes]


def told(data: bytes, **more: str) -> list[tuple[int, str, str, str]]:
    found = register_table.read(data, **more)
    return [(one.row, one.letter, one.column, one.what.split(":")[0]) for one in found.problems]


def cells(data: bytes, **more: str) -> list[dict[str, str]]:
    found: Register = register_table.read(data, **more)
    assert found.problems == []
    return [row.cells for row in found.rows]


@pytest.fixture
def home(founded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded, tmp_path / "home"))


@pytest.mark.parametrize("make", SHEETS)
def test_a_sheet_is_taken_once_and_says_what_its_csv_says(
    make: Make, home: Path, tmp_path: Path
) -> None:
    table = [HEAD, ROW, ("2026-117", "A2", "charger", "2026-01-02T11:00:00Z", "")]
    register = tmp_path / f"register.{make.__name__}"
    register.write_bytes(make(table))
    run = ("import", register, "--late", "taken over", "--json")
    code, out, err = within(*run, home=home)
    assert (code, json.loads(out)) == (0, {"rows": 2, "recorded": 2, "known": 0}), err
    text = StringIO()
    csv.writer(text).writerows(table)
    (tmp_path / "register.csv").write_text(text.getvalue())
    code, out, err = within(
        "import", tmp_path / "register.csv", "--late", "taken over", "--json", home=home
    )
    assert (code, json.loads(out)) == (0, {"rows": 2, "recorded": 0, "known": 2}), err


@pytest.mark.parametrize("make", SHEETS)
def test_what_is_wrong_in_a_sheet_is_told_with_sheet_row_and_letter(
    make: Make, home: Path, tmp_path: Path
) -> None:
    register = tmp_path / "register"
    register.write_bytes(make([HEAD, ROW, ("2026-117", "A2", "x", "yesterday", "")]))
    code, out, _ = within("import", register, "--late", "x", home=home)
    assert code == 2
    assert "sheet 'Register', row 3, column D, occurred: --occurred: expected a time" in out
    out = within("import", register, "--late", "x", "--json", home=home)[1]
    found = json.loads(out)
    assert found["sheet"] == "Register"
    assert [(one["row"], one["letter"], one["column"]) for one in found["problems"]] == [
        (3, "D", "occurred")
    ]


def test_a_time_of_a_sheet_has_the_zone_that_was_named_and_none_that_was_not(
    home: Path, tmp_path: Path
) -> None:
    register = tmp_path / "register.xlsx"
    register.write_bytes(xlsx([HEAD, (*ROW[:3], datetime.fromisoformat("2026-01-02T10:00"), "")]))
    run = ("import", register, "--late", "x", "--json")
    code, out, _ = within(*run, home=home)
    assert code == 2
    assert "says no zone" in json.loads(out)["problems"][0]["what"]
    assert within(*run, "--zone", "Europe/Amsterdam", home=home)[0] == 0
    out = within("show", "2026-117/A1", "--basis", "x", "--json", home=home)[1]
    assert '"2026-01-02T09:00:00Z"' in out
    assert '"Europe/Amsterdam"' in out


@pytest.mark.parametrize("make", SHEETS)
def test_numbers_and_dates_are_taken_as_the_sheet_holds_them(make: Make) -> None:
    row = (2026, "007", 356938035643809, datetime.fromisoformat("2026-01-02T10:00:25"), "S-1")
    [found] = cells(make([HEAD, row]))
    assert found == {
        "case": "2026",
        "exhibit": "007",
        "description": "356938035643809",
        "occurred": "2026-01-02 10:00:25",
        "serial": "S-1",
    }


@pytest.mark.parametrize(
    ("serial", "book", "time"),
    [
        ("46024.41666666666", "", "2026-01-02 10:00:00"),
        ("44562.416666666664", '<workbookPr date1904="1"/>', "2026-01-02 10:00:00"),
        ("46024", "", "2026-01-02 00:00:00"),
        ("1", "", "1900-01-01 00:00:00"),
        ("59.5", "", "1900-02-28 12:00:00"),
        ("61", "", "1900-03-01 00:00:00"),
        ("0", '<workbookPr date1904="true"/>', "1904-01-01 00:00:00"),
        ("60", '<workbookPr date1904="1"/>', "1904-03-01 00:00:00"),
    ],
)
def test_a_number_of_days_means_what_the_file_says(serial: str, book: str, time: str) -> None:
    assert cells(xlsx_dated(serial, book=book))[0]["occurred"] == time


@pytest.mark.parametrize(
    ("serial", "code", "why"),
    [
        ("60", "yyyy-mm-dd hh:mm", "is 29 February 1900, a day that never was"),
        ("0.5", "yyyy-mm-dd hh:mm", "is a time without a day"),
        ("-1", "yyyy-mm-dd hh:mm", "cannot be read as a date"),
        ("99999999", "yyyy-mm-dd hh:mm", "cannot be read as a date"),
        ("nan", "yyyy-mm-dd hh:mm", "cannot be read as a date"),
        ("46024.41667", "yyyy-mm-dd hh:mm", "holds a part of a second"),
        ("46024.5", "dd/mm/yyyy", "holds a time of day that it does not show"),
        ("46024.5", "hh:mm", "is a date of which it shows a part"),
        ("46024.5", "[h]:mm", "is a date of which it shows a part"),
        ("46024.5", "mmm yyyy", "is a date of which it shows a part"),
        ("46024.5", "General", "is a number for the spreadsheet, not a time"),
        ("46024", "0", "is a number for the spreadsheet, not a time"),
        ("46024.5", "0.00", "is a number, shown by a format as something else"),
        ("46024.5", '"yyyy-mm-dd"', "is a number, shown by a format as something else"),
    ],
)
def test_a_time_is_never_guessed(serial: str, code: str, why: str) -> None:
    data = xlsx_dated(serial, code=code.replace('"', "&quot;"))
    assert told(data) == [(2, "D", "occurred", why)]


@pytest.mark.parametrize("make", SHEETS)
def test_an_exhibit_that_became_a_date_is_told(make: Make) -> None:
    rows = [
        HEAD,
        ("2026-117", datetime.fromisoformat("2026-01-02"), "x", "2026-01-02T10:00:00Z", ""),
    ]
    [(row, letter, column, what)] = told(make(rows))
    assert (row, letter, column) == (2, "B", "exhibit")
    assert what.startswith("is a date for the spreadsheet")


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ('<c r="E2"><f>1+1</f><v>2</v></c>', "holds a formula"),
        ('<c r="E2"><f>1+1</f></c>', "holds a formula"),
        ('<c r="E2" t="str"><f t="shared" si="0"/><v>S-1</v></c>', "holds a formula"),
        ('<c r="E2" t="b"><v>1</v></c>', "is TRUE or FALSE for the spreadsheet"),
        ('<c r="E2" t="e"><v>#REF!</v></c>', "is an error for the spreadsheet"),
        ('<c r="E2" t="x"><v>1</v></c>', "is something unknown for the spreadsheet"),
        ('<c r="E2" t="s"><v>9</v></c>', "names a text that the file does not have"),
        ('<c r="E2"><v>12345678901234567</v></c>', "is a number of more digits than a spreadsheet keeps"),
        ('<c r="E2"><v>1e300</v></c>', "is a number of more digits than a spreadsheet keeps"),
        ('<c r="E2"><v>inf</v></c>', "cannot be read as a number"),
        ('<c r="E2" s="1"><v>7</v></c>', "is a number, shown by a format as something else"),
        ('<c r="E2" s="2" t="inlineStr"><is><t>x</t></is></c>', "shows something else than it holds"),
        ('<c r="E2" s="3" t="inlineStr"><is><t>x</t></is></c>', "shows something else than it holds"),
        (f'<c r="E2" t="inlineStr"><is><t>{"x" * 40_000}</t></is></c>', "is longer than 32,767 characters"),
        (inline("F2", "x"), "holds something, and the first row names no column there"),
    ],
)  # fmt: skip
def test_what_nobody_stated_is_no_cell_of_a_register(cell: str, why: str) -> None:
    styles = (
        '<numFmts><numFmt numFmtId="164" formatCode="000"/>'
        '<numFmt numFmtId="165" formatCode=";;;"/>'
        '<numFmt numFmtId="166" formatCode="&quot;A&quot;@"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="166"/>'
        "</cellXfs>"
    )
    place = "F" if "F2" in cell else "E"
    column = "serial" if place == "E" else ""
    assert told(xlsx_with(cell, styles=styles)) == [(2, place, column, why)]


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        (said("2", ' table:formula="of:=1+1"'), "holds a formula"),
        (said("x", ' table:number-columns-spanned="2"'), "is merged with others"),
        ("<table:covered-table-cell><text:p>x</text:p></table:covered-table-cell>", "is merged with others"),
        ('<table:table-cell office:value-type="float" office:value="7"><text:p>007</text:p></table:table-cell>',
         "is a number, shown by a format as something else"),
        ('<table:table-cell office:value-type="float" office:value="7"/>',
         "is a number, shown by a format as something else"),
        ('<table:table-cell office:value-type="percentage" office:value="0.1"><text:p>10%</text:p></table:table-cell>',
         "is a percentage for the spreadsheet"),
        ('<table:table-cell office:value-type="boolean"><text:p>TRUE</text:p></table:table-cell>',
         "is a boolean for the spreadsheet"),
        (said("S-1", ' office:string-value="S-2"'), "shows something else than it holds"),
        (said("<text:sheet-name>x</text:sheet-name>"), "holds more than text"),
        (said("a") + said("b"), "holds something, and the first row names no column there"),
    ],
)  # fmt: skip
def test_what_nobody_stated_is_no_cell_of_an_open_document(cell: str, why: str) -> None:
    [(row, letter, _, what)] = told(ods_with(cell))
    assert (row, what) == (2, why)
    assert letter == ("F" if "first row" in why else "E")


def test_texts_are_read_as_they_are_shown_and_notes_are_none() -> None:
    strings = (
        "<si><t>S</t></si><si><r><rPr><b/></rPr><t>S-</t></r><r><t xml:space='preserve'>1_x000A_a</t>"
        "</r><rPh sb='0' eb='1'><t>es</t></rPh></si>"
    )
    [found] = cells(xlsx_with('<c r="E2" t="s"><v>1</v></c>', strings=strings))
    assert found["serial"] == "S-1\na"
    cell = (
        '<table:table-cell office:value-type="string"><office:annotation><text:p>not this</text:p>'
        "</office:annotation><draw:frame><draw:text-box><text:p>nor this</text:p></draw:text-box>"
        "</draw:frame><text:p>S<text:s text:c='2'/>1</text:p><text:p><text:span>a</text:span>\n b"
        "</text:p></table:table-cell>"
    )
    [found] = cells(ods_with(cell))
    assert found["serial"] == "S  1\na b"


def hide(sheet: Worksheet) -> None:
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["E"].hidden = True


def ods_hidden() -> bytes:
    columns = '<table:table-column table:number-columns-repeated="4"/>'
    columns += '<table:table-column table:visibility="collapse"/>'
    filtered = ods_row(*map(said, ROW), said_of_row=' table:visibility="filter"')
    return ods_of(columns + ods_row(*map(said, HEAD)) + ods_row(*map(said, ROW)) + filtered)


@pytest.mark.parametrize("data", [xlsx([HEAD, ROW, ROW], hide), ods_hidden()])
def test_what_is_hidden_is_not_taken_in_silently(data: bytes) -> None:
    assert told(data)[:2] == [
        (1, "E", "", "stands in a hidden column"),
        (3, "", "", "is hidden, and holds something"),
    ]


@pytest.mark.parametrize(
    "sheet",
    [
        '<sheetFormatPr zeroHeight="1"/><sheetData>{}</sheetData>',
        "<sheetData>{}</sheetData>",
        '<cols><col min="1" max="9" width="0"/></cols><sheetData>{}</sheetData>',
        '<sheetFormatPr defaultColWidth="0"/><sheetData>{}</sheetData>',
    ],
)
def test_rows_and_columns_of_no_size_are_hidden(sheet: str) -> None:
    row = xlsx_row(
        *(inline(f"{at}2", text) for at, text in zip("ABCDE", ROW, strict=True)),
        said_of_row=' ht="0"',
    )
    assert any("hidden" in one[3] for one in told(xlsx_of(sheet.format(xlsx_head() + row))))


@pytest.mark.parametrize(
    "styled",
    [
        '<style:style style:name="x"><style:table-row-properties style:row-height="0cm"/></style:style>',
        '<style:style style:name="x"><style:table-properties table:display="false"/></style:style>',
    ],
)
def test_what_a_style_hides_is_hidden(styled: str) -> None:
    row = ods_row(*map(said, ROW), said_of_row=' table:style-name="x"')
    data = ods_of(ods_row(*map(said, HEAD)) + row, styles=styled)
    assert [one[3] for one in told(data)] == ["is hidden, and holds something"]
    grouped = f'<table:table-row-group table:display="false">{ods_row(*map(said, ROW))}</table:table-row-group>'
    assert [one[3] for one in told(ods_of(ods_row(*map(said, HEAD)) + grouped))] == [
        "is hidden, and holds something"
    ]


def test_merged_cells_are_told() -> None:
    assert told(xlsx([HEAD, ROW, ROW[:1]], lambda sheet: sheet.merge_cells("A2:A3")))[-1] == (
        2, "A", "case", "is merged with others",
    )  # fmt: skip
    away = xlsx([HEAD, ROW], lambda sheet: sheet.merge_cells("H9:J9"))
    assert len(cells(away)) == 1


def two_sheets(state: str = "visible") -> bytes:
    book = openpyxl.Workbook()
    for name, row in (("Register", ROW), ("Second", ("2026-117", *ROW[1:]))):
        sheet = book.create_sheet(name)
        sheet.append(HEAD)
        sheet.append(row)
    book["Second"].sheet_state = state
    book["Sheet"].sheet_state = "hidden"  # empty
    return saved(book)


def two_tables() -> bytes:
    one = ods_row(*map(said, HEAD)) + ods_row(*map(said, ROW))
    empty = '<table:table table:name="Sheet">' + ods_row("<table:table-cell/>") + "</table:table>"
    return archive(
        ods_parts(
            empty
            + f'<table:table table:name="Register">{one}</table:table>'
            + f'<table:table table:name="Second" table:style-name="x">{one}</table:table>',
            styles='<style:style style:name="x"><style:table-properties table:display="false"/>'
            "</style:style>",
        )
    )


@pytest.mark.parametrize(
    "data", [two_sheets(), two_sheets("hidden"), two_sheets("veryHidden"), two_tables()]
)
def test_a_second_sheet_with_data_is_left_only_where_one_is_named(data: bytes) -> None:
    with pytest.raises(UsageError, match="2 sheets hold something: 'Register', 'Second'"):
        register_table.read(data)
    assert len(cells(data, sheet="Register")) == 1
    with pytest.raises(UsageError, match="no sheet is named 'register'"):
        register_table.read(data, sheet="register")


@pytest.mark.parametrize("data", [two_sheets("hidden"), two_sheets("veryHidden"), two_tables()])
def test_a_hidden_sheet_is_not_taken_even_where_it_is_named(data: bytes) -> None:
    with pytest.raises(UsageError, match="'Second' is hidden"):
        register_table.read(data, sheet="Second")


def test_a_csv_has_no_sheets() -> None:
    with pytest.raises(UsageError, match="CSV has no sheets"):
        register_table.read(b"exhibit\nA1\n", sheet="Register")


def test_a_sheet_that_ends_in_a_million_empty_rows_is_read() -> None:
    empty = ods_row(
        '<table:table-cell table:number-columns-repeated="16384"/>',
        said_of_row=' table:number-rows-repeated="1048574"',
    )
    filled = ods_row(*map(said, ROW), '<table:table-cell table:number-columns-repeated="16379"/>')
    assert len(cells(ods_of(ods_row(*map(said, HEAD)) + filled + empty))) == 1
