"""Random damage to a pack whose index is lost, with the bytes themselves as oracle: what is whole is
read, and nothing that belongs to anybody is compacted away.
"""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.domain.errors import CustodyError
from ledger.domain.ipld import car
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block

SIZES = (1, 40, 130, 2000, 17_000)
Spans = dict[bytes, tuple[int, int]]


def damage(rng: random.Random, data: bytearray, spans: Spans) -> None:
    """Flip a bit, write a byte, or zero some, in one to three places; heads are hit often."""
    for _ in range(rng.randint(1, 3)):
        begin, end = rng.choice(list(spans.values()))
        at = begin + rng.choice((rng.randrange(min(end - begin, 45)), rng.randrange(end - begin)))
        kind = rng.randrange(3)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.randrange(256)
        else:
            length = min(rng.randint(1, 64), end - at)
            data[at : at + length] = bytes(length)


def kept(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("pack-*.car")))


@pytest.mark.parametrize("seed", [43, *range(1000, 1060)])
def test_damage_in_several_blocks_and_a_lost_index_take_no_other_block(
    seed: int, tmp_path: Path
) -> None:
    """43: both last blocks lost their names, were taken for a torn write, and compacted away."""
    rng = random.Random(seed)
    count = rng.randint(3, 8)
    blocks = [
        Block(cids.of(data), data)
        for data in (rng.randbytes(rng.choice(SIZES)) for _ in range(count))
    ]
    with closing(LocalBlockStore(tmp_path)) as store:
        store.put(blocks)
    [pack] = tmp_path.glob("pack-*.car")
    data = bytearray(pack.read_bytes())
    before = bytes(data)
    spans: Spans = {}
    for block in blocks:
        begin = data.index(car.section(block))
        spans[block.cid] = (begin, begin + len(car.section(block)))
    damage(rng, data, spans)
    pack.write_bytes(data)
    for path in tmp_path.glob("index.sqlite*"):
        path.unlink()
    victim = rng.choice(blocks)
    left = [block for block in blocks if block is not victim]
    whole = {cid for cid, (begin, end) in spans.items() if data[begin:end] == before[begin:end]}
    with closing(LocalBlockStore(tmp_path)) as store:
        for block in blocks:
            if block.cid in whole:
                assert store.get(block.cid) == block.data
            else:
                with pytest.raises(CustodyError):
                    store.get(block.cid)
        store.discard([victim.cid], kept=[block.cid for block in left])
        for block in left:
            begin, end = spans[block.cid]
            if block.cid in whole:
                assert store.get(block.cid) == block.data
            else:
                assert data[(begin + end) // 2 : end] in kept(tmp_path)
