"""A home's tables beside the rebuilt ones, row by row in the order of their keys: memory holds two
pages, however large the home.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from ledger.domain.audit.report import AuditReport
from ledger.domain.codecs.text import told_time
from ledger.rows.unit_of_work import Database
from ledger.services.audit.column_sources import FREE, ROWS

_PAGE: Final = 500
Row = dict[str, Any]
#: Codes of what is found in a table, where they are not row-missing, row-inserted and row-edited.
_CODES: Final[dict[str, tuple[str, str, str]]] = {
    "blind_index": ("case-lost", "case-stray", "row-edited"),
    "document": ("document-missing", "row-inserted", "row-edited"),
    "grant": ("grant-missing", "grant-differs", "grant-differs"),
}
#: Columns that hold seconds since 1970.
_TIMES: Final = frozenset(
    {
        "active_from",
        "backups",
        "checked",
        "due",
        "expires",
        "issued",
        "offer_expires",
        "offer_time",
        "proof",
        "time",
        "until",
    }
)
_USUAL: Final = ("row-missing", "row-inserted", "row-edited")
_RANK: Final[dict[type, int]] = {int: 1, bool: 1, float: 1, str: 2, bytes: 3}


def order(values: Sequence[Any]) -> tuple[tuple[int, Any], ...]:
    """SQLite's order of values, whatever their types: a row may have been altered into any."""
    return tuple((_RANK[type(value)], value) if value is not None else (0, 0) for value in values)


class Comparing:
    """Compares tables; ``count`` is how many rows the home has in those that were compared.

    Args:
        home, rebuilt: the database, and what it should be.
        reported: places ("table key") of rows that have a finding of their own already.
    """

    def __init__(
        self, home: Database, rebuilt: Database, report: AuditReport, reported: set[str]
    ) -> None:
        self._home = home
        self._rebuilt = rebuilt
        self._report = report
        self._reported = reported
        self.count = 0

    def schema(self) -> None:
        """Compare what the databases are made of: a trigger would go on editing rows, a strange
        table keep what is destroyed.
        """
        with self._rebuilt.read() as unit:
            expected = unit.tables.schema()
        with self._home.read() as unit:
            found = unit.tables.schema()
        for name in sorted(expected.keys() | found.keys()):
            if expected.get(name) != found.get(name):
                self._report.find(
                    "schema-differs",
                    shown(name),
                    shown(expected.get(name, "none")),
                    shown(found.get(name, "none")),
                )

    def table(self, name: str, keys: Sequence[str], advance: Callable[[int], None]) -> None:
        """Compare one table by its primary key."""
        free, codes = FREE.get(name, {}), _CODES.get(name, _USUAL)
        expected, found = _rows(self._rebuilt, name, keys), _rows(self._home, name, keys)
        left, right = next(expected, None), next(found, None)
        while left is not None or right is not None:
            if right is None or (left is not None and left[0] < right[0]):
                assert left is not None
                if name not in ROWS:
                    self._tell(
                        codes[0],
                        name,
                        keys,
                        left[1],
                        "a row, which log, documents or chain call for",
                        "none",
                    )
                left = next(expected, None)
            elif left is None or right[0] < left[0]:
                self.count += 1
                self._tell(
                    codes[1], name, keys, right[1], "no such row: nothing calls for it", "a row"
                )
                right = next(found, None)
            else:
                self.count += 1
                for column, value in left[1].items():
                    if column not in free and right[1].get(column) != value:
                        called_for, there = _pair(column, value, right[1].get(column))
                        self._tell(
                            codes[2], name, keys, right[1], f"{column} = {called_for}", there
                        )
                left, right = next(expected, None), next(found, None)
            advance(1)

    def _tell(
        self, code: str, name: str, keys: Sequence[str], row: Row, expected: str, found: str
    ) -> None:
        place = f"{name} {' '.join(shown(row[key]) for key in keys)}"
        if place not in self._reported:
            self._report.find(code, place, expected, found)


def _rows(
    records: Database, name: str, keys: Sequence[str]
) -> Iterator[tuple[tuple[tuple[int, Any], ...], Row]]:
    after: list[Any] = []
    while True:
        with records.read() as unit:
            page = unit.tables.page(name, after, _PAGE)
        for row in page:
            yield order([row[key] for key in keys]), row
        if len(page) < _PAGE:
            return
        after = [page[-1][key] for key in keys]


def _pair(column: str, expected: object, found: object) -> tuple[str, str]:
    """Two values that differ, told apart also where they are shown alike: the text of a number,
    long text of one length.
    """
    if (left := _moment(column, expected)) != (right := _moment(column, found)):
        return left, right
    return (
        f"{left} ({type(expected).__name__})",
        f"{right} ({'other ' if type(expected) is type(found) else ''}{type(found).__name__})",
    )


def _moment(column: str, value: object) -> str:
    """A value of a column, a time as people write it; 0 stands for none."""
    if column in _TIMES and type(value) is int and value:
        return told_time(value)
    return shown(value)


def shown(value: object) -> str:
    """A value in a finding: bytes as the beginning of their hex, long text not at all."""
    if isinstance(value, bytes):
        return value.hex()[:16] + ("…" if len(value) > 8 else "")
    text = str(value)
    return text if len(text) <= 80 else f"{len(text)} characters"
