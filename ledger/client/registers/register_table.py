"""A register that an office kept before, as a table: of text (CSV), or of a spreadsheet's own file.
It is read strictly and checked whole, each row told by its number and column.

- the first row names the columns; which there are, and no other, stands in `COLUMNS`
- cells are text and nothing else: what a spreadsheet would compute is recorded as it is written in
  CSV, and refused in a spreadsheet's own file, as are dates and numbers elsewhere than they belong
- several values of one cell stand behind one another, with a bar between them
"""

from __future__ import annotations

import codecs
import csv
import hmac
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from io import StringIO
from typing import Any, Final

from ledger.client.registers.register_sheet import RegisterSheet
from ledger.client.registers.workbook_archive import is_archive
from ledger.client.registers.workbook_cells import AS_TEXT, Cell, letters
from ledger.domain.errors import UsageError
from ledger.domain.event import normalization

#: Columns, with where in a record each stands.
COLUMNS: Final[dict[str, str]] = {
    "case": "/identifiers",
    "exhibit": "/identifiers",
    "description": "/body/description",
    "occurred": "/occurred",
    "late": "/late",
    "place": "/body/place",
    "collector": "/body/collector",
    "make": "/body/device/make",
    "model": "/body/device/model",
    "serial": "/body/device/serial",
    "imei": "/body/device/imei",
    "quantity": "/body/quantity",
    "state": "/body/stateFound",
    "packaging": "/body/packaging",
    "seal": "/body/seals",
    "witness": "/body/witnesses",
    "handling": "/handling",
    "basis": "/basis/purpose",
    "basis-kind": "/basis/kind",
    "authorisation": "/basis/reference",
    "authority": "/basis/authority",
    "file": "",
    "held-before": "/body/prior",
    "stated-sha-256": "/body/stated",
    "stated-by": "/body/stated",
}
#: Columns of a thing alone, and of a file alone.
OF_THINGS: Final = frozenset({"quantity", "state", "packaging", "seal", "witness"})
OF_FILES: Final = frozenset({"held-before", "stated-sha-256", "stated-by"})
_NEEDED: Final = ("case", "exhibit", "description", "occurred")
_LONGEST: Final = 64 << 20
_ROWS: Final = 100_000
_TOLD: Final = 200
#: Columns of times: a date of a spreadsheet stands there and nowhere else.
_TIMES: Final = frozenset({"occurred"})


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a row (as spreadsheets count them, the first one names the columns), and in
    which column; empty for the row as a whole. In a spreadsheet's own file also the letter of the
    column.
    """

    row: int
    column: str
    what: str
    letter: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its cells by column, those that are filled."""

    number: int
    cells: dict[str, str]

    def get(self, column: str) -> str:
        """A cell; empty where nothing stands in it."""
        return self.cells.get(column, "")

    def several(self, column: str) -> list[str]:
        """The values of a cell."""
        return [one.strip() for one in self.get(column).split("|") if one.strip()]

    def evidence(self, key: bytes, log: str, moment: dict[str, Any]) -> str:
        """The id that a thing of this row has in a log: the same at every try, so that it is not
        recorded twice, and nobody else's to guess.

        Args:
            key: of whoever records it.
            moment: when it happened and why it is recorded late, as it is signed: with another zone
                the row says another time, and was not recorded before.
        """
        told = repr((log, sorted(self.cells.items()), sorted(moment.items()))).encode()
        digest = hmac.new(key, b"custody-register-row " + told, sha256).digest()
        return uuid.UUID(bytes=digest[:16], version=4).urn


@dataclass
class Register:
    """A table, and what is wrong with it.

    ``sheet``: its name, in a spreadsheet's own file. ``letters``: of its columns, there.
    """

    sheet: str = ""
    letters: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, row: int, column: str, what: str, letter: str = "") -> None:
        """Note that something is wrong; of very many the first ones are enough."""
        if len(self.problems) < _TOLD:
            found = letter or self.letters.get(column, "")
            self.problems.append(Problem(row, column, what, found))


def read(data: bytes, *, case: str = "", sheet: str = "") -> Register:
    """Read a table.

    Args:
        case: of rows that name none.
        sheet: the name of the sheet of a workbook; empty for the only one that holds something.

    Raises:
        UsageError: it is no table of ours at all.
    """
    if len(data) > _LONGEST:
        raise UsageError(f"longer than {_LONGEST >> 20} MiB", hint="import it in parts")
    found = Register()
    if is_archive(data):
        records = _of_sheet(RegisterSheet(data, sheet), found)
    elif sheet:
        raise UsageError("CSV has no sheets", hint="leave --sheet out")
    else:
        records = _of_text(_text(data), found)
    seen: dict[tuple[str, str], int] = {}
    for number, filled in records:
        if len(found.rows) == _ROWS:
            raise UsageError(f"more than {_ROWS:,} rows", hint="import it in parts")
        row = Row(number, {name: cell.strip() for name, cell in filled.items() if cell.strip()})
        if case and not row.get("case"):
            row.cells["case"] = case
        _check(found, row)
        numbers = (normalization.form(row.get("case")), normalization.form(row.get("exhibit")))
        if all(numbers) and (before := seen.setdefault(numbers, number)) != number:
            found.wrong(number, "exhibit", f"row {before} has the same number in the same case")
        found.rows.append(row)
    if not found.rows and not found.problems:
        raise UsageError("no row stands below the names of the columns", hint="look into the file")
    return found


