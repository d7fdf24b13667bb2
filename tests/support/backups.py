"""Items to back up, and backups made at a moment that a test chooses, with keys elsewhere."""

from __future__ import annotations

import random
from pathlib import Path

from ledger.adapters.backup.keys import KEEP, ROTATE, BackupKeys
from ledger.app import backup
from tests.support.desk import Desk

DAY = 86400
NOW = 1_795_000_000


def make(
    desk: Desk, folder: Path, keys_file: Path, keys: BackupKeys, now: int = NOW
) -> backup.Made:
    return backup.make(desk.path, folder, keys_file, keys, now=now, rotate=ROTATE, keep=KEEP)


def recorded(home: Path, folder: Path, rng: random.Random, *sizes: int) -> dict[str, bytes]:
    """Items of these sizes, recorded one after the other."""
    found = {}
    with Desk(home) as desk:
        for size in sizes:
            path = folder / "file"
            path.write_bytes(rng.randbytes(size))
            found[desk.upload(path)[0].evidence] = path.read_bytes()
    return found
