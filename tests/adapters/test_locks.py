"""Files of locks that are no files, or may not be opened: told with what to do, and never followed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.node import clear_copies
from ledger.adapters import filelock
from ledger.adapters.filelock import FileLock
from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.app import settings
from ledger.domain.errors import LockedError, StorageError
from tests.support.commands import within


def folder(path: Path) -> None:
    path.mkdir(parents=True)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link(path: Path) -> None:
    path.symlink_to(path.with_name("precious"))


@pytest.mark.parametrize("laid", [folder, pipe, link])
def test_what_lies_in_the_place_of_a_lock_is_told_and_left_alone(
    tmp_path: Path, laid: Callable[[Path], None]
) -> None:
    """A link to the keyring emptied the keyring."""
    path, precious = tmp_path / "packs.lock", tmp_path / "precious"
    precious.write_bytes(b"precious")
    laid(path)
    with pytest.raises(StorageError, match=r"packs\.lock") as error:
        FileLock(path, what="the packs")
    assert "move away what lies there" in (error.value.hint or "")
    assert not isinstance(error.value, LockedError)
    assert precious.read_bytes() == b"precious"
    assert filelock.held(path) is None


def test_a_disk_without_locks_and_one_that_is_full_are_storage_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("portalocker.portalocker.LOCKER", "os.pwrite"):
        with monkeypatch.context() as patch:
            patch.setattr(name, fails)
            with pytest.raises(StorageError, match="No space left"):
                FileLock(tmp_path / "a.lock", what="a")
    FileLock(tmp_path / "a.lock", what="a").release()


def test_a_store_whose_packs_cannot_be_locked_says_so_and_stays_usable(tmp_path: Path) -> None:
    store = LocalBlockStore(tmp_path / "blocks")
    (tmp_path / "blocks" / "packs.lock").mkdir()
    with pytest.raises(StorageError, match="the packs cannot be locked"):
        store.collect([], before=0)
    shutil.rmtree(tmp_path / "blocks" / "packs.lock")
    assert store.collect([], before=0).freed == 0
    store.close()


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("blocks/packs.lock", "collect"),
        ("blocks/blocks.lock", "collect"),
        ("home.lock", "collect"),
        ("chain/chain.lock", "anchor"),
    ],
)
def test_a_command_says_which_lock_of_the_home_cannot_be_had(
    home_path: Path, name: str, command: str
) -> None:
    (home_path / name).unlink(missing_ok=True)
    (home_path / name).mkdir(parents=True)
    code, _, said = within(command, home=home_path)
    assert (code, "cannot be locked" in said, name in said) == (1, True, True), said


def test_a_lock_of_files_in_clear_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    (tmp_path / settings.CLEAR_LOCK).mkdir()
    with (
        pytest.raises(StorageError, match="files in clear cannot be locked"),
        clear_copies.folder(tmp_path),
    ):
        pass
    (tmp_path / ".copy-left").mkdir()
    with pytest.raises(StorageError, match="files in clear cannot be locked"):
        clear_copies.remove_leftovers(tmp_path)


def test_a_lock_of_another_version_is_seen_whichever_library_took_it(tmp_path: Path) -> None:
    import fcntl

    path = tmp_path / "home.lock"
    with path.open("w+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(LockedError, match="the home is in use"):
            FileLock(path, what="the home")
        fcntl.flock(other, fcntl.LOCK_UN)
        lock = FileLock(path, what="the home")
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        lock.release()


def test_those_who_share_a_lock_keep_out_whoever_wants_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "clear.lock"
    with filelock.used(path), filelock.used(path), filelock.unused(path) as free:
        assert not free
    with filelock.unused(path) as free:
        assert free
