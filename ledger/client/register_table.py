"""A register that an office kept before, as a table of text (CSV): read strictly and checked whole,
each row told by its number and column.

- the first row names the columns; which there are, and no other, stands in `COLUMNS`
- cells are text and nothing else: what a spreadsheet would compute is recorded as it is written
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

from ledger.domain.errors import UsageError

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
#: How archives (ZIP: .xlsx, .xlsm, .ods) and compound files (OLE: .xls, encrypted .xlsx) begin.
_WORKBOOKS: Final = (b"PK\x03\x04", b"PK\x05\x06", bytes.fromhex("d0cf11e0a1b11ae1"))


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a row (as spreadsheets count them, the first one names the columns), and in
    which column; empty for the row as a whole.
    """

    row: int
    column: str
    what: str


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

    def evidence(self, key: bytes, log: str) -> str:
        """The id that a thing of this row has in a log: the same at every try, so that it is not
        recorded twice, and nobody else's to guess.

        Args:
            key: of whoever records it.
        """
        told = repr((log, sorted(self.cells.items()))).encode()
        digest = hmac.new(key, b"custody-register-row " + told, sha256).digest()
        return uuid.UUID(bytes=digest[:16], version=4).urn


@dataclass
class Register:
    """A table, and what is wrong with it."""

    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, row: int, column: str, what: str) -> None:
        """Note that something is wrong; of very many the first ones are enough."""
        if len(self.problems) < _TOLD:
            self.problems.append(Problem(row, column, what))


def read(data: bytes, *, case: str = "") -> Register:
    """Read a table.

    Args:
        case: of rows that name none.

    Raises:
        UsageError: it is no table of ours at all.
    """
    text = _text(data)
    delimiter, columns = _head(text)
    found = Register()
    seen: dict[tuple[str, str], int] = {}
    for number, cells in _records(text, delimiter, found):
        if number == 1 or not any(cell.strip() for cell in cells):
            continue
        if len(found.rows) == _ROWS:
            raise UsageError(f"more than {_ROWS:,} rows", hint="import it in parts")
        if len(cells) != len(columns):
            found.wrong(number, "", f"{len(cells)} cells, and the first row has {len(columns)}")
            continue
        filled = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
        row = Row(number, {name: cell for name, cell in filled.items() if cell})
        if case and not row.get("case"):
            row.cells["case"] = case
        _check(found, row)
        numbers = (row.get("case").casefold(), row.get("exhibit").casefold())
        if all(numbers) and (before := seen.setdefault(numbers, number)) != number:
            found.wrong(number, "exhibit", f"row {before} has the same number in the same case")
        found.rows.append(row)
    if not found.rows and not found.problems:
        raise UsageError("no row stands below the names of the columns", hint="look into the file")
    return found


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
    if len(data) > _LONGEST:
        raise UsageError(f"longer than {_LONGEST >> 20} MiB", hint="import it in parts")
    if data.startswith(_WORKBOOKS):
        raise UsageError(
            "a spreadsheet file (.xlsx, .ods, .xls) or an archive, and no CSV",
            hint="save the sheet as CSV UTF-8, and see that dates and leading zeros stayed",
        )
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
    unknown: list[str] = []
    for delimiter in (",", ";", "\t"):
        try:
            names = next(csv.reader(StringIO(text, newline=""), delimiter=delimiter), [])
        except csv.Error:
            continue
        columns = [name.strip().casefold() for name in names]
        if set(columns) <= COLUMNS.keys() and "exhibit" in columns:
            if len(set(columns)) < len(columns):
                raise UsageError("the first row names a column twice", hint="name each once")
            return delimiter, columns
        if len(columns) > 1:
            unknown = [name for name in columns if name not in COLUMNS]
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
