"""Backup and restore: a moment of a home in use, whole or not at all, and out of reach once its
keys are destroyed.
"""

from __future__ import annotations

import os
import random
import shutil
import threading
from pathlib import Path

import pytest

from ledger.adapters import files
from ledger.adapters.backup import packs
from ledger.adapters.backup.keys import KEEP, ROTATE, BackupKeys
from ledger.adapters.filelock import FileLock
from ledger.app import backup, backup_manifest, restore_home, settings
from ledger.domain.errors import CustodyError, KeyringError, LockedError, StorageError, UsageError
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block
from ledger.services.audit.self_check import examine
from ledger.services.storage import garbage_collection
from tests.support.backups import DAY, NOW, make
from tests.support.desk import PASSPHRASE, Desk


def test_a_home_in_use_comes_back_whole(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys, rng: random.Random
) -> None:
    """Uploads and anchoring go on while backups are made; whatever was acknowledged before one
    began is in it.
    """
    folder, first = tmp_path / "backups", tmp_path / "first"
    first.write_bytes(rng.randbytes(3_000_000))
    before = desk.upload(first)[0]
    stop = threading.Event()
    errors: list[Exception] = []

    def busy() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            path = tmp_path / f"busy-{number}"
            path.write_bytes(f"item {number}".encode())
            try:
                desk.upload(path)
                desk.client.anchor()
            except CustodyError as error:
                errors.append(error)
                return

    worker = threading.Thread(target=busy)
    worker.start()
    try:
        made = [make(desk, folder, keys_file, keys, NOW + number) for number in range(4)]
    finally:
        stop.set()
        worker.join()
    assert not errors
    assert made[0].copied >= 3_000_000
    assert sum(one.copied for one in made[1:]) < 3_000_000, "packs are copied once"
    for number, one in enumerate(made):
        restored = restore_home.restore(
            folder, tmp_path / f"restored-{number}", keys, PASSPHRASE, snapshot=one.snapshot.name
        )
        assert restored.notes == []
        with Desk(tmp_path / f"restored-{number}") as again:
            assert before.evidence in {item.evidence for item in again.client.items()}
            assert again.get(before.evidence) == first.read_bytes()
            again.client.anchor()


