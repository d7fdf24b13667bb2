"""Files of other users of the machine, whether the tests run as root or not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ledger import system


def given_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a file or a folder belong to somebody else: in earnest where the tests may do that, else
    as far as the product asks.
    """
    if os.geteuid() == 0:
        os.chown(path, 4711, 4711)
        return
    found, asked = path.stat(), system.is_mine
    theirs = (found.st_dev, found.st_ino)
    monkeypatch.setattr(
        system,
        "is_mine",
        lambda of: asked(of) and (of.st_dev, of.st_ino) != theirs,
    )