def _of_text(text: str, found: Register) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a table of text, without the first and without empty ones."""
    delimiter, columns = _head(text)
    for number, cells in _records(text, delimiter, found):
        if number == 1 or not any(cell.strip() for cell in cells):
            continue
        if len(cells) == len(columns):
            yield number, dict(zip(columns, cells, strict=True))
        else:
            found.wrong(number, "", f"{len(cells)} cells, and the first row has {len(columns)}")


def _of_sheet(sheet: RegisterSheet, found: Register) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a sheet, without the first, without empty ones, and without those in which a cell is
    not taken.
    """
    found.sheet = sheet.name
    columns: dict[int, str] = {}
    bad = set[int]()

    def wrong(row: int, column: int, what: str) -> None:
        bad.add(row)
        found.wrong(row, columns.get(column, ""), what, letters(column))

    rows = sheet.rows(wrong)
    first, head = next(rows, (0, {}))
    names = [head[at].text if at in head else "" for at in range(1, max(head, default=0) + 1)]
    if 1 in bad and not _is_head(names):
        return
    columns |= dict(enumerate(_names(names if first == 1 else []), 1))
    found.letters = {name: letters(at) for at, name in columns.items()}
    for number, cells in rows:
        if number not in bad:
            for at, cell in cells.items():
                if why := _misplaced(columns.get(at, ""), cell):
                    wrong(number, at, why)
        if number not in bad:
            yield number, {columns[at]: cell.text for at, cell in cells.items()}


def _misplaced(column: str, cell: Cell) -> str:
    """Why what a spreadsheet takes a cell for does not belong into its column; empty if it does."""
    if not column:
        return "holds something, and the first row names no column there"
    if column in _TIMES and cell.kind == "number":
        return (
            f"is a number for the spreadsheet, not a time: format it as date and time, or {AS_TEXT}"
        )
    if column not in _TIMES and cell.kind == "date":
        return f"is a date for the spreadsheet, which turns such as 1-2 into one: {AS_TEXT}"
    return ""


def _check(found: Register, row: Row) -> None:
    for name in _NEEDED:
        if not row.get(name):
            found.wrong(row.number, name, "is empty")
    wrong, whose = (OF_THINGS, "a thing") if row.get("file") else (OF_FILES, "a file")
    for name in sorted(wrong & row.cells.keys()):
        found.wrong(row.number, name, f"is said of {whose} alone, and this row is none")
    if row.get("stated-by") and not row.get("stated-sha-256"):
        found.wrong(row.number, "stated-by", "says who stated a digest, and none is stated")
    for name in row.cells:
        if "\0" in row.get(name):
            found.wrong(row.number, name, "holds a zero byte")


def _text(data: bytes) -> str:
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return data.decode("utf-16")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UsageError(
            f"line {line} is not UTF-8",
            hint="save it as CSV UTF-8; what other letters mean is not guessed",
        ) from error


def _head(text: str) -> tuple[str, list[str]]:
    """What stands between cells, and the names of the columns.

    Raises:
        UsageError: the first row names no columns that there are, or one twice.
    """
    tried: list[str] = []
    for delimiter in (",", ";", "\t"):
        try:
            names = next(csv.reader(StringIO(text, newline=""), delimiter=delimiter), [])
        except csv.Error:
            continue
        if len(names) > len(tried):
            tried = names
        if _is_head(names):
            return delimiter, _names(names)
    return "", _names(tried)


def _is_head(names: Sequence[str]) -> bool:
    columns = {name.strip().casefold() for name in names}
    return columns <= COLUMNS.keys() and "exhibit" in columns


def _names(names: Sequence[str]) -> list[str]:
    """The columns that the first row names.

    Raises:
        UsageError: there is none of a name, or one twice.
    """
    columns = [name.strip().casefold() for name in names]
    if _is_head(names):
        if len(set(columns)) < len(columns):
            raise UsageError("the first row names a column twice", hint="name each once")
        return columns
    unknown = [name for name in columns if name not in COLUMNS] if len(columns) > 1 else []
    named = ", ".join(repr(name[:40]) for name in unknown[:5])
    raise UsageError(
        "the first row does not name the columns" + (f": not known are {named}" if named else ""),
        hint=f"these are known: {', '.join(COLUMNS)}",
    )


def _records(text: str, delimiter: str, found: Register) -> Iterator[tuple[int, Sequence[str]]]:
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            found.wrong(number, "", f"cannot be read: {error}")
            return


def body_of(row: Row) -> dict[str, Any]:
    """What the record of a row says of its item."""
    device = {name: row.get(name) for name in ("make", "model", "serial") if row.get(name)}
    several = {"imei": row.several("imei")} if row.several("imei") else {}
    said: dict[str, Any] = {"device": {**device, **several}} if device or several else {}
    said |= {"place": row.get("place")} if row.get("place") else {}
    said |= {"collector": {"name": row.get("collector")}} if row.get("collector") else {}
    if row.get("file"):
        stated = {"algorithm": "sha-256", "value": row.get("stated-sha-256").lower()}
        stated |= {"by": row.get("stated-by")} if row.get("stated-by") else {}
        prior = [{"holder": one} for one in row.several("held-before")]
        said |= {"note": row.get("description")}
        said |= {"stated": [{**stated, "over": "file"}]} if row.get("stated-sha-256") else {}
        return said | ({"prior": prior} if prior else {})
    plain = {"stateFound": "state", "packaging": "packaging", "quantity": "quantity"}
    said |= {name: row.get(column) for name, column in plain.items() if row.get(column)}
    seals, witnesses = row.several("seal"), row.several("witness")
    said |= {"seals": [{"number": one} for one in seals]} if seals else {}
    said |= {"witnesses": [{"name": one} for one in witnesses]} if witnesses else {}
    return {"description": row.get("description"), **said}


def column_of(pointer: str) -> str:
    """The column that says a member of a record; empty where none alone does."""
    known = [name for name, place in COLUMNS.items() if place and pointer.startswith(place)]
    return known[0] if len(known) == 1 else ""
