"""Where the backups of a home lie, and their keys: where they were put last, else beside the home.

The keys never lie in the home or in the folder of the backups (`backup.require_apart`). Beside the
home they are apart from both, and still on the same disk: whoever can, puts them elsewhere once,
and is not asked again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from ledger.adapters import files
from ledger.domain.codecs import strict_json
from ledger.domain.errors import StorageError, UsageError

_PLACES: Final = "backup-places.json"


def usual(home: Path) -> tuple[Path, Path]:
    """The folder of a home's backups and the file of their keys.

    Raises:
        UsageError: keys or backups are not where they were last, such as on a medium that is not
            attached: new ones would be made in their place, on the disk of the home. Or where that
            was cannot be read.
    """
    try:
        value = strict_json.lenient((home / _PLACES).read_bytes())
        folder, keys = Path(str(value["folder"])), Path(str(value["keys"]))
    except FileNotFoundError:
        whole = home.resolve()
        beside = whole.with_name(f"{whole.name}-backups")
        return beside, whole.with_name(f"{whole.name}-backup-keys")
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"{home / _PLACES}, which says where the last backup was put, cannot be read"
        raise UsageError(what, hint="name both: custody backup DIR --keys FILE") from error
    for what, path in (("backup keys", keys), ("earlier backups", folder / "snapshots")):
        if not path.exists():
            raise UsageError(
                f"the {what} are not in {path}, where they were last",
                hint="attach their medium, or name both: custody backup DIR --keys FILE",
            )
    return folder, keys


def remember(home: Path, folder: Path, keys: Path) -> None:
    """Write down where a backup was put. That this fails is no failure of the backup."""
    value = {"folder": str(folder.resolve()), "keys": str(keys.resolve())}
    try:
        files.write(home / _PLACES, json.dumps(value).encode() + b"\n")
    except StorageError:
        return
