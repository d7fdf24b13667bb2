"""Ends of packs: a write that a crash tore is told apart from blocks that a disk altered, and a pack
that was cut is not read for ever.
"""

from __future__ import annotations

import os
import random
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.backup import packs
from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.adapters.ipfs.pack_sections import scan
from ledger.domain.ipld import car
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block

PACK = "pack-000000.car"


def stored(folder: Path, rng: random.Random, *sizes: int) -> list[Block]:
    blocks = [Block(cids.of(data), data) for data in map(rng.randbytes, sizes)]
    with closing(LocalBlockStore(folder)) as store:
        store.put(blocks)
    return blocks


def alter(folder: Path, block: Block, at: int, *, value: int) -> None:
    """Set bits of one byte, counted from the CID of a block, and lose the index."""
    pack = bytearray((folder / PACK).read_bytes())
    pack[pack.index(block.cid) + at] ^= value
    (folder / PACK).write_bytes(pack)
    for path in folder.glob("index.sqlite*"):
        path.unlink()


@pytest.mark.parametrize(
    ("at", "value"),
    [(-1, 0x70), (-1, 0x01), (-2, 0x80), (-2, 0x04), (0, 2), (1, 1), (20, 1), (500, 1)],
    ids=["longer", "other", "short", "less", "version", "codec", "name", "data"],
)
def test_an_altered_last_block_is_no_torn_write_and_is_not_compacted_away(
    tmp_path: Path, rng: random.Random, at: int, value: int
) -> None:
    """Where the length was altered upwards, a compaction gave up bytes that were good."""
    blocks = stored(tmp_path, rng, 2000, 2000, 2000)
    alter(tmp_path, blocks[2], at, value=value)
    with closing(LocalBlockStore(tmp_path)) as store:
        store.discard([blocks[0].cid], kept=[blocks[1].cid, blocks[2].cid])
        assert store.get(blocks[1].cid) == blocks[1].data
    assert blocks[2].data[600:] in (tmp_path / PACK).read_bytes()


@pytest.mark.parametrize("at", [-1, 1, 20, 100])
@pytest.mark.parametrize("last", [-1, 20, 100])
def test_two_altered_blocks_at_the_end_are_no_torn_write(
    tmp_path: Path, rng: random.Random, at: int, last: int
) -> None:
    blocks = stored(tmp_path, rng, 2000, 2000, 2000)
    alter(tmp_path, blocks[1], at, value=0x70)
    alter(tmp_path, blocks[2], last, value=0x70)
    with closing(LocalBlockStore(tmp_path)) as store:
        store.discard([blocks[0].cid], kept=[])
    assert blocks[1].data[200:] in (tmp_path / PACK).read_bytes()
    assert blocks[2].data[200:] in (tmp_path / PACK).read_bytes()


@pytest.mark.parametrize("size", [1, 30, 38, 500, 2037])
def test_a_pack_with_a_torn_write_is_compacted_and_the_torn_bytes_go(
    tmp_path: Path, rng: random.Random, size: int
) -> None:
    kept, gone = stored(tmp_path, rng, 2000, 2000)
    data = rng.randbytes(2000)
    with (tmp_path / PACK).open("ab") as file:
        file.write(car.section(Block(cids.of(data), data))[:size])
    with closing(LocalBlockStore(tmp_path)) as store:
        assert store.discard([gone.cid], kept=[kept.cid]).freed
        assert store.get(kept.cid) == kept.data
    assert not (tmp_path / PACK).exists()


def test_a_backup_ends_where_a_pack_was_cut_since_the_store_was_opened(
    tmp_path: Path, rng: random.Random
) -> None:
    """It searched for the next block behind the end of the file, for ever, and kept the packs."""
    stored(tmp_path / "home", rng, *[2000] * 8)
    (tmp_path / "backup").mkdir()
    known = packs.copy(tmp_path / "home", tmp_path / "backup", {}).packs
    os.truncate(tmp_path / "home" / PACK, 9000)
    for snapshots in (known, {}):
        assert packs.copy(tmp_path / "home", tmp_path / "backup", snapshots).lost == [PACK]
    with (tmp_path / "home" / PACK).open("rb") as file:
        places, _, whole = scan(file.fileno(), 0, 0, known[PACK])
    assert len(places) == 4
    assert not whole