def test_grants_are_in_a_backup_only_under_its_key(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    item = desk.upload(path)[0]
    with desk.node.records.read() as unit:
        grants = unit.grants.sealed_to(
            item.evidence, "record", desk.node.keys.hpkes[0].public.digest
        )
    assert grants
    make(desk, tmp_path / "backups", keys_file, keys)
    raw = b"".join(
        file.read_bytes() for file in (tmp_path / "backups").rglob("*") if file.is_file()
    )
    assert grants[0] not in raw
    assert grants[0][-500:] not in raw


def test_what_was_disposed_of_is_out_of_reach_when_the_backup_keys_of_its_time_are_gone(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys
) -> None:
    folder, path = tmp_path / "backups", tmp_path / "file"
    path.write_bytes(b"to be disposed of")
    desk.upload(path)
    old = make(desk, folder, keys_file, keys, NOW)
    assert old.expires == NOW + ROTATE + KEEP
    shelf = Path(shutil.copytree(folder, tmp_path / "copy on a shelf"))
    assert make(desk, folder, keys_file, keys, NOW + ROTATE - 1).expires == old.expires
    assert make(desk, folder, keys_file, keys, NOW + ROTATE).expires > old.expires
    make(desk, folder, keys_file, keys, old.expires)
    assert old.snapshot not in backup.snapshots(folder)
    with pytest.raises(KeyringError, match="destroyed"):
        restore_home.restore(
            shelf, tmp_path / "back", BackupKeys(keys_file, PASSPHRASE, create=False), PASSPHRASE
        )
    assert not (tmp_path / "back").exists()


def test_a_clock_set_back_makes_no_key_that_outlives_its_promise(keys: BackupKeys) -> None:
    assert keys.current(NOW).expires == NOW + ROTATE + KEEP
    assert keys.current(NOW - DAY).expires == NOW - DAY + ROTATE + KEEP


def test_every_altered_or_missing_file_of_a_snapshot_is_refused_and_leaves_no_home(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys, rng: random.Random
) -> None:
    folder, path = tmp_path / "backups", tmp_path / "file"
    path.write_bytes(rng.randbytes(5000))
    desk.upload(path)
    desk.client.anchor()
    make(desk, folder, keys_file, keys)
    files = sorted(
        file.relative_to(folder) for file in (folder / "snapshots").rglob("*") if file.is_file()
    )
    assert len(files) == 8
    for name in files:
        for change in ("flip", "cut", "remove"):
            damaged = Path(shutil.copytree(folder, tmp_path / "damaged"))
            data = bytearray((damaged / name).read_bytes())
            if change == "flip":
                data[len(data) // 2] ^= 1
                (damaged / name).write_bytes(data)
            elif change == "cut":
                (damaged / name).write_bytes(data[: len(data) // 2])
            else:
                (damaged / name).unlink()
            with pytest.raises((StorageError, UsageError)):
                restore_home.restore(damaged, tmp_path / "home again", keys, PASSPHRASE)
            assert not (tmp_path / "home again").exists(), f"{name} {change}"
            assert not list(tmp_path.glob(".home again*"))
            shutil.rmtree(damaged)


def test_an_interrupted_backup_is_no_backup_and_the_next_one_is_whole(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backups"

    class Died(BaseException):
        pass

    def dies(*arguments: object, **options: object) -> None:
        raise Died

    steps = ((backup, "_databases"), (packs, "copy"), (backup_manifest, "digest_of"))
    for number, (place, step) in enumerate((*steps, (backup_manifest, "write"))):
        with monkeypatch.context() as patch:
            patch.setattr(place, step, dies)
            patch.setattr(
                backup.shutil, "rmtree", lambda *arguments, **options: None
            )  # nobody cleans up after a kill -9
            with pytest.raises(Died):
                make(desk, folder, keys_file, keys, NOW + number)
        assert backup.snapshots(folder) == []
        (folder / "blocks" / "pack-000000.car").write_bytes(b"half a copy")
    (folder / "blocks" / ".0123456789abcdef.custody-part").write_bytes(b"half a name")
    made = make(desk, folder, keys_file, keys, NOW + 10)
    assert not list(folder.glob("*/.*"))
    assert restore_home.restore(folder, tmp_path / "again", keys, PASSPHRASE).entries == 3
    assert backup.snapshots(folder) == [made.snapshot]


def test_a_backup_after_compaction_needs_no_pack_that_is_gone(
    desk: Desk,
    tmp_path: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, path = tmp_path / "backups", tmp_path / "file"
    abandoned = rng.randbytes(900_000)
    desk.client.put_blocks([Block(cids.of(abandoned), abandoned)])
    path.write_bytes(rng.randbytes(5000))
    item = desk.upload(path)[0]
    first = make(desk, folder, keys_file, keys)
    later = desk.clock.now() + 8 * DAY
    with monkeypatch.context() as patch:
        patch.setattr(type(desk.clock), "now", lambda self: later)
        assert garbage_collection.collect(desk.node).freed > 900_000
    make(desk, folder, keys_file, keys, NOW + 1)
    assert sum(file.stat().st_size for file in (folder / "blocks").iterdir()) < 900_000
    for number, name in enumerate((first.snapshot.name, "")):
        restore_home.restore(folder, tmp_path / f"r{number}", keys, PASSPHRASE, snapshot=name)
        with Desk(tmp_path / f"r{number}") as again:
            assert again.get(item.evidence) == path.read_bytes()


def test_two_backups_that_begin_together_have_one_key(keys_file: Path, keys: BackupKeys) -> None:
    """Each had read the file before the other wrote it: the backup that was made could never be
    restored.
    """
    other = BackupKeys(keys_file, PASSPHRASE, create=False)
    assert other.current(NOW) == keys.current(NOW)
    late = BackupKeys(keys_file, PASSPHRASE, create=False)
    first = keys.current(NOW + ROTATE)
    assert late.current(NOW + ROTATE) == first
    late.destroy_expired(NOW + ROTATE + KEEP)
    assert keys.current(NOW + ROTATE + KEEP).id != first.id
    again = BackupKeys(keys_file, PASSPHRASE, create=False)
    assert bytes.fromhex(first.key) == again.find(first.id)


def test_two_backups_at_once_are_one(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys
) -> None:
    held = FileLock(desk.path / "blocks" / "packs.lock", what="the packs")
    with pytest.raises(LockedError):
        make(desk, tmp_path / "backups", keys_file, keys)
    held.release()
    make(desk, tmp_path / "backups", keys_file, keys)


def test_a_restore_overwrites_nothing(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys
) -> None:
    make(desk, tmp_path / "backups", keys_file, keys)
    with pytest.raises(UsageError, match="not empty"):
        restore_home.restore(tmp_path / "backups", desk.path, keys, PASSPHRASE)
    with pytest.raises(UsageError, match="no snapshot 20200101T000000Z"):
        restore_home.restore(
            tmp_path / "backups", tmp_path / "new", keys, PASSPHRASE, snapshot="20200101T000000Z"
        )


def test_a_disposed_item_loses_its_blocks_and_only_when_nobody_holds_a_key(
    desk: Desk, tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Disposal destroys the grants; what remains of the content is collected, and not before."""
    path = tmp_path / "file"
    path.write_bytes(rng.randbytes(3_000_000))
    kept, gone = desk.upload(path)[0], desk.upload(path)[0]
    desk.record(gone.evidence, "voided", {"reason": "recorded twice"})
    later = desk.clock.now() + 8 * DAY
    with monkeypatch.context() as patch:
        patch.setattr(type(desk.clock), "now", lambda self: later)
        assert garbage_collection.collect(desk.node).blocks == 0, "a key to it is still there"
        with desk.node.records.write() as unit:
            unit._db.exec_driver_sql(
                "DELETE FROM \"grant\" WHERE evidence = ? AND scope = 'content'", (gone.evidence,)
            )
        assert garbage_collection.collect(desk.node).blocks > 3
    assert desk.get(kept.evidence) == path.read_bytes()
    assert not any(desk.node.blocks.missing([cids.from_text(kept.cid)]))
    assert desk.node.blocks.missing([cids.from_text(gone.cid)])


def test_a_backup_is_known_before_it_is_read_and_when_it_was_killed_after_it_got_its_name(
    desk: Desk,
    tmp_path: Path,
    keys_file: Path,
    keys: BackupKeys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A certificate of disposal said that no backup opens the item, while one did."""
    seen: list[int] = []
    real = backup._databases

    def looked(*arguments: object, **options: object) -> int:
        seen.append(settings.read_backups(desk.path))
        return real(*arguments, **options)  # type: ignore[arg-type]

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backup, "_databases", looked)
    with monkeypatch.context() as patch:
        patch.setattr(packs, "give_up", killed)
        with pytest.raises(KeyboardInterrupt):
            make(desk, tmp_path / "backups", keys_file, keys)
    assert len(backup.snapshots(tmp_path / "backups")) == 1
    assert seen == [settings.read_backups(desk.path)] == [NOW + ROTATE + KEEP]


def test_a_restored_home_knows_of_the_backups_that_open_its_items(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys
) -> None:
    folder = tmp_path / "backups"
    first = make(desk, folder, keys_file, keys)
    later = make(desk, folder, keys_file, keys, NOW + ROTATE)
    home = tmp_path / "back"
    restore_home.restore(folder, home, keys, PASSPHRASE, snapshot=first.snapshot.name)
    assert settings.read_backups(home) == later.expires


def test_a_torn_note_of_backups_is_written_anew_by_the_next_and_hides_none(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys
) -> None:
    (desk.path / settings.BACKUPS).write_text('{"expires": 180')
    assert desk.client.status(chain=False, ipfs=False).backupsUntil is None
    [told] = [
        one for one in examine(desk.node, deep=False) if getattr(one, "part", "") == "backups"
    ]
    assert "not known" in told.message
    made = make(desk, tmp_path / "backups", keys_file, keys)
    assert desk.client.status(chain=False, ipfs=False).backupsUntil == made.expires


def test_keys_that_a_killed_backup_left_beside_their_file_go_with_the_next_one(
    keys_file: Path, keys: BackupKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old keys were destroyed in the file alone, and lived on in the copy."""
    keys.current(NOW)

    def die(*arguments: object, **options: object) -> None:
        os._exit(9)

    child = os.fork()
    if child == 0:
        files._put = die  # type: ignore[assignment]
        keys.current(NOW + ROTATE)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 9 << 8
    assert len(list(keys_file.parent.glob(".*.part"))) == 1
    BackupKeys(keys_file, PASSPHRASE, create=False).current(NOW + ROTATE)
    assert not list(keys_file.parent.glob(".*.part"))
