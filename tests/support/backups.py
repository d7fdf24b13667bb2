"""What test_backup.py and test_backup_folders.py share."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.adapters.backup.keys import KEEP, ROTATE, BackupKeys
from ledger.app import backup
from tests.support.desk import PASSPHRASE, Desk

DAY = 86400


NOW = 1_795_000_000


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere" / "keys"


@pytest.fixture
def keys(keys_file: Path) -> BackupKeys:
    return BackupKeys(keys_file, PASSPHRASE, create=True)


def make(
    desk: Desk, folder: Path, keys_file: Path, keys: BackupKeys, now: int = NOW
) -> backup.Made:
    return backup.make(desk.path, folder, keys_file, keys, now=now, rotate=ROTATE, keep=KEEP)
