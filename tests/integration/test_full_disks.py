"""A disk without space, told as what it is: whoever reads of an error of the disk restores a backup."""

from __future__ import annotations

import errno
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from ledger.adapters.backup import packs
from ledger.adapters.backup.keys import BackupKeys
from ledger.adapters.chain.local import LocalChain
from ledger.adapters.clock import SystemClock
from ledger.adapters.filelock import FileLock
from ledger.adapters.full_disk import told
from ledger.app import bootstrap
from ledger.domain.errors import CustodyError, StorageError, UnreadableError
from tests.support.backups import make, recorded
from tests.support.commands import settings_of_commands, within
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


SCRIPT = """
room() { mount -o "remount,size=$1" "$DISK"; }
run() { "$PYTHON" -m cli "$@" 2>&1; echo "exit $?"; }
backup() { run --home "$HOME_OF_ITEMS" backup "$1" --keys "$2"; }
mount -t tmpfs -o size=100k none "$DISK" || exit 9
"""


def on_a_small_disk(tmp_path: Path, home: Path, script: str) -> list[str]:
    """What commands say that are run where a small disk is attached, in order. Skipped, with the
    reason, where the system lets nobody attach one: asked for by itself, so that nothing of what
    is tested is taken for that.
    """
    (tmp_path / "disk").mkdir()
    attach = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", str(tmp_path / "disk")]
    if subprocess.run(attach, capture_output=True, check=False).returncode != 0:
        pytest.skip("the system lets nobody attach a disk")
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", SCRIPT + script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={
            **settings_of_commands(),
            "PYTHON": sys.executable,
            "DISK": str(tmp_path / "disk"),
            "HOME_OF_ITEMS": str(home),
        },
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return re.split(r"(?<=exit \d)\n", done.stdout.strip())


@pytest.mark.timeout(300)
def test_a_backup_onto_a_full_disk_leaves_nothing_whole_and_goes_on_once_there_is_room(
    home_path: Path, tmp_path: Path, rng: random.Random
) -> None:
    """Of a disk that was full it said "check disk and permissions", in a restore too."""
    recorded(home_path, tmp_path, rng, 300_000)
    script = """
        backup "$DISK/b" "$PWD/keys"
        ls -A "$DISK/b/snapshots"
        room 700k; backup "$DISK/b" "$PWD/keys"
        ls -A "$DISK/b/snapshots"
        room 20m; backup "$DISK/b" "$PWD/keys"
        run --home "$PWD/again" restore "$DISK/b" --keys "$PWD/keys"
        room 1300k; run --home "$DISK/again" restore "$DISK/b" --keys "$PWD/keys"
        ls -A "$DISK"
    """
    database, pack, good, again, beside, left = on_a_small_disk(tmp_path, home_path, script)
    whats = ("disk is full", "No space left on device", "No space left on device")
    for said, what in zip((database, pack, beside), whats, strict=True):
        assert said.startswith("custody: ")  # and nothing was left of a snapshot
        assert what in said
        assert re.search(r"make room on (that|the) disk", said)
        assert said.endswith("exit 1")
    assert left == "b"
    assert good.endswith("exit 0")
    assert again.endswith("exit 0")


@pytest.mark.timeout(300)
def test_nothing_is_opened_for_a_folder_that_cannot_be_written_or_a_disk_that_is_full(
    home_path: Path, tmp_path: Path, rng: random.Random
) -> None:
    """Accesses were signed for content that could never be written, one for each item, and the
    error named a file of custody's own and not them.
    """
    one, two = recorded(home_path, tmp_path, rng, 300_000, 300_001)
    script = f"""
        get() {{ run --home "$HOME_OF_ITEMS" get "$@" --basis why; }}
        mkdir "$DISK/d"; mount -o remount,ro "$DISK"
        get {one} -o "$DISK/d"
        get {one} {two} -o "$DISK/d"
        run --home "$HOME_OF_ITEMS" court {one} -o "$DISK/d" --basis why
        mount -o remount,rw "$DISK"
        get {one} -o "$DISK/d"
        get {one} {two} -o "$DISK/d"
    """
    *refused, full, many = on_a_small_disk(tmp_path, home_path, script)
    for said in refused:
        assert re.search(r"cannot write into \S+: Read-only file system\n", said), said
        assert "signed" not in said
        assert said.endswith("exit 1")
    for said, untried in ((full, False), (many, True)):
        assert f"{one}: NOT THERE: No space left on device" in said
        assert "your access was signed and recorded" in said
        assert ("1 item not tried any more" in said) == untried
        assert said.endswith("exit 3")
    with Desk(home_path) as desk:
        assert len(list(desk.client.events(one))) == 3
        assert len(list(desk.client.events(two))) == 1


@pytest.mark.parametrize("kind", [StorageError, UnreadableError])
def test_what_is_derived_again_on_a_full_disk_blames_no_snapshot(
    tmp_path: Path, kind: type[CustodyError]
) -> None:
    """A restore that found no space while it opened the chain said "choose another snapshot"."""
    found = f"could not be read: no space is left on the disk of {tmp_path}: the chain"
    with pytest.raises(StorageError, match=r"^could not be read") as caught, told(tmp_path / "new"):
        raise kind(found, hint="choose another snapshot")
    assert "make room on that disk" in (caught.value.hint or "")
