"""Backup and restore, killed before each of their steps: nothing is lost, nothing half-written is
called whole, and the next one clears away what the killed one left.
"""

from __future__ import annotations

import os
import random
import re
import shutil
from pathlib import Path

import pytest

from ledger import system
from ledger.adapters.backup.keys import KEEP, ROTATE, BackupKeys
from ledger.app import backup, backup_manifest, restore_home
from ledger.services.handovers import erasure
from tests.support.backups import DAY, NOW, recorded
from tests.support.desk import PASSPHRASE, Desk
from tests.support.disposals import dispose
from tests.support.kills import kill_before, steps_of

LATE = NOW - DAY
BEGUN = LATE - ROTATE - KEEP - 1  # of which the first backup is over by then, and its key


class Place:
    """A home, its backups and their keys, to be worked on in copies."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home, self.backups = folder, folder / "home", folder / "backups"
        self.keys = folder / "keys"
        self.kept, self.content = "", b""  # an item that is not in the first backup

    def copied(self, to: Path) -> Place:
        shutil.rmtree(to, ignore_errors=True)
        return Place(Path(shutil.copytree(self.folder, to)))

    def back_up(self, now: int) -> None:
        keys = BackupKeys(self.keys, PASSPHRASE, create=True)
        backup.make(self.home, self.backups, self.keys, keys, now=now, rotate=ROTATE, keep=KEEP)

    def restore(self) -> None:
        keys = BackupKeys(self.keys, PASSPHRASE, create=False)
        made = restore_home.restore(self.backups, self.folder / "again", keys, PASSPHRASE)
        assert made.damaged == []

    def open(self) -> None:
        """What was being written in the home when a backup was killed goes when it is opened."""
        with Desk(self.home):
            pass

    def whole(self) -> int:
        """How many snapshots are called so; each is what its manifest says."""
        if not (self.backups / "snapshots").exists():
            return 0
        keys = BackupKeys(self.keys, PASSPHRASE, create=False)
        for one in backup.snapshots(self.backups):
            backup_manifest.check(one, keys.find(backup_manifest.read(one).key))
        return len(backup.snapshots(self.backups))

    def names(self) -> set[str]:
        """What lies there, whatever the time of a snapshot; but for what SQLite lays beside a
        database.
        """
        found = (str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))
        return {
            re.sub(r"\d{8}T\d{6}Z", "TIME", name)
            for name in found
            if not name.endswith(("-wal", "-shm"))
        }


@pytest.fixture
def place(home_path: Path, tmp_path: Path, rng: random.Random) -> Place:
    """A home with everything that a backup has to do: what is new, a copy that went bad, a pack
    that was compacted, and an earlier snapshot whose time is over.
    """
    there = Place(tmp_path / "there")
    there.folder.mkdir()
    home_path.rename(there.home)
    recorded(there.home, tmp_path, rng, 3000, 200_000)
    there.back_up(BEGUN)
    there.back_up(BEGUN + ROTATE)
    kept, gone = items = recorded(there.home, tmp_path, rng, 40_000, 90_000)
    there.kept, there.content = kept, items[kept]
    with Desk(there.home) as desk:
        dispose(desk, gone)
        erasure.settle(desk.node)
    [copy] = (there.backups / "blocks").glob("pack-*.car")
    data = bytearray(copy.read_bytes())
    data[-1000] ^= 1
    copy.write_bytes(data)
    return there


def tried(steps: int, rng: random.Random, how: str) -> list[int]:
    """Which of so many steps are tried: some of them each day, all of them at night."""
    every = range(1, steps + 1)
    return list(every) if how == "each" else sorted(rng.sample(every, 6))


HOW = pytest.mark.parametrize("how", ["some", pytest.param("each", marks=pytest.mark.nightly)])


@HOW
@pytest.mark.timeout(3000)
def test_a_backup_that_is_killed_loses_nothing_and_leaves_nothing_that_is_called_whole(
    place: Place, tmp_path: Path, rng: random.Random, how: str
) -> None:
    """An earlier snapshot that was removed in part when the backup was killed kept its name."""
    now = place.copied(tmp_path / "now")
    steps = steps_of(now.folder, lambda: now.back_up(LATE))
    now.open()
    done = now.names()
    for step in tried(steps, rng, how):
        place.copied(now.folder)
        kill_before(step, now.folder, lambda: now.back_up(LATE))
        assert now.whole(), step
        now.back_up(LATE + 1)
        now.open()
        assert now.names() == done, step
        now.restore()
        with Desk(now.folder / "again") as desk:
            assert len(list(desk.client.items())) == 4
            assert desk.get(place.kept) == place.content


@HOW
@pytest.mark.timeout(3000)
def test_a_first_backup_that_is_killed_is_none_and_the_next_one_is_whole(
    place: Place, tmp_path: Path, rng: random.Random, how: str
) -> None:
    """What lay beside the file of keys when the backup was killed stayed there for ever."""
    shutil.rmtree(place.backups)
    place.keys.unlink()
    now = place.copied(tmp_path / "now")
    steps = steps_of(now.folder, lambda: now.back_up(LATE))
    for step in tried(steps, rng, how):
        place.copied(now.folder)
        kill_before(step, now.folder, lambda: now.back_up(LATE))
        now.whole()
        now.back_up(LATE + 1)
        now.open()
        assert not [name for name in now.names() if "/." in f"/{name}"], step
        assert now.whole() == len(backup.snapshots(now.backups))


@HOW
@pytest.mark.timeout(3000)
def test_a_restore_that_is_killed_makes_no_home_or_a_whole_one(
    place: Place, tmp_path: Path, rng: random.Random, how: str
) -> None:
    place.back_up(LATE)
    now = place.copied(tmp_path / "now")
    steps = steps_of(now.folder, now.restore)
    done = now.names()
    for step in tried(steps, rng, how):
        place.copied(now.folder)
        kill_before(step, now.folder, now.restore)
        if not (now.folder / "again").exists():
            now.restore()
        assert now.names() == done, step
        with Desk(now.folder / "again") as desk:
            assert desk.get(place.kept) == place.content


def test_what_is_restored_is_on_the_disk_before_it_has_its_name(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a loss of power the home bore its name, and its keyring and settings were empty."""
    place.back_up(LATE)
    durable, real = set[int](), system.fsync
    lacking: list[list[str]] = []

    def fsync(fd: int) -> None:
        durable.add(os.fstat(fd).st_ino)
        real(fd)

    def replace(source: Path, target: Path) -> None:
        if target.name == "again":
            lacking.append(
                [one.name for one in source.rglob("*") if one.stat().st_ino not in durable]
            )
        source.replace(target)

    monkeypatch.setattr(system, "fsync", fsync)
    monkeypatch.setattr(system, "replace", replace)
    place.restore()
    assert lacking == [[]]
