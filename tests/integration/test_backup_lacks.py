"""What a backup lacks is brought to it, or told: an index that says too little of the packs, or that
forgot what was lost before the first backup.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.backup import home_packs, packs
from ledger.adapters.backup.keys import BackupKeys
from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.adapters.ipfs.packfiles import NEWEST
from ledger.app import backup, restore_home
from ledger.domain.blocks import dag
from ledger.domain.errors import StorageError
from ledger.rows.storage import ReplicaStateRow
from ledger.services.handovers import erasure
from tests.support.backups import NOW, make, recorded
from tests.support.commands import within
from tests.support.consortium import upload
from tests.support.desk import PASSPHRASE, Desk
from tests.support.disposals import dispose

PACK = "pack-000000.car"


def made(
    home: Path, folder: Path, keys_file: Path, keys: BackupKeys, now: int = NOW
) -> backup.Made:
    """A backup of a home that nobody has open."""
    return backup.make(home, folder, keys_file, keys, now=now, rotate=1 << 20, keep=1 << 22)


def index_of(home: Path) -> Path:
    return home / "blocks" / "index.sqlite"


def put_index(home: Path, old: Path | None) -> None:
    for path in (home / "blocks").glob("index.sqlite*"):
        path.unlink()
    if old is not None:
        shutil.copy(old, index_of(home))


def without_row(home: Path) -> None:
    with closing(sqlite3.connect(index_of(home), isolation_level=None)) as db:
        db.execute("DELETE FROM packs")


@pytest.mark.parametrize("how", ["older", "lost", "row"])
def test_a_home_whose_index_is_behind_its_packs_is_backed_up_whole(
    home_path: Path,
    tmp_path: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
    how: str,
) -> None:
    """After a loss of power, before anything opened the store: blocks were in no backup, and it was
    called good.
    """
    items = recorded(home_path, tmp_path, rng, 50_000)
    old = Path(shutil.copy(index_of(home_path), tmp_path / "old"))
    items |= recorded(home_path, tmp_path, rng, 50_000)
    if how == "row":
        without_row(home_path)
    else:
        put_index(home_path, old if how == "older" else None)
    done = made(home_path, tmp_path / "backups", keys_file, keys)
    assert (done.lost, done.lacking) == ([], [])
    assert not restore_home.restore(
        tmp_path / "backups", tmp_path / "again", keys, PASSPHRASE
    ).damaged
    with Desk(tmp_path / "again") as again:
        assert {item: again.get(item) for item in items} == items


def test_what_an_index_does_not_say_of_a_pack_is_told_where_it_cannot_be_mended(
    home_path: Path,
    tmp_path: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorded(home_path, tmp_path, rng, 50_000)
    without_row(home_path)

    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(home_packs, "LocalBlockStore", full)
    done = made(home_path, tmp_path / "backups", keys_file, keys)
    assert done.lost == [PACK]
    assert len(done.lacking) == 1


def test_what_somebody_is_writing_is_not_called_lost(
    home_path: Path, tmp_path: Path, keys_file: Path, keys: BackupKeys, rng: random.Random
) -> None:
    recorded(home_path, tmp_path, rng, 50_000)
    with Desk(home_path) as desk:
        newest = max((home_path / "blocks").glob("pack-*.car"))
        with newest.open("ab") as file:
            file.write(rng.randbytes(5000))
        done = make(desk, tmp_path / "backups", keys_file, keys)
        assert (done.lost, done.lacking) == ([], [])


def lose(pack: Path) -> None:
    pack.unlink()


def cut(pack: Path) -> None:
    os.truncate(pack, 60_000)


@pytest.mark.parametrize("is_opened", [True, False])
@pytest.mark.parametrize("loses", [lose, cut])
def test_the_first_backup_after_a_pack_was_lost_names_the_items_that_it_lacks(
    home_path: Path,
    tmp_path: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
    loses: Callable[[Path], None],
    is_opened: bool,
) -> None:
    """The store forgot what was not there any more: everything that it knew was in the backup."""
    first, second = recorded(home_path, tmp_path, rng, 50_000, 50_000)
    loses(home_path / "blocks" / PACK)
    if is_opened:
        LocalBlockStore(home_path / "blocks").close()
    later = list(recorded(home_path, tmp_path, rng, 50_000)) if is_opened else []
    gone = {second} if loses is cut else {first, second}
    for now in (NOW, NOW + 1):
        done = made(home_path, tmp_path / "backups", keys_file, keys, now)
        assert set(done.lacking) == gone
        assert not gone & set(later)
    code, said, _ = within(
        "backup", str(tmp_path / "backups"), "--keys", str(keys_file), home=home_path
    )
    assert code == 3, said
    assert f"LOST: the ciphertext of {second} is whole neither here nor in the backup" in said


@pytest.mark.parametrize("size", [50_000, 3 << 20])
def test_an_item_of_which_one_block_is_lost_is_lacking(
    home_path: Path,
    tmp_path: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
    size: int,
) -> None:
    [item] = recorded(home_path, tmp_path, rng, size)
    with Desk(home_path) as desk:
        with desk.node.records.read() as unit:
            root = unit.items.get(item).cid
        block = list(dag.every(desk.node.blocks, root))[-1]
    with closing(sqlite3.connect(index_of(home_path), isolation_level=None)) as db:
        [at] = db.execute("SELECT at FROM place WHERE cid = ?", (block,)).fetchone()
    with (home_path / "blocks" / PACK).open("r+b") as file:
        file.seek(at + 1000)
        file.write(bytes(100))
    put_index(home_path, None)
    assert made(home_path, tmp_path / "backups", keys_file, keys).lacking == [item]


def test_what_went_bad_before_the_first_backup_is_told_by_each_later_one(
    home_path: Path, tmp_path: Path, keys_file: Path, keys: BackupKeys, rng: random.Random
) -> None:
    """Only what was new was hashed: the second backup of the same home was called good."""
    first, _ = recorded(home_path, tmp_path, rng, 50_000, 50_000)
    pack = bytearray((home_path / "blocks" / PACK).read_bytes())
    pack[1000] ^= 1
    (home_path / "blocks" / PACK).write_bytes(pack)
    for now in (NOW, NOW + 1, NOW + 2):
        done = made(home_path, tmp_path / "backups", keys_file, keys, now)
        assert (done.lost, done.lacking) == ([PACK], [first])


def test_what_is_left_of_a_pack_that_was_cut_mends_its_copy(
    home_path: Path, tmp_path: Path, keys_file: Path, keys: BackupKeys, rng: random.Random
) -> None:
    recorded(home_path, tmp_path, rng, 50_000, 50_000)
    made(home_path, tmp_path / "backups", keys_file, keys)
    copy = tmp_path / "backups" / "blocks" / PACK
    good = copy.read_bytes()
    copy.write_bytes(good[:1000] + bytes([good[1000] ^ 1]) + good[1001:])
    cut(home_path / "blocks" / PACK)
    done = made(home_path, tmp_path / "backups", keys_file, keys, NOW + 1)
    assert (done.lost, done.mended, done.lacking) == ([PACK], [PACK], [])
    assert copy.read_bytes() == good


def test_what_the_home_lost_and_the_backup_has_is_not_lacking(
    home_path: Path, tmp_path: Path, keys_file: Path, keys: BackupKeys, rng: random.Random
) -> None:
    items = recorded(home_path, tmp_path, rng, 50_000, 3 << 20)
    made(home_path, tmp_path / "backups", keys_file, keys)
    lose(home_path / "blocks" / PACK)
    items |= recorded(home_path, tmp_path, rng, 50_000)
    done = made(home_path, tmp_path / "backups", keys_file, keys, NOW + 1)
    assert (done.lost, done.lacking) == ([PACK], [])


def test_what_was_destroyed_or_lies_at_ipfs_nodes_is_not_lacking(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys
) -> None:
    away, gone, here = (upload(desk, tmp_path) for _ in range(3))
    with desk.node.records.write() as unit:
        root = unit.items.get(away).cid
        unit.replicas.put(ReplicaStateRow(away, "site-a", root, "pinned", 0))
    desk.node.blocks.discard(list(dag.every(desk.node.blocks, root)), kept=[])
    dispose(desk, gone)
    erasure.settle(desk.node)
    done = make(desk, tmp_path / "backups", keys_file, keys)
    assert (done.elsewhere, done.lacking) == (1, [])
    with desk.node.records.read() as unit:
        root = unit.items.get(here).cid
    desk.node.blocks.discard([root], kept=[])
    done = make(desk, tmp_path / "backups", keys_file, keys, NOW + 1)
    assert (len(done.lost), done.lacking) == (1, [])  # the copy of the pack that was compacted


def test_a_home_that_lost_all_packs_and_counts_them_anew_takes_no_copy_away(
    home_path: Path, tmp_path: Path, keys_file: Path, keys: BackupKeys, rng: random.Random
) -> None:
    """The new pack of the same number was compacted: the copy of the lost one was removed, and the
    backup called good.
    """
    items = recorded(home_path, tmp_path, rng, 50_000, 50_000)
    made(home_path, tmp_path / "backups", keys_file, keys)
    lose(home_path / "blocks" / PACK)
    put_index(home_path, None)
    (home_path / "blocks" / NEWEST).unlink()
    later, gone = recorded(home_path, tmp_path, rng, 60_000, 90_000)
    with Desk(home_path) as desk:
        dispose(desk, gone)
        erasure.settle(desk.node)
    assert not (home_path / "blocks" / PACK).exists()
    done = made(home_path, tmp_path / "backups", keys_file, keys, NOW + 1)
    assert (done.lost, done.lacking) == ([PACK], [])
    restore_home.restore(tmp_path / "backups", tmp_path / "again", keys, PASSPHRASE)
    with Desk(tmp_path / "again") as again:
        assert {item: again.get(item) for item in items} == items
        assert len(again.get(later)) == 60_000


def test_a_backup_that_compacts_while_another_home_is_restored_takes_nothing_from_it(
    home_path: Path,
    tmp_path: Path,
    keys_file: Path,
    keys: BackupKeys,
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The pack was gone when its turn came, and the restoration failed as if a disk had."""
    kept, gone = recorded(home_path, tmp_path, rng, 50_000, 50_000)
    made(home_path, tmp_path / "backups", keys_file, keys)
    real = packs.packs_in

    def moved(folder: Path) -> dict[int, Path]:
        monkeypatch.setattr(packs, "packs_in", real)
        listed = real(folder)
        with Desk(home_path) as desk:
            dispose(desk, gone)
            erasure.settle(desk.node)
        made(home_path, tmp_path / "backups", keys_file, keys, NOW + 1)
        assert not listed.keys() & real(folder).keys()
        return listed

    [first] = backup.snapshots(tmp_path / "backups")
    monkeypatch.setattr(packs, "packs_in", moved)
    restore_home.restore(
        tmp_path / "backups", tmp_path / "again", keys, PASSPHRASE, snapshot=first.name
    )
    with Desk(tmp_path / "again") as again:
        assert len(again.get(kept)) == 50_000
