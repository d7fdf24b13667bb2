"""The case that somebody works on in a folder, so that they need not type it with every command.

It is kept in their home, sealed under their keyring, and by no file in the folder: a folder may
come from anywhere, and whoever made it shall not choose under which case evidence is recorded.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from ledger.adapters import filelock
from ledger.adapters.keystore.file import FileKeyring
from ledger.adapters.sealed_file import SealedFile

CASES: Final = "client/cases"  # below the home
_BOUND: Final = b"custody-used-cases-v1"


class UsedCases:
    """Cases by the folders in which they are worked on.

    Args:
        home: of whoever works. keyring: theirs.
    """

    def __init__(self, home: Path, keyring: FileKeyring) -> None:
        self._path = home / CASES
        self._file = SealedFile(self._path, keyring.get("journal"), _BOUND)

    def of(self, folder: Path) -> str:
        """The case of a folder, or of the nearest one above it; empty where there is none."""
        cases, here = self._read(), folder.resolve()
        return next((cases[str(one)] for one in (here, *here.parents) if str(one) in cases), "")

    def use(self, folder: Path, case: str) -> None:
        """Work on a case in a folder, and in those below it; on none where it is empty.

        Raises:
            StorageError: the home cannot be written.
        """
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        with filelock.alone(self._path.with_suffix(".lock")):  # of two commands none is lost
            cases = self._read()
            cases.pop(str(folder.resolve()), None)
            if case:
                cases[str(folder.resolve())] = case
            self._file.write(json.dumps(cases).encode())

    def _read(self) -> dict[str, str]:
        data = self._file.read()
        return {} if data is None else dict(json.loads(data))
