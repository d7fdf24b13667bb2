"""Blocks that a disk altered and whose index was then lost: a disposal takes them along, or says that
something may be left; what is to be kept stays for repair.
"""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger import system
from ledger.adapters.filelock import FileLock
from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.adapters.ipfs.read_only_blocks import LocalBlockView
from ledger.domain.ipld import car
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block

PACK = "pack-000000.car"
Harm = Callable[[bytearray, int], None]  # a pack, and where the CID of the block begins


@pytest.fixture
def blocks(rng: random.Random) -> list[Block]:
    return [Block(cids.of(data), data) for data in map(rng.randbytes, [2000] * 4)]


def stored(folder: Path, blocks: list[Block]) -> list[bytes]:
    with closing(LocalBlockStore(folder)) as store:
        store.put(blocks)
    return [block.cid for block in blocks]


def harm(folder: Path, block: Block, how: Harm) -> None:
    """Damage a block, and lose the index."""
    pack = bytearray((folder / PACK).read_bytes())
    how(pack, pack.index(block.cid))
    (folder / PACK).write_bytes(pack)
    for path in folder.glob("index.sqlite*"):
        path.unlink()


def data(pack: bytearray, at: int) -> None:
    pack[at + 1000] ^= 1


def shorter(pack: bytearray, at: int) -> None:
    pack[at - 1] ^= 1 << 3


def longer(pack: bytearray, at: int) -> None:
    pack[at - 1] ^= 1 << 6


def version(pack: bytearray, at: int) -> None:
    pack[at] ^= 1


def name(pack: bytearray, at: int) -> None:
    pack[at + 20] ^= 1


def sector(pack: bytearray, at: int) -> None:
    pack[at - 2 : at + 600] = bytes(602)


def on_disk(folder: Path, block: Block) -> bool:
    return any(block.data[700:900] in path.read_bytes() for path in folder.glob("pack-*.car"))


def lingering(folder: Path, store: LocalBlockStore, wanted: list[bytes]) -> list[bytes]:
    with closing(LocalBlockView(folder)) as view:
        assert view.lingering(wanted) == store.lingering(wanted)
    return store.lingering(wanted)


@pytest.mark.parametrize("number", [1, 3], ids=["middle", "last"])
@pytest.mark.parametrize("how", [data, shorter, longer, version, name])
def test_a_disposal_takes_a_damaged_block_along_of_which_no_index_knows(
    tmp_path: Path, blocks: list[Block], how: Harm, number: int
) -> None:
    """It counted as destroyed, and the certificate said so, while the ciphertext lay in its pack."""
    gone = blocks.pop(number)
    kept = stored(tmp_path, [*blocks[:number], gone, *blocks[number:]])
    kept.remove(gone.cid)
    harm(tmp_path, gone, how)
    with closing(LocalBlockStore(tmp_path)) as store:
        in_use = FileLock(tmp_path / "packs.lock", what="the packs")
        store.discard([gone.cid], kept=kept)
        assert on_disk(tmp_path, gone)
        assert store.lingering([gone.cid]) == [gone.cid]
        assert not store.holds_only(kept)
        in_use.release()
    with closing(LocalBlockStore(tmp_path)) as store:
        assert lingering(tmp_path, store, [*kept, gone.cid]) == [*kept, gone.cid]
        store.discard([gone.cid], kept=kept)
        assert not on_disk(tmp_path, gone)
        assert lingering(tmp_path, store, [*kept, gone.cid]) == kept
        assert store.holds_only(kept)
        assert [store.get(block.cid) for block in blocks] == [block.data for block in blocks]


@pytest.mark.parametrize("how", [data, shorter, longer, version, name, sector])
def test_a_damaged_block_that_is_to_be_kept_stays_and_anything_may_be_left_until_it_is_repaired(
    tmp_path: Path, blocks: list[Block], how: Harm
) -> None:
    every = stored(tmp_path, blocks)
    harm(tmp_path, blocks[1], how)
    with closing(LocalBlockStore(tmp_path)) as store:
        store.discard(every[3:], kept=every[:3])
        assert on_disk(tmp_path, blocks[1])
        assert lingering(tmp_path, store, every[3:]) == every[3:]
        assert store.lingering(every[1:2]) == every[1:2]
        store.put(blocks[1:2])
        store.discard(every[3:], kept=every[:3])
        left = how is sector  # whose that was nobody can tell
        assert lingering(tmp_path, store, every[3:]) == (every[3:] if left else [])
        assert (tmp_path / PACK).exists() == left
        assert [store.get(block.cid) for block in blocks[:3]] == [it.data for it in blocks[:3]]


def test_the_only_good_bytes_of_a_block_stay_while_its_other_copy_is_damaged(
    tmp_path: Path, blocks: list[Block]
) -> None:
    every = stored(tmp_path, blocks)
    harm(tmp_path, blocks[1], name)
    with closing(LocalBlockStore(tmp_path, pack_limit=1000)) as store:
        store.put(blocks[1:2])
    [pack] = (path for path in tmp_path.glob("pack-*.car") if path.name != PACK)
    pack.write_bytes(pack.read_bytes()[:-1] + b"\x00")
    with closing(LocalBlockStore(tmp_path)) as store:
        store.discard(every[3:], kept=every[:3])
        assert on_disk(tmp_path, blocks[1])


@pytest.mark.parametrize("size", [60, 1500])
def test_what_a_torn_write_left_of_a_block_is_there_until_its_pack_goes(
    tmp_path: Path, blocks: list[Block], size: int
) -> None:
    kept = stored(tmp_path, blocks[:3])
    torn = blocks[3]
    with (tmp_path / PACK).open("ab") as file:
        file.write(car.section(torn)[:size])
    with closing(LocalBlockStore(tmp_path)) as store:
        assert lingering(tmp_path, store, [torn.cid]) == [torn.cid]
        assert not store.holds_only(kept)
        store.discard([torn.cid], kept=kept)
        assert lingering(tmp_path, store, [torn.cid]) == []
        assert store.holds_only(kept)


def test_zeros_that_a_crash_left_hold_nothing(tmp_path: Path, blocks: list[Block]) -> None:
    kept = stored(tmp_path, blocks[:3])
    with (tmp_path / PACK).open("ab") as file:
        file.write(bytes(3000))
    with closing(LocalBlockStore(tmp_path)) as store:
        assert lingering(tmp_path, store, [blocks[3].cid]) == []
        assert store.holds_only(kept)


def test_a_pack_that_the_disk_cannot_read_may_hold_anything_and_stops_nothing(
    tmp_path: Path, blocks: list[Block], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was said to be left, since nothing was read; and no other pack was compacted."""
    every = stored(tmp_path, blocks[:2])
    with closing(LocalBlockStore(tmp_path, pack_limit=1000)) as store:
        store.put(blocks[2:])
    harm(tmp_path, blocks[0], data)
    every += [block.cid for block in blocks[2:]]
    with closing(LocalBlockStore(tmp_path)) as store:
        real, bad = system.pread, (tmp_path / PACK).stat().st_ino

        def pread(fd: int, size: int, at: int) -> bytes:
            if size > 1000 and system.os.fstat(fd).st_ino == bad:
                raise OSError(errno.EIO, "Input/output error")
            return real(fd, size, at)

        monkeypatch.setattr(system, "pread", pread)
        store.discard(every[3:], kept=every[:3])
        assert not on_disk(tmp_path, blocks[3])
        assert store.lingering(every[3:]) == every[3:]
        assert not store.holds_only(every)
