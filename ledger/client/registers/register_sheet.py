"""A register in a spreadsheet's own file (.xlsx, .ods): which sheet is meant, and its rows.

One sheet holds data, or one is named: what nobody looked at is not taken in beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from ledger.client.registers.workbook_archive import Archive, damaged
from ledger.client.registers.workbook_cells import Cell, Sheet, Wrong
from ledger.client.registers.workbook_ods import MIMETYPE, Ods
from ledger.client.registers.workbook_xlsx import TYPES, Xlsx
from ledger.domain.errors import UsageError

_MOST: Final = 256  # sheets
_NAMED: Final = 10


class _Workbook(Protocol):
    sheets: list[Sheet]

    def rows(self, sheet: Sheet, wrong: Wrong) -> Iterator[tuple[int, dict[int, Cell]]]: ...
    def filled(self) -> list[Sheet]: ...


class RegisterSheet:
    """The sheet of a workbook that is the register."""

    def __init__(self, data: bytes, wanted: str = "") -> None:
        """Find it.

        Args:
            wanted: its name; empty for the only one that holds something.

        Raises:
            UsageError: no workbook that is read, no such sheet, or more than one.
        """
        self._book = _open(Archive(data))
        if not 0 < len(self._book.sheets) <= _MOST:
            raise damaged(f"it has {len(self._book.sheets)} sheets")
        self._sheet = self._chosen(wanted)
        self.name = self._sheet.name
        if self._sheet.hidden:
            raise UsageError(
                f"the sheet {self.name[:40]!r} is hidden",
                hint="show it in the spreadsheet program, look at it, and save the file",
            )

    def rows(self, wrong: Wrong) -> Iterator[tuple[int, dict[int, Cell]]]:
        """Its rows that hold something: their numbers, and their cells by column, both from 1.

        Raises:
            UsageError: it is damaged, or too large.
        """
        return self._book.rows(self._sheet, wrong)

    def _chosen(self, wanted: str) -> Sheet:
        sheets = self._book.sheets
        if wanted:
            named = [one for one in sheets if one.name == wanted]
            if len(named) != 1:
                raise UsageError(
                    f"no sheet is named {wanted[:40]!r}", hint=f"there are {_names(sheets)}"
                )
            return named[0]
        filled = sheets if len(sheets) == 1 else self._book.filled()
        if len(filled) > 1:
            raise UsageError(
                f"{len(filled)} sheets hold something: {_names(filled)}",
                hint="say which one is the register: --sheet NAME",
            )
        return filled[0] if filled else sheets[0]


def _open(archive: Archive) -> _Workbook:
    if TYPES in archive.names:
        return Xlsx(archive)
    if MIMETYPE in archive.names:
        return Ods(archive)
    raise UsageError(
        "an archive, and neither CSV nor a spreadsheet file that is read (.xlsx, .ods)",
        hint="save the sheet as .xlsx, .ods or CSV UTF-8",
    )


def _names(sheets: list[Sheet]) -> str:
    told = [repr(one.name[:40]) + (" (hidden)" if one.hidden else "") for one in sheets[:_NAMED]]
    return ", ".join(told) + (" and more" if len(sheets) > _NAMED else "")
