"""Backups of homes and disks that lost something, and strange files beside what is ours: what one
damaged block takes with it is that block.
"""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.backup import packs
from ledger.adapters.backup.keys import KEEP, ROTATE, BackupKeys
from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.adapters.ipfs.packfiles import HEADER
from ledger.app import backup, restore_home
from ledger.app.backup_manifest import MANIFEST
from ledger.domain.errors import StorageError, UsageError
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block
from ledger.services.storage import garbage_collection
from tests.support.backups import DAY, NOW, make, recorded
from tests.support.commands import within
from tests.support.desk import PASSPHRASE, Desk


def lose(home: Path) -> None:
    (home / "blocks" / "pack-000000.car").unlink()


def cut(home: Path) -> None:
    os.truncate(home / "blocks" / "pack-000000.car", 60_000)


@pytest.mark.parametrize("loses", [lose, cut])
def test_a_backup_keeps_the_copy_of_a_pack_that_the_home_lost(
    home_path: Path,
    tmp_path: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
    loses: Callable[[Path], None],
) -> None:
    """The next backup removed the only copy that was left, and said that all went well."""
    folder = tmp_path / "backups"
    items = recorded(home_path, tmp_path, rng, 50_000, 50_000)
    with Desk(home_path) as desk:
        make(desk, folder, keys_file, keys)
    copied = (folder / "blocks" / "pack-000000.car").read_bytes()
    loses(home_path)
    with Desk(home_path) as desk:
        first = make(desk, folder, keys_file, keys, NOW + 1)
    items |= recorded(home_path, tmp_path, rng, 50_000)
    with Desk(home_path) as desk:
        assert make(desk, folder, keys_file, keys, NOW + 2).lost == ["pack-000000.car"]
        garbage_collection.forget_disposed(desk.node)
        desk.node.blocks.collect(list(desk.node.blocks.cids()), before=0)
        last = make(desk, folder, keys_file, keys, NOW + 3)
    assert first.lost == last.lost == ["pack-000000.car"]
    assert (folder / "blocks" / "pack-000000.car").read_bytes() == copied
    assert not restore_home.restore(folder, tmp_path / "again", keys, PASSPHRASE).damaged
    with Desk(tmp_path / "again") as again:
        assert {item: again.get(item) for item in items} == items


def rot(pack: Path) -> None:
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)


