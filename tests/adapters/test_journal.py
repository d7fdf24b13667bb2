"""Journals: what a disk took in part never counts, and what it confirmed never gets lost unnoticed."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters import filelock
from ledger.adapters.journal import FileJournal
from ledger.domain.errors import StorageError
from ledger.domain.files.custody_files import JOURNAL_MAGIC

KEY = bytes(range(32))


def read(folder: Path) -> list[dict[str, Any]]:
    journal = FileJournal(folder, KEY)
    try:
        return journal.leftovers()
    finally:
        journal.close()


def write(folder: Path, frames: int) -> tuple[Path, list[int]]:
    """A journal of so many frames of two records each; where each frame ends."""
    journal, ends = FileJournal(folder, KEY), []
    for number in range(frames):
        journal.append({"n": 2 * number})
        journal.append({"n": 2 * number + 1})
        journal.sync()
        ends.append(next(folder.iterdir()).stat().st_size)
    journal.close()
    return next(folder.iterdir()), ends


def test_a_journal_cut_at_any_byte_gives_whole_frames_and_nothing_of_the_torn_one(
    tmp_path: Path,
) -> None:
    path, ends = write(tmp_path, 3)
    data = path.read_bytes()
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        assert [one["n"] for one in read(tmp_path)] == list(
            range(2 * sum(end <= cut for end in ends))
        ), cut
    for cut in range(
        ends[1], len(data)
    ):  # a system that wrote the size of the file before the bytes
        path.write_bytes(data[:cut] + bytes(len(data) - cut))
        assert [one["n"] for one in read(tmp_path)] == [0, 1, 2, 3], cut


def test_damage_before_the_end_is_told_and_hides_nothing_behind_it(tmp_path: Path) -> None:
    path, ends = write(tmp_path, 3)
    data = path.read_bytes()
    for at in range(ends[1]):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(StorageError, match="damaged"):
            read(tmp_path)


def test_a_bit_that_a_disk_flipped_in_the_last_frame_is_no_torn_write(tmp_path: Path) -> None:
    """What was signed in the field and waited, alone, was not there any more; the next run that had
    nothing to do removed the file.
    """
    path, ends = write(tmp_path, 2)
    data = path.read_bytes()
    for at in range(ends[0], len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(StorageError, match="damaged"):
            read(tmp_path)
    assert path.exists()


@pytest.mark.parametrize("first", [0, 128])
def test_no_frame_ends_in_what_one_flipped_bit_makes_a_torn_write(
    tmp_path: Path, rng: random.Random, first: int
) -> None:
    """Once in 256 times a sealed frame ended in a zero, and one flipped bit hid all of it."""
    for number in range(first, first + 128):
        folder = tmp_path / str(number)
        folder.mkdir()
        path, _ = write(folder, 1)
        data = path.read_bytes()
        for at in (len(data) - 1, rng.randrange(len(JOURNAL_MAGIC) + 40, len(data))):
            for bit in range(8):
                path.write_bytes(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
                with pytest.raises(StorageError, match="damaged"):
                    read(folder)


def test_another_key_is_told_and_not_taken_for_an_empty_journal(tmp_path: Path) -> None:
    write(tmp_path, 1)
    journal = FileJournal(tmp_path, bytes(32))
    with pytest.raises(StorageError, match="other keys"):
        journal.leftovers()
    journal.close()


def test_a_short_write_is_written_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:7]))
    write(tmp_path, 2)
    monkeypatch.undo()
    assert [one["n"] for one in read(tmp_path)] == [0, 1, 2, 3]


def test_a_disk_that_is_full_in_the_middle_of_a_record_leaves_nothing_of_it_and_what_follows_counts(
    tmp_path: Path,
) -> None:
    journal = FileJournal(tmp_path, KEY)
    journal.append({"n": 0})
    journal.sync()
    path = next(tmp_path.iterdir())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, limits[1]))
    try:
        journal.append({"n": 1, "long": "x" * 1000})
        with pytest.raises(StorageError, match="could not be written"):
            journal.sync()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert [one["n"] for one in read_again(path)] == [0]
    journal.append({"n": 2})
    journal.sync()
    journal.close()
    assert [one["n"] for one in read(tmp_path)] == [0, 2]


def read_again(path: Path) -> list[dict[str, Any]]:
    """What another run would find, had this one died now."""
    return FileJournal(path.parent, KEY)._read(path, path.read_bytes())


def test_a_disk_that_does_not_confirm_is_not_believed_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = FileJournal(tmp_path, KEY)
    journal.append({"n": 0})
    journal.sync()

    def fail(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    journal.append({"n": 1})
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(StorageError):
            journal.sync()
    journal.append({"n": 2})
    with pytest.raises(
        StorageError, match="any more"
    ):  # the kernel may say yes now, and have lost it
        journal.sync()
    journal.close()
    assert [one["n"] for one in read(tmp_path)] == [0]


@pytest.mark.parametrize("ends", [False, True])
def test_a_run_that_looks_for_leftovers_takes_no_journal_away_that_is_just_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    """It removed the file with its own, and what the other run wrote from then on had no name: a
    crash lost it.
    """
    real, other = filelock.take, FileJournal(tmp_path, KEY)

    def late(fd: int, **how: bool) -> None:
        monkeypatch.setattr(filelock, "take", real)
        other.leftovers()
        if ends:
            other.finish()
        real(fd, **how)

    monkeypatch.setattr(filelock, "take", late)
    journal = FileJournal(tmp_path, KEY)
    journal.append({"n": 1})
    journal.sync()
    other.finish()
    journal.close()
    assert read(tmp_path) == [{"n": 1}]


def test_a_journal_whose_run_has_just_finished_is_not_gone_through_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was opened before its run removed it, and locked behind that: its upload was done anew."""
    real, run = filelock.take, FileJournal(tmp_path, KEY)
    run.append({"n": 1})
    run.sync()

    def late(fd: int, **how: bool) -> None:
        run.finish()
        real(fd, **how)

    monkeypatch.setattr(filelock, "take", late)
    other = FileJournal(tmp_path, KEY)
    assert other.leftovers() == []
    other.close()
