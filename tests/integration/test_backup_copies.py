"""Copies of packs in a backup that went bad, or that nobody knows any more: the good ones of both
sides stay, and a backup goes on.
"""

from __future__ import annotations

import errno
import os
import random
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters import files
from ledger.adapters.backup import copy_mending, packs
from ledger.adapters.backup.keys import BackupKeys
from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.app import backup, restore_home
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import StorageError, UsageError
from ledger.domain.ipld import car
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block
from tests.support.backups import DAY, NOW, make, recorded
from tests.support.commands import within
from tests.support.desk import PASSPHRASE, Desk
from tests.support.disposals import dispose

PACK = "pack-000000.car"
SECTOR = 4096


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def flip(pack: Path, at: float = 0.9) -> None:
    data = bytearray(pack.read_bytes())
    data[int(len(data) * at)] ^= 1
    pack.write_bytes(data)


def restored(folder: Path, home: Path, keys: BackupKeys, items: dict[str, bytes]) -> None:
    """A home restored from the newest backup has all of these items."""
    assert not restore_home.restore(folder, home, keys, PASSPHRASE).damaged
    with Desk(home) as again:
        assert {item: again.get(item) for item in items} == items


@pytest.mark.parametrize("harm", ["flip", "header", "zeros", "cut"])
def test_a_copy_that_went_bad_is_made_good_again_by_the_next_backup(
    home_path: Path,
    tmp_path: Path,
    folder: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
    harm: str,
) -> None:
    """One flipped bit stopped every later backup into that folder."""
    items = recorded(home_path, tmp_path, rng, 50_000, 60_000)
    with Desk(home_path) as desk:
        make(desk, folder, keys_file, keys)
    pack = folder / "blocks" / PACK
    good = pack.read_bytes()
    if harm == "cut":
        os.truncate(pack, len(good) // 2)
    elif harm == "zeros":
        pack.write_bytes(good[: len(good) // 2] + bytes(len(good) - len(good) // 2))
    else:
        flip(pack, 0.9 if harm == "flip" else 0)
    items |= recorded(home_path, tmp_path, rng, 70_000)
    with Desk(home_path) as desk:
        made = make(desk, folder, keys_file, keys, NOW + 1)
    assert (made.lost, made.mended) == ([], [] if harm == "cut" else [PACK])
    assert pack.read_bytes().startswith(good)
    restored(folder, tmp_path / "again", keys, items)


def test_what_went_bad_at_home_stays_good_in_the_backup_and_newer_things_come_to_it(
    home_path: Path,
    tmp_path: Path,
    folder: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
) -> None:
    items = recorded(home_path, tmp_path, rng, 50_000)
    with Desk(home_path) as desk:
        make(desk, folder, keys_file, keys)
    good = (folder / "blocks" / PACK).read_bytes()
    flip(home_path / "blocks" / PACK)
    items |= recorded(home_path, tmp_path, rng, 70_000)
    with Desk(home_path) as desk:
        made = make(desk, folder, keys_file, keys, NOW + 1)
    assert (made.lost, made.mended) == ([PACK], [])
    assert (folder / "blocks" / PACK).read_bytes().startswith(good)
    restored(folder, tmp_path / "again", keys, items)


def test_each_side_gives_the_other_what_it_has_good(
    home_path: Path,
    tmp_path: Path,
    folder: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
) -> None:
    items = recorded(home_path, tmp_path, rng, 50_000, 60_000)
    with Desk(home_path) as desk:
        make(desk, folder, keys_file, keys)
    flip(home_path / "blocks" / PACK, 0.2)
    flip(folder / "blocks" / PACK, 0.9)
    with Desk(home_path) as desk:
        made = make(desk, folder, keys_file, keys, NOW + 1)
    assert (made.lost, made.mended) == ([PACK], [PACK])
    restored(folder, tmp_path / "again", keys, items)


def test_the_first_backup_of_a_home_that_went_bad_is_not_called_good(
    home_path: Path, tmp_path: Path, folder: Path, rng: random.Random
) -> None:
    """What was copied was never read again: code 0, and a damaged backup."""
    recorded(home_path, tmp_path, rng, 50_000)
    flip(home_path / "blocks" / PACK, 0.5)
    (tmp_path / "stick").mkdir()
    command = ("backup", str(folder), "--keys", str(tmp_path / "stick" / "keys"))
    code, said, _ = within(*command, home=home_path)
    assert (code, f"LOST at home: {PACK}" in said) == (3, True)


@pytest.mark.parametrize("bad", ["home", "copy"])
def test_a_bad_sector_stops_no_backup(
    home_path: Path,
    tmp_path: Path,
    folder: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
    bad: str,
) -> None:
    items = recorded(home_path, tmp_path, rng, 50_000)
    with Desk(home_path) as desk:
        make(desk, folder, keys_file, keys)
    more = recorded(home_path, tmp_path, rng, 60_000)
    where = home_path if bad == "home" else folder
    inode, read = (where / "blocks" / PACK).stat().st_ino, os.pread
    # In the newest item, which was not copied yet, or in what was copied.
    sector = 24 * SECTOR if bad == "home" else 2 * SECTOR

    def failing(fd: int, size: int, at: int) -> bytes:
        if os.fstat(fd).st_ino == inode and at < sector + SECTOR and at + size > sector:
            raise OSError(errno.EIO, "Input/output error")
        return read(fd, size, at)

    with Desk(home_path) as desk, monkeypatch.context() as patch:
        for module in (copy_mending, packs):
            patch.setattr(module.os, "pread", failing)
        made = make(desk, folder, keys_file, keys, NOW + 1)
    assert (made.lost, made.mended) == (([PACK], []) if bad == "home" else ([], [PACK]))
    if bad == "home":
        found = restore_home.restore(folder, tmp_path / "again", keys, PASSPHRASE).damaged
        assert [one.message.split(": ")[0] for one in found] == list(more)
    else:
        restored(folder, tmp_path / "again", keys, items | more)


def test_copies_of_which_no_snapshot_tells_any_more_are_compared_and_not_written_over(
    home_path: Path, tmp_path: Path, folder: Path, rng: random.Random
) -> None:
    """The file of the backup keys was lost: all packs were copied anew over their copies, those
    that had gone bad at home too.
    """
    items = recorded(home_path, tmp_path, rng, 50_000)
    sticks = [tmp_path / "stick", tmp_path / "another"]
    keys = []
    for stick in sticks:
        stick.mkdir()
        keys.append(BackupKeys(stick / "keys", PASSPHRASE, create=True))
    with Desk(home_path) as desk:
        make(desk, folder, sticks[0] / "keys", keys[0])
    flip(home_path / "blocks" / PACK, 0.5)
    before = (folder / "blocks" / PACK).read_bytes()
    with Desk(home_path) as desk:
        made = make(desk, folder, sticks[1] / "keys", keys[1], NOW + 1)
    assert (made.copied, made.lost, made.mended) == (0, [PACK], [])
    assert (folder / "blocks" / PACK).read_bytes() == before
    restored(folder, tmp_path / "again", keys[1], items)


@pytest.mark.parametrize("side", ["home", "backup"])
@pytest.mark.parametrize("harm", ["bit", "empty", "text"])
def test_a_damaged_name_of_the_packs_makes_them_nobody_elses(
    harm: str,
    side: str,
    home_path: Path,
    tmp_path: Path,
    folder: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
) -> None:
    recorded(home_path, tmp_path, rng, 5000)
    with Desk(home_path) as desk:
        make(desk, folder, keys_file, keys)
        named = (home_path if side == "home" else folder) / "blocks" / "packs.id"
        name = named.read_bytes()
        bit = bytes([name[0] ^ (1 if name[0] not in b"9`" else 8), *name[1:]])
        named.write_bytes({"bit": bit, "empty": b"", "text": name[:-1] + b"x"}[harm])
        assert make(desk, folder, keys_file, keys, NOW + 1).copied == 0


def test_a_block_full_of_what_looks_like_blocks_keeps_no_copy_from_being_mended(
    tmp_path: Path, rng: random.Random
) -> None:
    """Where it was damaged those within it were found, and the copy was called another home's."""
    inner = [Block(cids.of(data), data) for data in (rng.randbytes(500) for _ in range(9))]
    data = b"".join(map(car.section, inner))
    blocks = [Block(cids.of(data), data), *inner]
    (tmp_path / "backup").mkdir()
    with closing(LocalBlockStore(tmp_path / "home")) as store:
        store.put(blocks)
        place = store._index.find(blocks[0].cid)
        first = packs.copy(tmp_path / "home", tmp_path / "backup", {})
        copied = tmp_path / "backup" / PACK
        good, data = copied.read_bytes(), bytearray(copied.read_bytes())
        data[place.at - 20] ^= 1
        data[place.at + 3] ^= 1
        copied.write_bytes(data)
        again = packs.copy(tmp_path / "home", tmp_path / "backup", first.packs)
    assert (again.lost, again.mended) == ([], [PACK])
    assert copied.read_bytes() == good


def test_what_a_killed_backup_left_of_a_copy_that_it_mended_goes_with_the_next_one(
    tmp_path: Path, rng: random.Random
) -> None:
    (tmp_path / "backup").mkdir()
    data = rng.randbytes(500)
    with closing(LocalBlockStore(tmp_path / "home")) as store:
        store.put([Block(cids.of(data), data)])
        left, _ = files._alone(tmp_path / "backup" / PACK)
        packs.copy(tmp_path / "home", tmp_path / "backup", {})
    assert not left.exists()


def test_a_home_that_lost_the_date_of_its_backups_certifies_no_disposal_as_without_one(
    home_path: Path,
    tmp_path: Path,
    folder: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
) -> None:
    """It said that no backups were made, and the next one named the date of its own key alone."""
    [item] = recorded(home_path, tmp_path, rng, 5000)
    with Desk(home_path) as desk:
        backup.make(desk.path, folder, keys_file, keys, now=NOW, rotate=DAY, keep=3000 * DAY)
        until = desk.node.backups_until()
        (home_path / "backups.json").unlink()
        with pytest.raises(StorageError, match="until when a backup opens an item is not known"):
            dispose(desk, item)
        make(desk, folder, keys_file, keys, NOW + 2 * DAY)
        assert desk.node.backups_until() == until
        dispose(desk, item)
        assert desk.client.disposal(item).backupsExpire == format_time(until)


def test_a_backup_into_the_folder_of_another_home_leaves_no_sign_of_one(
    home_path: Path, tmp_path: Path, folder: Path, keys_file: Path, keys: BackupKeys
) -> None:
    (folder / "blocks").mkdir(parents=True)
    (folder / "blocks" / "packs.id").write_bytes(b"0" * 32)
    with Desk(home_path) as desk:
        with pytest.raises(UsageError, match="backups of another home"):
            make(desk, folder, keys_file, keys)
        assert desk.node.backups_until() == 0


def test_a_pipe_in_the_place_of_a_copy_is_told_as_such(tmp_path: Path, rng: random.Random) -> None:
    """It said: the backup failed: None (None)."""
    (tmp_path / "backup").mkdir()
    data = rng.randbytes(500)
    with closing(LocalBlockStore(tmp_path / "home")) as store:
        store.put([Block(cids.of(data), data)])
        os.mkfifo(tmp_path / "backup" / PACK)
        with pytest.raises(StorageError, match=r"pack-000000\.car is not a file"):
            packs.copy(tmp_path / "home", tmp_path / "backup", {})


def test_what_goes_bad_in_an_older_part_of_a_copy_is_found_by_one_of_the_next_backups(
    tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the last 4 MiB of each copy were read again: `restore` found the rest, without the home."""
    monkeypatch.setattr(packs, "CHUNK", 1000)
    folder, home = tmp_path / "backup", tmp_path / "home"
    folder.mkdir()

    def put(store: LocalBlockStore) -> None:
        data = rng.randbytes(3000)
        store.put([Block(cids.of(data), data)])

    with closing(LocalBlockStore(home, pack_limit=8000)) as store:
        for _ in range(9):
            put(store)
        known = packs.copy(home, folder, {}).packs
        assert len(known) == 3
        copies = sorted(folder.glob("pack-*.car"))
        good = [copy.read_bytes() for copy in copies]
        for number, copy in enumerate(copies):
            flip(copy, 0.2)
            os.utime(copy, (10 - number, 10 - number))
        os.utime(copies[0], (1 << 33, 1 << 33))
        mended = []
        for _ in copies:
            put(store)
            made = packs.copy(home, folder, known)
            known = made.packs
            mended.append(made.mended)
            assert made.lost == []
    assert [copy.read_bytes()[: len(was)] for copy, was in zip(copies, good, strict=True)] == good
    assert mended == [[copies[0].name], [copies[2].name], [copies[1].name]]
