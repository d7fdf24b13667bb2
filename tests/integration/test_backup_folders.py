"""Backup folders: of one home, never cut, and cleared only when something newer stands."""

from __future__ import annotations

import errno
import os
import random
import shutil
import time
from pathlib import Path

import pytest

from ledger.adapters import filelock
from ledger.adapters.backup import packs
from ledger.adapters.backup.keys import KEEP, ROTATE, BackupKeys
from ledger.adapters.keystore.file import FileKeyring
from ledger.adapters.memory import StoppedClock
from ledger.app import backup, backup_manifest, restore_home
from ledger.domain.errors import LockedError, StorageError, UsageError
from tests.support.backups import DAY, NOW, make
from tests.support.desk import PASSPHRASE, Desk


def test_a_home_and_what_was_restored_from_it_do_not_back_up_into_one_folder(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys, rng: random.Random
) -> None:
    """Both go on from the same packs: the second one's backup would have cut the first one's, and
    said that all went well.
    """
    folder, path = tmp_path / "backups", tmp_path / "file"
    path.write_bytes(rng.randbytes(90_000))
    desk.upload(path)
    first = make(desk, folder, keys_file, keys)
    before = {file.name: file.read_bytes() for file in (folder / "blocks").iterdir()}
    restore_home.restore(folder, tmp_path / "again", keys, PASSPHRASE)
    with (
        Desk(tmp_path / "again") as again,
        pytest.raises(UsageError, match="before it was restored"),
    ):
        make(again, folder, keys_file, keys, NOW + 1)
    twin = Path(
        shutil.copytree(
            desk.path, tmp_path / "twin", ignore=shutil.ignore_patterns("*.lock", "*-wal", "*-shm")
        )
    )
    path.write_bytes(rng.randbytes(50_000))
    desk.upload(path)
    make(desk, folder, keys_file, keys, NOW + 2)
    with Desk(twin) as other:
        path.write_bytes(rng.randbytes(60_000))
        other.upload(path)
        with pytest.raises(StorageError, match="another home's"):
            make(other, folder, keys_file, keys, NOW + 3)
    assert all(
        (folder / "blocks" / name).read_bytes().startswith(data) for name, data in before.items()
    )
    for snapshot in (first.snapshot.name, ""):
        restore_home.restore(folder, tmp_path / f"r{snapshot}", keys, PASSPHRASE, snapshot=snapshot)


def test_a_home_that_was_rolled_back_takes_nothing_out_of_newer_backups(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys, rng: random.Random
) -> None:
    folder, path = tmp_path / "backups", tmp_path / "file"
    path.write_bytes(rng.randbytes(90_000))
    desk.upload(path)
    make(desk, folder, keys_file, keys)
    ignored = shutil.ignore_patterns("*.lock", "*-wal", "*-shm")
    old = Path(shutil.copytree(desk.path, tmp_path / "old", ignore=ignored))
    path.write_bytes(rng.randbytes(70_000))
    [later] = desk.upload(path)
    good = make(desk, folder, keys_file, keys, NOW + 1)
    with Desk(old) as back, pytest.raises(StorageError, match="rolled back"):
        make(back, folder, keys_file, keys, NOW + 2)
    assert backup.snapshots(folder)[-1] == good.snapshot
    restore_home.restore(folder, tmp_path / "again", keys, PASSPHRASE)
    with Desk(tmp_path / "again") as again:
        assert again.get(later.evidence) == path.read_bytes()


def test_a_backup_that_was_made_with_a_clock_ahead_cuts_none_that_is_made_after_it(
    desk: Desk,
    tmp_path: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, path, today = tmp_path / "backups", tmp_path / "file", desk.clock.now()
    path.write_bytes(rng.randbytes(50_000))
    desk.upload(path)
    ahead = make(desk, folder, keys_file, keys, today + 10 * DAY)
    path.write_bytes(rng.randbytes(60_000))
    [item] = desk.upload(path)
    good = make(desk, folder, keys_file, keys, today)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "pack")

    with monkeypatch.context() as patch:
        patch.setattr(backup_manifest, "write", full)
        with pytest.raises(StorageError):
            make(desk, folder, keys_file, keys, today + 1)
    assert backup.ahead(folder, today + 1) == [ahead.snapshot.name]
    with pytest.raises(UsageError, match="from the future") as caught:
        restore_home.restore(folder, tmp_path / "again", keys, PASSPHRASE)
    assert good.snapshot.name in (caught.value.hint or "")
    restore_home.restore(folder, tmp_path / "again", keys, PASSPHRASE, snapshot=good.snapshot.name)
    with Desk(tmp_path / "again") as again:
        assert again.get(item.evidence) == path.read_bytes()


def test_packs_that_are_no_backup_are_neither_cut_nor_removed(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys
) -> None:
    """Those of the home itself, whose blocks lie on a bigger disk, were cut to nothing, and "394.1
    KiB copied".
    """
    (tmp_path / "file").write_bytes(b"content")
    desk.upload(tmp_path / "file")
    disk, other = tmp_path / "disk", tmp_path / "other"
    disk.mkdir()
    (disk / "blocks").symlink_to(desk.path / "blocks")
    shutil.copytree(
        desk.path / "blocks", other / "blocks", ignore=shutil.ignore_patterns("*.lock", "packs.id")
    )
    for folder in (disk, other):
        before = {path.name: path.read_bytes() for path in (folder / "blocks").glob("pack-*")}
        with pytest.raises(UsageError, match="no backup"):
            make(desk, folder, keys_file, keys)
        assert {
            path.name: path.read_bytes() for path in (folder / "blocks").glob("pack-*")
        } == before


