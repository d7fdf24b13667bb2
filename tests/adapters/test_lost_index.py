"""An index that lost rows, or says what is not so: a cache, which never makes evidence go."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.backup import packs
from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.adapters.ipfs.read_only_blocks import LocalBlockView
from ledger.domain.errors import NotFoundError
from ledger.domain.ipld import car
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block


def block(rng: random.Random, size: int = 20_000) -> Block:
    data = rng.randbytes(size)
    return Block(cids.of(data), data)


def edited(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "index.sqlite", isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


@pytest.fixture
def blocks(rng: random.Random) -> list[Block]:
    return [block(rng) for _ in range(6)]


@pytest.fixture
def folder(tmp_path: Path, blocks: list[Block]) -> Path:
    with closing(LocalBlockStore(tmp_path / "blocks")) as store:
        store.put(blocks)
    return tmp_path / "blocks"


def test_a_flipped_bit_that_dooms_a_pack_removes_nothing(folder: Path, blocks: list[Block]) -> None:
    edited(folder, "UPDATE packs SET doomed = 1")
    with closing(LocalBlockStore(folder)) as store:
        assert [store.get(one.cid) for one in blocks] == [one.data for one in blocks]


@pytest.mark.parametrize("lost", ["at > 30000", "1"])
def test_a_collection_gives_up_no_block_whose_row_is_lost(
    folder: Path, blocks: list[Block], lost: str
) -> None:
    edited(folder, f"DELETE FROM place WHERE {lost}")
    with closing(LocalBlockStore(folder)) as store:
        store.put([block(random.Random(1))])
        store.collect([one.cid for one in blocks], before=1 << 60)
        assert [store.get(one.cid) for one in blocks] == [one.data for one in blocks]


def test_what_is_dead_goes_though_a_row_of_another_is_lost(
    folder: Path, blocks: list[Block]
) -> None:
    live = [one.cid for one in blocks[1:]]
    with closing(LocalBlockStore(folder)) as store:
        assert store.collect(live, before=1 << 60).blocks == 1
        assert store.missing([blocks[0].cid]) == [blocks[0].cid]
    assert blocks[0].data not in b"".join(path.read_bytes() for path in folder.glob("pack-*.car"))
    edited(folder, "DELETE FROM place WHERE at > 60000")
    with closing(LocalBlockStore(folder)) as store:
        store.collect(live[:-1], before=0)
        assert [store.get(cid) for cid in live] == [one.data for one in blocks[1:]]


def test_a_damaged_block_of_which_the_index_knows_nothing_stays_for_repair(
    folder: Path, blocks: list[Block]
) -> None:
    [pack] = folder.glob("pack-*.car")
    data = bytearray(pack.read_bytes())
    at = data.index(blocks[2].data)
    data[at + 100] ^= 1
    pack.write_bytes(data)
    for path in folder.glob("index.sqlite*"):
        path.unlink()
    with closing(LocalBlockStore(folder)) as store:
        live = [one.cid for one in blocks[1:]]
        store.collect(live, before=1 << 60)
        damaged = bytes(data[at : at + len(blocks[2].data)])
        assert damaged in b"".join(path.read_bytes() for path in folder.glob("pack-*.car"))


@pytest.mark.parametrize("size", [0, 5_000])
def test_blocks_of_a_pack_that_was_cut_or_removed_are_missing_and_are_stored_again(
    folder: Path, blocks: list[Block], size: int
) -> None:
    """The index alone was asked: everything was there, and nobody sent it again."""
    [pack] = folder.glob("pack-*.car")
    if size:
        os.truncate(pack, size)
    else:
        pack.unlink()
    wanted = [one.cid for one in blocks]
    with closing(LocalBlockView(folder)) as view:
        assert view.missing(wanted) == wanted
    with closing(LocalBlockStore(folder)) as store:
        assert store.missing(wanted) == wanted
        with pytest.raises(NotFoundError, match="is not stored here"):
            store.get(wanted[0])
        store.put(blocks)
        assert not store.missing(wanted)
        assert [store.get(one.cid) for one in blocks] == [one.data for one in blocks]
    with closing(LocalBlockStore(folder)) as store:
        assert [store.get(one.cid) for one in blocks] == [one.data for one in blocks]


def test_a_block_that_was_given_up_and_stored_again_is_accounted_for_once(
    folder: Path, blocks: list[Block]
) -> None:
    with closing(LocalBlockStore(folder)) as store:
        for _ in range(3):
            store.collect([one.cid for one in blocks[1:]], before=1 << 60)
            store.put(blocks[:1])
        assert [store.get(one.cid) for one in blocks] == [one.data for one in blocks]


def test_an_index_that_is_older_than_the_packs_calls_no_only_copy_dead(
    folder: Path, blocks: list[Block], tmp_path: Path
) -> None:
    """Power was lost: the old pack was gone from the disk, the index that said so was not on it."""
    live = [one.cid for one in blocks[1:]]
    old = Path(shutil.copytree(folder, tmp_path / "old"))
    with closing(LocalBlockStore(folder)) as store:
        store.collect(live, before=1 << 60)
    for path in folder.glob("index.sqlite*"):
        path.unlink()
    for path in old.glob("index.sqlite*"):
        shutil.copy(path, folder / path.name)
    for _ in range(2):
        with closing(LocalBlockStore(folder)) as store:
            store.collect(live, before=1 << 60)
            assert [store.get(cid) for cid in live] == [one.data for one in blocks[1:]]


@pytest.mark.parametrize("cut", ["gone", "at a block", "within a block"])
def test_a_pack_that_was_lost_and_stored_again_stops_no_backup(
    folder: Path, blocks: list[Block], tmp_path: Path, cut: str
) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    with closing(LocalBlockStore(folder)) as store:
        places = [store._index.find(one.cid) for one in blocks]
    [pack] = folder.glob("pack-*.car")
    ends = {"at a block": places[3].at + places[3].size, "within a block": places[3].at + 9}
    if cut == "gone":
        pack.unlink()
    else:
        os.truncate(pack, ends[cut])
    with closing(LocalBlockStore(folder)) as store:
        store.put(blocks)
        store.collect([one.cid for one in blocks], before=0)
        packs.copy(folder, backups, {})
        assert [store.get(one.cid) for one in blocks] == [one.data for one in blocks]


def test_a_pack_whose_header_was_torn_is_begun_anew(folder: Path, blocks: list[Block]) -> None:
    """Blocks were written behind the torn beginning: no IPFS tool could read that pack."""
    (folder / "pack-000001.car").write_bytes(car.header([])[:7])
    more = [block(random.Random(2))]
    with closing(LocalBlockStore(folder)) as store:
        store.put(more)
        assert [store.get(one.cid) for one in blocks + more] == [one.data for one in blocks + more]
    assert (folder / "pack-000001.car").read_bytes().startswith(car.header([]))


@pytest.mark.parametrize("harm", ["removed", "cut"])
def test_an_older_index_that_comes_back_after_index_and_newest_pack_were_lost_hides_no_block(
    tmp_path: Path, rng: random.Random, harm: str
) -> None:
    """The number of the lost pack was given again: what lay in the new one was at no place that the
    older index knew, and the next collection destroyed it.
    """
    folder, kept = tmp_path / "blocks", tmp_path / "older"
    kept.mkdir()
    earlier, later = ([block(rng) for _ in range(count)] for count in (12, 4))
    with closing(LocalBlockStore(folder, pack_limit=60_000)) as store:
        for one in earlier:
            store.put([one])
    for path in folder.glob("index.sqlite*"):
        shutil.move(path, kept / path.name)
    newest = max(folder.glob("pack-*.car"))
    if harm == "removed":
        newest.unlink()
    else:
        os.truncate(newest, 20_000)
    with closing(LocalBlockStore(folder, pack_limit=60_000)) as store:
        for one in later:
            store.put([one])
    for path in folder.glob("index.sqlite*"):
        path.unlink()
    for path in kept.iterdir():
        shutil.copy(path, folder / path.name)
    with closing(LocalBlockStore(folder, pack_limit=60_000)) as store:
        store.collect([one.cid for one in (*earlier[:9], *later)], before=1 << 60)
        assert [store.get(one.cid) for one in later] == [one.data for one in later]
        assert [store.get(one.cid) for one in earlier[:9]] == [one.data for one in earlier[:9]]
