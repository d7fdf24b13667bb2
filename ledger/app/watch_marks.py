"""What was taken of watched folders, kept in a person's folder: hashes under a key of theirs, since
names of folders are case and exhibit numbers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from ledger.adapters import files
from ledger.domain.codecs import strict_json
from ledger.domain.errors import FormatError
from ledger.domain.untrusted import shapes

#: Beneath the folder of a home.
FILE: Final = Path("client") / "watched.json"
_LONGEST: Final = 256 << 20


def read(home: Path, log: str) -> dict[str, str]:
    """What was taken for a log; nothing where nothing tells of it: then all is looked at anew, and
    left out where it was recorded before.
    """
    return _all(home).get(log, {})


def keep(home: Path, log: str, taken: dict[str, str]) -> None:
    """Write down what was taken.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = home / FILE
    files.private_folder(path.parent)
    files.write(path, json.dumps(_all(home) | {log: taken}).encode() + b"\n")


def _all(home: Path) -> dict[str, dict[str, str]]:
    try:
        value: Any = strict_json.lenient(files.read_small(home / FILE, _LONGEST))
        found: dict[str, dict[str, str]] = shapes.fit(
            value, shapes.Each(shapes.Each(str)), what="watched.json"
        )
    except (OSError, ValueError, FormatError):
        return {}
    return found
