"""Each backup compares one copy of a pack whole, in turn: nothing keeps one of them from its turn."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.backup import packs
from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block

PACKS = 4


@pytest.fixture
def home(tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with several packs, of which a backup compares only the ends."""
    monkeypatch.setattr(packs, "CHUNK", 1000)
    (tmp_path / "backup").mkdir()
    with closing(LocalBlockStore(tmp_path / "home", pack_limit=8000)) as store:
        for data in map(rng.randbytes, [3000] * 3 * PACKS):
            store.put([Block(cids.of(data), data)])
    return tmp_path / "home"


def no_times(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "utime", refuse)


def clock_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes back between two looks, as where each start begins at the same time."""
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    monkeypatch.setattr(time, "time_ns", lambda: 2000 * 10**9)


def coarse_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a stick with FAT: of two seconds each."""
    real = os.utime

    def utime(path: Path, ns: tuple[int, int]) -> None:
        real(path, ns=tuple(value // 2_000_000_000 * 2_000_000_000 for value in ns))

    monkeypatch.setattr(os, "utime", utime)


@pytest.mark.parametrize("medium", [no_times, clock_behind, coarse_times])
def test_every_copy_is_compared_in_turn_whatever_clocks_and_media_say(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, medium: Callable[..., None]
) -> None:
    """One copy was compared in each backup, and no other one ever was."""
    folder = tmp_path / "backup"
    known = packs.copy(home, folder, {}).packs
    assert len(known) == PACKS
    medium(monkeypatch)
    last = max(folder.glob("pack-*.car"))
    data = bytearray(last.read_bytes())
    data[500] ^= 1
    for attempt in range(3):
        with last.open("r+b") as file:
            file.write(data)
        mended = [packs.copy(home, folder, known).mended for _ in known]
        assert [name for names in mended for name in names] == [last.name], attempt


def test_a_pack_that_was_cut_at_home_keeps_no_other_one_from_its_turn(
    home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    known = packs.copy(home, folder, {}).packs
    first, *others = sorted(known)
    for name in others:
        data = bytearray((folder / name).read_bytes())
        data[500] ^= 1
        (folder / name).write_bytes(data)
    os.utime(folder / first, (1, 1))
    os.truncate(home / first, 5000)
    mended = [packs.copy(home, folder, known).mended for _ in known]
    assert sorted(name for names in mended for name in names) == others
