"""A disk without space, told as what it is: whoever reads of an error of the disk restores a backup."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from ledger.adapters.backup import packs
from ledger.adapters.backup.keys import BackupKeys
from ledger.adapters.chain.local import LocalChain
from ledger.adapters.clock import SystemClock
from ledger.adapters.filelock import FileLock
from ledger.app import bootstrap
from ledger.domain.errors import StorageError
from tests.support.backups import make
from tests.support.commands import within
from tests.support.desk import Desk


def failing(*_: object, **__: object) -> None:
    raise StorageError("the block store could not be opened: disk I/O error", hint="restore it")


@pytest.mark.parametrize("free", [0, 40 << 10])
def test_a_full_disk_is_not_told_as_a_damaged_one(
    home_path: Path, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    monkeypatch.setattr(bootstrap, "assemble", failing)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    code, _, said = within("list", home=home_path)
    assert (code, f"no space is left on the disk of {home_path}" in said) == (1, True), said
    assert "make room on that disk" in said
    assert "restore" not in said


def test_what_fails_on_a_disk_with_space_is_told_as_before(
    home_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "assemble", failing)
    assert "no space" not in within("list", home=home_path)[2]


def test_a_chain_that_cannot_be_opened_is_told_and_can_be_tried_again(tmp_path: Path) -> None:
    """SQLite's own error came through, and whoever tried again was told that they held it."""
    (tmp_path / "chain.sqlite").mkdir()
    for _ in range(2):
        with pytest.raises(StorageError, match="the embedded chain could not be opened"):
            LocalChain(tmp_path, chain_id=1, sealer=bytes(31) + b"\x01", clock=SystemClock())
    FileLock(tmp_path / "chain.lock", what="the embedded chain").release()


@pytest.mark.parametrize("named", [True, False])
def test_a_backup_that_finds_no_space_says_no_more_than_it_knows(
    desk: Desk,
    tmp_path: Path,
    keys_file: Path,
    keys: BackupKeys,
    monkeypatch: pytest.MonkeyPatch,
    named: bool,
) -> None:
    def full(*_: object) -> Callable[..., None]:
        raise OSError(errno.ENOSPC, "No space left on device", *(["the/file"] if named else []))

    monkeypatch.setattr(packs, "copy", full)
    with pytest.raises(StorageError) as caught:
        make(desk, tmp_path / "backups", keys_file, keys)
    assert caught.value.message == "the backup failed: No space left on device" + (
        " (the/file)" if named else ""
    )
