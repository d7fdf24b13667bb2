"""When somebody looked last at what waits for them: kept in their own folder, by the log.

Nothing is kept at the node: what changed since follows from the log, and when people look is nobody
else's affair.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from ledger.adapters import files
from ledger.domain.codecs import strict_json
from ledger.domain.errors import FormatError
from ledger.domain.untrusted import shapes
from ledger.domain.untrusted.shapes import COUNT, MOMENT, Each

#: Beneath the folder of a home.
FILE: Final = Path("client") / "inbox.json"
_LONGEST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class LastLook:
    """How many entries the log had, and when that was, in seconds since 1970."""

    size: Annotated[int, COUNT]
    time: Annotated[int, MOMENT]


def read(home: Path, log: str) -> LastLook | None:
    """The last look at a log; None where there was none, or nothing tells of it any more."""
    found = _all(home).get(log)
    return found if isinstance(found, LastLook) else None


def keep(home: Path, log: str, look: LastLook) -> None:
    """Write a look down.

    Raises:
        OSError: the folder cannot be written.
    """
    path = home / FILE
    known = {name: asdict(one) for name, one in _all(home).items()} | {log: asdict(look)}
    files.private_folder(path.parent)
    files.write(path, json.dumps(known, indent=1).encode() + b"\n")


def _all(home: Path) -> dict[str, Any]:
    try:
        data = files.read_small(home / FILE, _LONGEST)
        found: dict[str, Any] = shapes.fit(
            strict_json.lenient(data), Each(LastLook), what="inbox.json"
        )
    except (OSError, ValueError, FormatError):
        return {}
    return found
