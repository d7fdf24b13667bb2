"""Collection and compaction: whatever is live can be read before, during and after, whenever the
process dies.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.adapters.ipfs.packindex import PackIndex
from ledger.adapters.memory import StoppedClock
from ledger.domain.errors import StorageError
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block

DAY = 86400


def blocks_of(rng: random.Random, count: int) -> list[Block]:
    return [
        Block(cids.of(data), data)
        for data in (rng.randbytes(rng.randrange(1, 30_000)) for _ in range(count))
    ]


def filled(
    path: Path, rng: random.Random, clock: StoppedClock
) -> tuple[LocalBlockStore, list[Block], list[Block]]:
    store = LocalBlockStore(path, pack_limit=100_000, clock=clock)
    made = blocks_of(rng, 40)
    for at in range(0, 40, 4):
        store.put(made[at : at + 4])
    rng.shuffle(made)
    return store, made[:25], made[25:]


def stored_bytes(path: Path) -> int:
    return sum(pack.stat().st_size for pack in path.glob("pack-*.car"))


def test_dead_blocks_go_and_their_bytes_with_them(tmp_path: Path, rng: random.Random) -> None:
    clock = StoppedClock(10 * DAY)
    store, live, dead = filled(tmp_path, rng, clock)
    clock.time += DAY
    before = stored_bytes(tmp_path)
    found = store.collect((one.cid for one in live), before=clock.time - 7200)
    assert (found.blocks, found.size) == (len(dead), sum(len(one.data) for one in dead))
    assert [store.get(one.cid) for one in live] == [one.data for one in live]
    assert store.missing([one.cid for one in dead]) == [one.cid for one in dead]
    # The pack that is written to now is among what is left; nothing of a dead block lies on the
    # disk any more.
    assert before - stored_bytes(tmp_path) >= found.size
    raw = b"".join(pack.read_bytes() for pack in tmp_path.glob("pack-*.car"))
    assert all(one.data not in raw for one in dead)
    assert store.collect((one.cid for one in live), before=clock.time).blocks == 0
    store.close()
    again = LocalBlockStore(tmp_path, pack_limit=100_000)
    assert [again.get(one.cid) for one in live] == [one.data for one in live]
    again.close()


def test_a_dry_run_counts_and_removes_nothing(tmp_path: Path, rng: random.Random) -> None:
    clock = StoppedClock(10 * DAY)
    store, live, dead = filled(tmp_path, rng, clock)
    clock.time += DAY
    assert store.collect((one.cid for one in live), before=clock.time, dry=True).blocks == len(dead)
    assert store.missing([one.cid for one in dead]) == []
    store.close()


def test_what_somebody_just_asked_for_is_not_collected(tmp_path: Path, rng: random.Random) -> None:
    """A resumed upload learns that the node has its blocks, and relies on it."""
    clock = StoppedClock(10 * DAY)
    store, live, dead = filled(tmp_path, rng, clock)
    clock.time += DAY
    assert store.missing([dead[0].cid]) == []
    store.collect((one.cid for one in live), before=clock.time - 7200)
    assert store.get(dead[0].cid) == dead[0].data
    assert store.missing([one.cid for one in dead[1:]]) == [one.cid for one in dead[1:]]
    store.close()


def test_a_damaged_live_block_keeps_its_pack_for_repair(tmp_path: Path, rng: random.Random) -> None:
    clock = StoppedClock(10 * DAY)
    store, live, _ = filled(tmp_path, rng, clock)
    place = store._index.find(live[0].cid)
    assert place is not None
    pack = tmp_path / f"pack-{place.pack:06}.car"
    data = bytearray(pack.read_bytes())
    data[place.at] ^= 1
    pack.write_bytes(data)
    clock.time += DAY
    store.collect((one.cid for one in live), before=clock.time)
    assert pack.exists()
    assert [store.get(one.cid) for one in live[1:]] == [one.data for one in live[1:]]
    store.close()


class Died(BaseException):
    """The process is gone."""


POINTS = ("_append", "_commit", "_drop", "_roll")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_step_of_compaction_loses_nothing_live(
    tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch, point: str, after: bool
) -> None:
    clock = StoppedClock(10 * DAY)
    store, live, dead = filled(tmp_path / "store", rng, clock)
    clock.time += DAY
    original = getattr(LocalBlockStore, point)
    for chosen in range(1, 100):
        calls = 0

        def dying(self: LocalBlockStore, *arguments: object, chosen: int = chosen) -> object:
            nonlocal calls
            calls += 1
            if calls == chosen and not after:
                raise Died
            result = original(self, *arguments)
            if calls == chosen:
                raise Died
            return result

        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        shutil.copytree(tmp_path / "store", tmp_path / "run")
        victim = LocalBlockStore(tmp_path / "run", pack_limit=100_000, clock=clock)
        try:
            with monkeypatch.context() as patch:
                patch.setattr(LocalBlockStore, point, dying)
                victim.collect((one.cid for one in live), before=clock.time)
            victim.close()
            finished = True
        except Died:
            finished = False
            shutil.rmtree(tmp_path / "disk", ignore_errors=True)
            shutil.copytree(
                tmp_path / "run", tmp_path / "disk"
            )  # what the disk held when the process died
            survivor = LocalBlockStore(tmp_path / "disk", pack_limit=100_000, clock=clock)
            assert [survivor.get(one.cid) for one in live] == [one.data for one in live]
            survivor.collect((one.cid for one in live), before=clock.time)
            assert [survivor.get(one.cid) for one in live] == [one.data for one in live]
            raw = b"".join(pack.read_bytes() for pack in (tmp_path / "disk").glob("pack-*.car"))
            assert all(one.data not in raw for one in dead)
            survivor.close()
            victim.close()
        if finished:
            assert chosen > 1, "the step never happened: this test tests nothing"
            break
    store.close()


def test_a_disk_that_fills_up_during_compaction_loses_nothing(
    tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = StoppedClock(10 * DAY)
    store, live, _ = filled(tmp_path, rng, clock)
    clock.time += DAY

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.pwritev", full)
        with pytest.raises(StorageError, match="No space"):
            store.collect((one.cid for one in live), before=clock.time)
    assert [store.get(one.cid) for one in live] == [one.data for one in live]
    store.collect((one.cid for one in live), before=clock.time)
    assert [store.get(one.cid) for one in live] == [one.data for one in live]
    store.close()


def test_a_pack_with_a_block_that_came_meanwhile_is_not_given_up(
    tmp_path: Path, rng: random.Random
) -> None:
    index = PackIndex(tmp_path)
    from ledger.adapters.ipfs.packindex import Place

    one = blocks_of(rng, 1)[0]
    index.remember([Place(one.cid, 3, 50, len(one.data))], 3, 100, now=1)
    assert not index.doom(3, 100)
    assert index.doomed() == []
    index.close()
