"""One suite against every block store, then what only the one on disk must survive."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from ledger.adapters.ipfs import packfiles
from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.adapters.ipfs.tiered import TieredBlockStore
from ledger.adapters.memory import VolatileBlockStore
from ledger.domain.blocks.store import BlockStore, Replicas
from ledger.domain.codecs import varint
from ledger.domain.errors import (
    FormatError,
    LockedError,
    NotFoundError,
    StorageError,
    UnreadableError,
    VerificationError,
)
from ledger.domain.ipld import car
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block
from tests.support.kubo import Daemon


@pytest.fixture(params=["memory", "local", "tiered", "kubo"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlockStore]:
    """Each adapter; the Kubo daemon is a real one, with a repository of its own for each test."""
    with ExitStack() as stack:
        made: BlockStore
        if request.param == "memory":
            made = VolatileBlockStore()
        elif request.param == "local":
            made = LocalBlockStore(tmp_path / "blocks", pack_limit=100_000)
        elif request.param == "tiered":
            made = TieredBlockStore(
                LocalBlockStore(tmp_path / "blocks", pack_limit=100_000), Replicas()
            )
        else:
            made = stack.enter_context(Daemon(tmp_path / "kubo")).client()
        stack.callback(made.close)
        yield made


def block(rng: random.Random, size: int = 1000) -> Block:
    data = rng.randbytes(size)
    return Block(cids.of(data), data)


def test_what_is_put_is_got_once_however_often(store: BlockStore, rng: random.Random) -> None:
    blocks = [block(rng, rng.randrange(50_000)) for _ in range(20)]
    before, size = set(store.cids()), store.size()
    for given in (blocks[:10], blocks, blocks + blocks):
        store.put(given)
    assert [store.get(one.cid) for one in blocks] == [one.data for one in blocks]
    found = list(store.cids())
    assert len(found) == len(set(found))
    assert set(found) - before == {one.cid for one in blocks}
    assert store.size() - size >= sum(len(one.data) for one in blocks)


def test_missing_names_what_is_not_there_in_order(store: BlockStore, rng: random.Random) -> None:
    here, gone = block(rng), block(rng)
    store.put([here])
    assert store.missing([gone.cid, here.cid, gone.cid]) == [gone.cid, gone.cid]
    with pytest.raises(NotFoundError):
        store.get(gone.cid)


def test_a_block_that_does_not_hash_to_its_cid_is_refused(
    store: BlockStore, rng: random.Random
) -> None:
    one = block(rng)
    with pytest.raises(FormatError):
        store.put([Block(one.cid, one.data + b"x")])
    with pytest.raises(FormatError):
        store.put([Block(b"\x01\x55\x11\x14" + b"x" * 20, one.data)])
    assert store.missing([one.cid]) == [one.cid]


def test_the_empty_file_has_the_cid_that_every_ipfs_tool_gives_it(store: BlockStore) -> None:
    store.put([Block(cids.of(b""), b"")])
    assert (
        store.get(cids.from_text("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"))
        == b""
    )


def test_a_torn_pack_is_left_as_it_is_and_everything_acknowledged_is_there(
    tmp_path: Path, rng: random.Random
) -> None:
    blocks = [block(rng) for _ in range(5)]
    store = LocalBlockStore(tmp_path)
    store.put(blocks)
    store.close()
    pack = tmp_path / "pack-000000.car"
    whole = pack.read_bytes()
    extra = car.section(block(rng))
    for cut in range(1, len(extra), 97):
        pack.write_bytes(whole + extra[:cut])
        store = LocalBlockStore(tmp_path)
        assert [store.get(one.cid) for one in blocks] == [one.data for one in blocks]
        later = block(rng)
        store.put([later])
        assert store.get(later.cid) == later.data
        store.close()
        assert pack.read_bytes() == whole + extra[:cut], "written elsewhere"


@pytest.mark.parametrize("index", ["lost", "behind"])
def test_a_flipped_bit_takes_its_own_block_and_no_other_where_the_index_does_not_cover_it(
    tmp_path: Path, rng: random.Random, index: str
) -> None:
    """Whatever lies behind it was acknowledged: an index is not written through to the disk with
    each block.
    """
    blocks = [block(rng, size) for size in (1, 100, 4000, 300_000, 70, 0, 5000)]
    original = tmp_path / "original"
    store = LocalBlockStore(original)
    store.put(blocks[:1])
    early = {
        one: (original / one).read_bytes()
        for one in ("index.sqlite", "index.sqlite-wal")
        if (original / one).exists()
    }
    store.put(blocks[1:])
    store.close()
    whole = (original / "pack-000000.car").read_bytes()
    starts = [whole.index(car.section(one)) for one in blocks]
    for at in sorted(
        {*starts, *(start + 1 for start in starts), *(rng.randrange(len(whole)) for _ in range(60))}
    ):
        data = bytearray(whole)
        data[at] ^= 1 << rng.randrange(8)
        folder = tmp_path / f"{at}"
        folder.mkdir()
        (folder / "pack-000000.car").write_bytes(data)
        for name, content in early.items() if index == "behind" else ():
            (folder / name).write_bytes(content)
        store = LocalBlockStore(folder)
        hurt = [
            one
            for one, start in zip(blocks, starts, strict=True)
            if start <= at < start + len(car.section(one))
        ]
        assert [store.get(one.cid) for one in blocks if one not in hurt] == [
            one.data for one in blocks if one not in hurt
        ], at
        store.put(blocks)
        lost = [] if index == "behind" and at < starts[1] else blocks
        assert [store.get(missing.cid) for missing in lost] == [missing.data for missing in lost], (
            at
        )
        store.close()
        assert (folder / "pack-000000.car").read_bytes().startswith(data), (
            "nothing is cut or written over"
        )
        shutil.rmtree(folder)


def test_a_pack_that_is_gone_stops_no_compaction_and_its_number_is_not_used_again(
    tmp_path: Path, rng: random.Random
) -> None:
    blocks = [block(rng, 60_000) for _ in range(6)]
    store = LocalBlockStore(tmp_path, pack_limit=100_000)
    for one in blocks:
        store.put([one])
    store.close()
    packs = sorted(tmp_path.glob("pack-*.car"))
    for lost in (packs[0], packs[-1]):
        lost.unlink()
    store = LocalBlockStore(tmp_path, pack_limit=100_000)
    later = block(rng, 60_000)
    store.put([later])
    assert not packs[-1].exists()
    there = [one for one in blocks if _is_there(store, one)]
    assert 0 < len(there) < len(blocks)
    assert store.discard([there[0].cid], kept=()).blocks == 1
    assert store.get(later.cid) == later.data
    store.close()


def _is_there(store: LocalBlockStore, one: Block) -> bool:
    try:
        return bool(store.get(one.cid) == one.data)
    except (NotFoundError, UnreadableError):
        return False


def test_a_damaged_block_full_of_beginnings_of_others_costs_seconds(
    tmp_path: Path, rng: random.Random
) -> None:
    """Whoever gives us ciphertext chooses what it is."""
    beginning = varint.encode(512 << 10) + b"\x01\x55\x12\x20"
    data = beginning * ((1 << 20) // len(beginning))
    blocks = [block(rng), Block(cids.of(data), data), block(rng)]
    pack = bytearray(car.header([]) + b"".join(map(car.section, blocks)))
    pack[len(car.header([])) + len(car.section(blocks[0])) + 1] ^= 4  # its length
    (tmp_path / "pack-000000.car").write_bytes(pack)
    store = LocalBlockStore(tmp_path)
    assert store.get(blocks[0].cid) == blocks[0].data
    later = block(rng)
    store.put([later])
    assert (tmp_path / "pack-000000.car").read_bytes() == pack
    store.close()


def test_a_lost_index_is_built_again_from_the_packs(tmp_path: Path, rng: random.Random) -> None:
    blocks = [block(rng, 60_000) for _ in range(6)]
    store = LocalBlockStore(tmp_path, pack_limit=100_000)
    for one in blocks:
        store.put([one])
    store.close()
    for path in tmp_path.glob("index*"):
        path.unlink()
    store = LocalBlockStore(tmp_path, pack_limit=100_000)
    assert [store.get(one.cid) for one in blocks] == [one.data for one in blocks]
    assert len(list(tmp_path.glob("pack-*.car"))) > 1
    store.close()


def test_a_flipped_bit_a_cut_pack_and_a_lost_pack_are_told_apart(
    tmp_path: Path, rng: random.Random
) -> None:
    store = LocalBlockStore(tmp_path)
    one, two = block(rng), block(rng)
    store.put([one, two])
    pack = tmp_path / "pack-000000.car"
    data = bytearray(pack.read_bytes())
    data[-1] ^= 1
    pack.write_bytes(data)
    with pytest.raises(VerificationError):
        store.get(two.cid)
    pack.write_bytes(data[:-10])
    with pytest.raises(UnreadableError):
        store.get(two.cid)
    assert store.get(one.cid) == one.data
    store.close()


def test_a_full_disk_is_one_clear_error_and_a_retry_succeeds(
    tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalBlockStore(tmp_path)
    one, two = block(rng), block(rng)
    store.put([one])

    def full(*arguments: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwritev", full)
        with pytest.raises(StorageError, match="No space"):
            store.put([two])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError):
            store.put([two])
    assert store.missing([one.cid, two.cid]) == [two.cid]
    store.put([two])
    store.close()
    store = LocalBlockStore(tmp_path)
    assert (store.get(one.cid), store.get(two.cid)) == (one.data, two.data)
    store.close()


def test_a_store_has_one_process(tmp_path: Path) -> None:
    store = LocalBlockStore(tmp_path)
    with pytest.raises(LockedError):
        LocalBlockStore(tmp_path)
    store.close()


def test_more_packs_than_a_process_may_open_are_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store of a thousand packs kept each of them open, and every further read, upload and
    collection failed.
    """
    blocks = [Block(cids.of(data), data) for data in (bytes([number]) * 50 for number in range(20))]
    with closing(LocalBlockStore(tmp_path, pack_limit=1)) as store:
        for block in blocks:
            store.put([block])
        assert len(list(tmp_path.glob("pack-*.car"))) >= len(blocks)
    monkeypatch.setattr(packfiles, "_OPEN", 3)
    with closing(LocalBlockStore(tmp_path, pack_limit=1)) as store:
        before = len(os.listdir("/proc/self/fd"))
        assert [store.get(block.cid) for block in blocks] == [block.data for block in blocks]
        assert len(os.listdir("/proc/self/fd")) <= before + 3
        store.collect([block.cid for block in blocks[:5]], before=1 << 60)
        assert [store.get(block.cid) for block in blocks[:5]] == [each.data for each in blocks[:5]]
