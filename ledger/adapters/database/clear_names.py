"""What a home knows in clear, for whoever completes a word: short ids of items, people by
pseudonym, partners. Read without a passphrase, quickly, and nothing is changed.

Titles, case and exhibit numbers, and service numbers are sealed in the home: they are not among it.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

_MOST: Final = 100  # more helps nobody who chooses among them
_PATIENCE: Final = 0.1  # seconds, where somebody writes at this moment
_SHORT: Final = 8  # characters of an id or a pseudonym, as lists show them
_HEXADECIMAL: Final = re.compile("[0-9a-f]{0,64}")
#: An item's short id is the beginning of the digest of the statement that opened it.
_OPENED: Final = "SELECT substr(lower(hex(e.digest)), 1, ?) FROM {} WHERE e.seq = 0 AND NOT e.void"
_NEWEST: Final = _OPENED.format(
    "(SELECT evidence FROM item ORDER BY opened DESC LIMIT ?) i "
    "CROSS JOIN entry e ON e.evidence = i.evidence"
)
_BEGINNING: Final = (
    _OPENED.format("entry e") + " AND e.digest BETWEEN ? AND ? AND e.effect = 'open' LIMIT ?"
)
_PEOPLE: Final = "SELECT substr(person, 1, ?) FROM person WHERE active LIMIT ?"
_PARTNERS: Final = "SELECT agency FROM partner ORDER BY agency LIMIT ?"


def items(database: Path, begun: str) -> list[str]:
    """Short ids that begin with what was typed, the newest first where that is nothing.

    Raises:
        sqlite3.Error: the database cannot be read now.
    """
    if not _HEXADECIMAL.fullmatch(begun):
        return []
    shown = max(_SHORT, len(begun))
    if not begun:
        return _read(database, _NEWEST, shown, _MOST)
    first, last = (bytes.fromhex(begun.ljust(64, end)) for end in "0f")
    return _read(database, _BEGINNING, shown, first, last, _MOST)


def people(database: Path) -> list[str]:
    """How the pseudonyms of the agency's people begin.

    Raises:
        sqlite3.Error: the database cannot be read now.
    """
    return _read(database, _PEOPLE, _SHORT, _MOST)


def partners(database: Path) -> list[str]:
    """The codes of partner agencies.

    Raises:
        sqlite3.Error: the database cannot be read now.
    """
    return _read(database, _PARTNERS, _MOST)


def _read(database: Path, query: str, *values: object) -> list[str]:
    if not database.is_file():  # a person's folder, or a home with a database server
        return []
    uri = f"{database.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE)) as opened:
        return [str(row[0]) for row in opened.execute(query, values)]