def cut_in_half(pack: Path) -> None:
    os.truncate(pack, pack.stat().st_size // 2)


@pytest.mark.parametrize("harms", [rot, Path.unlink, cut_in_half])
def test_a_backup_keeps_the_only_good_copy_of_what_went_bad_after_its_compaction(
    home_path: Path,
    tmp_path: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
    harms: Callable[[Path], None],
) -> None:
    """The next backup copied what had gone bad, and then removed the pack from which it came."""
    folder, abandoned = tmp_path / "backups", rng.randbytes(900_000)
    with Desk(home_path) as desk:
        desk.client.put_blocks([Block(cids.of(abandoned), abandoned)])
    items = recorded(home_path, tmp_path, rng, 50_000)
    with Desk(home_path) as desk, monkeypatch.context() as patch:
        make(desk, folder, keys_file, keys)
        later = desk.clock.now() + 8 * DAY
        patch.setattr(type(desk.clock), "now", lambda self: later)
        assert garbage_collection.collect(desk.node).freed > 900_000
    [moved] = (home_path / "blocks").glob("pack-*.car")
    assert moved.name != "pack-000000.car"
    harms(moved)
    with Desk(home_path) as desk:
        assert "pack-000000.car" in make(desk, folder, keys_file, keys, NOW + 1).lost
    restore_home.restore(folder, tmp_path / "again", keys, PASSPHRASE)
    with Desk(tmp_path / "again") as again:
        assert {item: again.get(item) for item in items} == items


def test_a_copy_goes_when_all_that_the_home_lost_lies_there_again(
    home_path: Path, tmp_path: Path, keys_file: Path, keys: BackupKeys, rng: random.Random
) -> None:
    folder = tmp_path / "backups"
    recorded(home_path, tmp_path, rng, 50_000)
    with Desk(home_path) as desk:
        make(desk, folder, keys_file, keys)
    away = Path(shutil.move(home_path / "blocks" / "pack-000000.car", tmp_path / "away"))
    with Desk(home_path) as desk:
        assert make(desk, folder, keys_file, keys, NOW + 1).lost == ["pack-000000.car"]
    shutil.move(away, home_path / "blocks" / "pack-000007.car")
    with Desk(home_path) as desk:
        assert make(desk, folder, keys_file, keys, NOW + 2).lost == []
    assert not (folder / "blocks" / "pack-000000.car").exists()
    assert not restore_home.restore(folder, tmp_path / "again", keys, PASSPHRASE).damaged


def test_a_backup_of_a_home_that_lost_a_pack_says_so_with_its_exit_code(
    home_path: Path, tmp_path: Path, rng: random.Random
) -> None:
    recorded(home_path, tmp_path, rng, 50_000)
    (tmp_path / "stick").mkdir()
    command = ("backup", str(tmp_path / "backups"), "--keys", str(tmp_path / "stick" / "keys"))
    assert within(*command, home=home_path)[0] == 0
    lose(home_path)
    recorded(home_path, tmp_path, rng, 100)
    shutil.move(next((tmp_path / "backups" / "snapshots").iterdir()), tmp_path / "moved")
    code, said, _ = within(*command, home=home_path)
    assert (code, "LOST at home: pack-000000.car" in said) == (3, True)


@pytest.mark.parametrize("change", ["flip", "cut", "remove"])
def test_a_damaged_pack_keeps_nothing_else_from_being_restored(
    home_path: Path,
    tmp_path: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
    change: str,
) -> None:
    """One flipped bit in one of a million blocks, and the whole home was refused."""
    folder = tmp_path / "backups"
    bad, good = list(recorded(home_path, tmp_path, rng, 50_000, 50_000).items())
    with Desk(home_path) as desk:
        make(desk, folder, keys_file, keys)
    pack = folder / "blocks" / "pack-000000.car"
    data = bytearray(pack.read_bytes())
    if change == "flip":
        data[len(data) // 4] ^= 1
        pack.write_bytes(data)
    elif change == "cut":
        bad, good = good, bad
        pack.write_bytes(data[: len(data) * 3 // 4])
    else:
        pack.unlink()
    restored = restore_home.restore(folder, tmp_path / "again", keys, PASSPHRASE)
    named = [one.message.split(": ")[0] for one in restored.damaged]
    assert named == ([bad[0], good[0]] if change == "remove" else [bad[0]])
    with Desk(tmp_path / "again") as again:
        assert {item.evidence for item in again.client.items()} == {bad[0], good[0]}
        if change != "remove":
            assert again.get(good[0]) == good[1]
        again.client.anchor()
    code, said, _ = within(
        "restore", str(folder), "--keys", str(keys_file), home=tmp_path / "third"
    )
    assert (code, bad[0] in said, "all else was restored" in said) == (3, True, True)


def test_a_sector_of_the_backup_that_cannot_be_read_takes_its_own_block_alone(
    home_path: Path,
    tmp_path: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "backups"
    bad, good = list(recorded(home_path, tmp_path, rng, 50_000, 50_000).items())
    with Desk(home_path) as desk:
        make(desk, folder, keys_file, keys)
    read, sector = os.pread, range(8192, 12288)

    def failing(fd: int, size: int, at: int) -> bytes:
        if at in sector:
            raise OSError(errno.EIO, "Input/output error")
        return read(fd, min(size, sector.start - at) if at < sector.start else size, at)

    with monkeypatch.context() as patch:
        patch.setattr(packs.os, "pread", failing)
        packs.restore(folder / "blocks", tmp_path)
    shutil.move(tmp_path / "pack-000000.car", folder / "blocks" / "pack-000000.car")
    restored = restore_home.restore(folder, tmp_path / "again", keys, PASSPHRASE)
    assert [one.message.split(": ")[0] for one in restored.damaged] == [bad[0]]
    with Desk(tmp_path / "again") as again:
        assert again.get(good[0]) == good[1]


STRANGE = (
    "pack-000000.car~",
    "pack-000000 (copy).car",
    "pack-x.car",
    "pack-1.car",
    "pack-٣٣٣٣٣٣.car",
)


def litter(folder: Path) -> list[Path]:
    """What editors, file managers and people leave."""
    strange = [
        folder / name for name in (*STRANGE, ".pack-000000.car.swp", ".DS_Store", "notes.txt")
    ]
    for path in strange:
        path.write_bytes(b"not ours")
    (folder / "pack-000001.car").mkdir()
    (folder / "pack-000001.car" / "file").write_bytes(b"not ours")
    return [*strange, folder / "pack-000001.car" / "file"]


def test_strange_files_beside_the_packs_stop_neither_home_nor_backup_and_stay_as_they_are(
    home_path: Path, tmp_path: Path, keys_file: Path, keys: BackupKeys, rng: random.Random
) -> None:
    """A home with a file "pack-x.car" could not be opened; a backup removed what was called so."""
    folder = tmp_path / "backups"
    strange = litter(home_path / "blocks")
    items = recorded(home_path, tmp_path, rng, 5000)
    with Desk(home_path) as desk:
        make(desk, folder, keys_file, keys)
    strange += litter(folder / "blocks")
    for name in ("notes.txt", ".foreign.part", "20260101T000000Z"):
        strange.append(folder / "snapshots" / name)
        strange[-1].write_bytes(b"not ours")
    (folder / "snapshots" / ".theirs.part").mkdir()
    strange.append(folder / "snapshots" / ".theirs.part" / "file")
    strange[-1].write_bytes(b"not ours")
    with Desk(home_path) as desk:
        # Compacting begins the pack in whose place a folder lies.
        desk.node.blocks.collect([], before=desk.clock.now() + DAY, dry=True)
        made = make(desk, folder, keys_file, keys, NOW + 1)
    assert made.lost == []
    assert not restore_home.restore(folder, tmp_path / "again", keys, PASSPHRASE).damaged
    assert [one.read_bytes() for one in strange] == [b"not ours"] * len(strange)
    # The second one is begun by the restored home: its new index writes to none that was there.
    brought = sorted((tmp_path / "again" / "blocks").glob("pack-*"))
    assert [path.name for path in brought] == ["pack-000000.car", "pack-000001.car"]
    assert brought[1].read_bytes() == HEADER
    with Desk(tmp_path / "again") as again:
        assert {item: again.get(item) for item in items} == items


def test_a_pack_is_begun_behind_what_is_called_like_it(home_path: Path) -> None:
    litter(home_path / "blocks")
    with Desk(home_path) as desk:
        desk.node.blocks._spool._roll()
        assert desk.node.blocks._spool._packs.number == 2


def test_a_manifest_that_others_wrote_stops_no_backup_and_removes_nothing(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys
) -> None:
    folder = tmp_path / "backups"
    made = make(desk, folder, keys_file, keys)
    value = json.loads((made.snapshot / MANIFEST).read_bytes())
    for number, changes in enumerate(
        ({"packs": {"pack-999999.car": 5}}, {"packs": [1]}, {"expires": 1}, {"expires": "x"})
    ):
        theirs = folder / "snapshots" / f"2026010{number}T000000Z"
        shutil.copytree(made.snapshot, theirs)
        forged = {**value, "manifest": {**value["manifest"], **changes}}
        (theirs / MANIFEST).write_text(json.dumps(forged))
    pipe = folder / "snapshots" / "20260109T000000Z"
    pipe.mkdir()
    os.mkfifo(pipe / MANIFEST)
    make(desk, folder, keys_file, keys, NOW + 1)
    assert len(backup.snapshots(folder)) == 7
    later = make(desk, folder, keys_file, keys, NOW + ROTATE + KEEP)
    assert made.snapshot not in backup.snapshots(folder)
    assert later.snapshot in backup.snapshots(folder)


def test_a_link_in_the_place_of_a_copy_or_a_pack_is_followed_by_nobody(
    home_path: Path, tmp_path: Path, keys_file: Path, keys: BackupKeys, rng: random.Random
) -> None:
    """A backup wrote ciphertext over whatever a link in its folder led to."""
    folder, aim = tmp_path / "backups", tmp_path / "precious"
    recorded(home_path, tmp_path, rng, 5000)
    with Desk(home_path) as desk:
        make(desk, folder, keys_file, keys)
        aim.write_bytes(b"precious")
        copied = folder / "blocks" / "pack-000000.car"
        copied.unlink()
        copied.symlink_to(aim)
        with pytest.raises(StorageError, match=r"pack-000000\.car"):
            make(desk, folder, keys_file, keys, NOW + 1)
        assert aim.read_bytes() == b"precious"
    pack = home_path / "blocks" / "pack-000000.car"
    shutil.move(pack, tmp_path / "moved")
    pack.symlink_to(tmp_path / "moved")
    for _ in range(2):
        with pytest.raises(StorageError, match="is a link"):
            Desk(home_path).__enter__()


def test_a_snapshot_that_is_a_link_is_none(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys
) -> None:
    folder = tmp_path / "backups"
    made = make(desk, folder, keys_file, keys)
    shutil.move(made.snapshot, tmp_path / "shelf")
    made.snapshot.symlink_to(tmp_path / "shelf")
    with pytest.raises(UsageError, match="no snapshot"):
        restore_home.restore(folder, tmp_path / "again", keys, PASSPHRASE)
    make(desk, folder, keys_file, keys, NOW + ROTATE + KEEP)
    assert (tmp_path / "shelf" / MANIFEST).exists()


@pytest.mark.parametrize("harm", ["unlink", "cut"])
def test_a_pack_that_was_compacted_into_one_that_the_home_lost_later_stays_in_the_backup(
    tmp_path: Path, rng: random.Random, harm: str
) -> None:
    """The home forgot that it had cut the pack once that was compacted too, and a backup had a copy
    of an earlier state of the lost one: the only good copy was removed.
    """
    home, folder = tmp_path / "home", tmp_path / "backup"
    folder.mkdir()
    kept, gone, later, last = (
        Block(cids.of(data), data) for data in (rng.randbytes(3000) for _ in range(4))
    )
    with closing(LocalBlockStore(home, pack_limit=5000)) as store:
        store.put([kept, gone])
        store.put([later])
        known = packs.copy(home, folder, {}).packs
        size = known["pack-000001.car"]
        assert store.discard([gone.cid], kept=[]).freed
    target = home / "pack-000001.car"
    if harm == "unlink":
        target.unlink()
    else:
        os.truncate(target, size)
    with closing(LocalBlockStore(home, pack_limit=5000)) as store:
        store.put([last])
        store.discard([later.cid], kept=[])
        assert not target.exists()
        copied = packs.copy(home, folder, known)
        assert "pack-000000.car" in packs.give_up(home, folder, copied)
        assert store.missing([kept.cid]) == [kept.cid]
    assert kept.data in (folder / "pack-000000.car").read_bytes()