def test_a_copy_of_a_pack_that_was_cut_is_made_anew_and_not_filled_up(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys, rng: random.Random
) -> None:
    folder, path = tmp_path / "backups", tmp_path / "file"
    path.write_bytes(rng.randbytes(90_000))
    desk.upload(path)
    make(desk, folder, keys_file, keys)
    os.truncate(folder / "blocks" / "pack-000000.car", 500)
    make(desk, folder, keys_file, keys, NOW + 1)
    assert restore_home.restore(folder, tmp_path / "again", keys, PASSPHRASE).notes == []


def test_a_backup_that_fails_destroys_neither_the_last_good_one_nor_its_keys(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pause longer than keys are kept, or a clock that is wrong, and then a full disk: nothing
    would have been left.
    """
    folder = tmp_path / "backups"
    first = make(desk, folder, keys_file, keys)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "pack")

    steps = ((backup, "_databases"), (packs, "copy"), (backup_manifest, "write"))
    for place, step in steps:
        with monkeypatch.context() as patch:
            patch.setattr(place, step, full)
            with pytest.raises(StorageError, match="No space left"):
                make(desk, folder, keys_file, keys, first.expires + 400 * DAY)
    assert backup.snapshots(folder) == [first.snapshot]
    kept = BackupKeys(keys_file, PASSPHRASE, create=False)
    assert restore_home.restore(folder, tmp_path / "again", kept, PASSPHRASE).notes == []


def test_a_damaged_snapshot_keeps_nobody_from_making_the_next(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys
) -> None:
    folder = tmp_path / "backups"
    first = make(desk, folder, keys_file, keys)
    (first.snapshot / backup_manifest.MANIFEST).write_bytes(b"{}")
    make(desk, folder, keys_file, keys, NOW + 1)
    assert restore_home.restore(folder, tmp_path / "again", keys, PASSPHRASE).notes == []


def test_keys_beside_what_they_protect_are_refused(
    desk: Desk, tmp_path: Path, keys: BackupKeys
) -> None:
    for place in (desk.path / "keys", tmp_path / "backups" / "keys"):
        with pytest.raises(UsageError, match="lies in"):
            backup.make(
                desk.path, tmp_path / "backups", place, keys, now=NOW, rotate=ROTATE, keep=KEEP
            )
    assert not (tmp_path / "backups").exists()


def test_a_second_backup_in_the_second_of_the_first_waits_for_the_next_one(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was refused as wrong usage, by chance."""
    clock = StoppedClock(NOW)
    monkeypatch.setattr(time, "sleep", lambda _: setattr(clock, "time", NOW + 1))
    for _ in range(2):
        make(
            desk, tmp_path / "backups", keys_file, keys, backup.moment(tmp_path / "backups", clock)
        )
    assert len(backup.snapshots(tmp_path / "backups")) == 2


def test_a_home_and_its_copy_that_are_backed_up_into_one_folder_at_once_write_over_nothing(
    desk: Desk,
    tmp_path: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each held a lock in its own home only, and both wrote behind the same copies."""
    folder, path = tmp_path / "backups", tmp_path / "file"
    make(desk, folder, keys_file, keys)
    ignored = shutil.ignore_patterns("*.lock", "*-wal", "*-shm")
    twin = Path(shutil.copytree(desk.path, tmp_path / "twin", ignore=ignored))
    path.write_bytes(rng.randbytes(50_000))
    [item] = desk.upload(path)
    real = packs.copy

    def meanwhile(*given: object, **options: object) -> packs.Copied:
        monkeypatch.setattr(packs, "copy", real)
        with Desk(twin) as other, pytest.raises(LockedError, match="the folder of backups is in"):
            make(other, folder, keys_file, keys, NOW + 1)
        return real(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(packs, "copy", meanwhile)
    made = make(desk, folder, keys_file, keys, NOW + 1)
    restore_home.restore(folder, tmp_path / "again", keys, PASSPHRASE, snapshot=made.snapshot.name)
    with Desk(tmp_path / "again") as again:
        assert again.get(item.evidence) == path.read_bytes()


def test_a_backup_folder_on_a_disk_without_locks_is_written_to_all_the_same(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, real = tmp_path / "backups", filelock.take

    def take(fd: int, **how: bool) -> None:
        if os.readlink(f"/proc/self/fd/{fd}").startswith(str(folder)):
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        real(fd, **how)

    monkeypatch.setattr(filelock, "take", take)
    make(desk, folder, keys_file, keys)
    assert len(backup.snapshots(folder)) == 1


def test_two_first_backups_at_once_have_the_keys_of_one_of_them(
    keys_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one was told to overwrite the keys of the first one with --force."""
    real = FileKeyring.create

    def beaten(path: Path, passphrase: bytes) -> FileKeyring:
        monkeypatch.setattr(FileKeyring, "create", real)
        BackupKeys(path, PASSPHRASE, create=True).current(NOW)
        return real(path, passphrase)

    monkeypatch.setattr(FileKeyring, "create", beaten)
    second = BackupKeys(keys_file, PASSPHRASE, create=True)
    first = BackupKeys(keys_file, PASSPHRASE, create=False)
    assert second.current(NOW) == first.current(NOW)
