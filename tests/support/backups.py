"""Backups made at a moment that a test chooses, with keys that lie elsewhere."""

from __future__ import annotations

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
