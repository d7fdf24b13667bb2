"""Blocks that lie in two packs, after a compaction was killed or an index was lost: no good copy goes
while the other one is damaged, and whoever reads gets the good one.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.ipfs import local, pack_sections
from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.adapters.ipfs.packfiles import PackFiles
from ledger.adapters.ipfs.packindex import Place
from ledger.adapters.ipfs.read_only_blocks import LocalBlockView
from ledger.domain.errors import UnreadableError, VerificationError
from ledger.domain.ipld import car
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block

LATE = 1 << 60


@pytest.fixture
def blocks(rng: random.Random) -> list[Block]:
    return [Block(cids.of(data), data) for data in (rng.randbytes(20_000) for _ in range(6))]


@pytest.fixture
def folder(tmp_path: Path, blocks: list[Block]) -> Path:
    """All of them in the first pack, three of them in the second one too, and no index."""
    written(tmp_path, 0, blocks)
    written(tmp_path, 1, blocks[:3])
    return tmp_path


def written(folder: Path, number: int, blocks: list[Block]) -> None:
    data = car.header([]) + b"".join(map(car.section, blocks))
    (folder / f"pack-{number:06}.car").write_bytes(data)


def damage(folder: Path, number: int, block: Block) -> None:
    pack = folder / f"pack-{number:06}.car"
    data = bytearray(pack.read_bytes())
    data[data.index(block.data) + 100] ^= 1
    pack.write_bytes(data)


def index(folder: Path) -> None:
    with closing(LocalBlockStore(folder)):
        pass


def test_a_pack_goes_only_when_what_it_holds_is_good_where_it_lies_besides(
    folder: Path, blocks: list[Block]
) -> None:
    index(folder)
    damage(folder, 0, blocks[1])
    with closing(LocalBlockStore(folder)) as store:
        for _ in range(2):
            store.collect([block.cid for block in blocks], before=LATE)
        assert [store.get(block.cid) for block in blocks] == [block.data for block in blocks]
    with closing(LocalBlockStore(folder)) as store:
        assert [store.get(block.cid) for block in blocks] == [block.data for block in blocks]
    assert not (folder / "pack-000001.car").exists()


def test_a_damaged_copy_that_lies_in_the_pack_of_the_good_one_is_not_what_is_kept(
    tmp_path: Path, blocks: list[Block]
) -> None:
    written(tmp_path, 0, [*blocks, *blocks[:2]])
    index(tmp_path)
    damage(tmp_path, 0, blocks[1])
    with closing(LocalBlockStore(tmp_path)) as store:
        store.collect([block.cid for block in blocks], before=LATE)
        assert [store.get(block.cid) for block in blocks] == [block.data for block in blocks]


def test_a_reader_gets_the_good_copy_whichever_is_damaged(
    folder: Path, blocks: list[Block]
) -> None:
    index(folder)
    damage(folder, 0, blocks[0])
    damage(folder, 1, blocks[2])
    with closing(LocalBlockView(folder)) as view:
        assert [view.get(block.cid) for block in blocks] == [block.data for block in blocks]
    with closing(LocalBlockStore(folder)) as store:
        assert [store.get(block.cid) for block in blocks] == [block.data for block in blocks]


def test_two_damaged_copies_stay_for_repair_and_good_ones_go_on(
    folder: Path, blocks: list[Block]
) -> None:
    index(folder)
    damage(folder, 0, blocks[1])
    damage(folder, 1, blocks[1])
    with closing(LocalBlockStore(folder)) as store:
        store.collect([block.cid for block in blocks], before=LATE)
        with pytest.raises(VerificationError):
            store.get(blocks[1].cid)
        assert len(list(folder.glob("pack-*.car"))) == 3
        assert [store.get(one.cid) for one in (blocks[0], *blocks[2:])] == [
            one.data for one in (blocks[0], *blocks[2:])
        ]


def test_a_copy_in_a_pack_that_is_about_to_go_takes_over_from_none(
    folder: Path, blocks: list[Block], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody reads a block in the moment in which its old pack goes, and the disk fails them."""
    [one] = blocks[4:5]
    dropped = LocalBlockStore._drop

    def dropping(self: LocalBlockStore, number: int) -> None:
        if number == 0:
            with monkeypatch.context() as failing:
                failing.setattr(PackFiles, "read", unread)
                with pytest.raises(UnreadableError):
                    self.get(one.cid)
        dropped(self, number)

    index(folder)
    monkeypatch.setattr(LocalBlockStore, "_drop", dropping)
    original, asked = PackFiles.read, []

    def unread(self: PackFiles, place: Place) -> bytes:
        asked.append(place)
        if len(asked) == 1:
            raise UnreadableError("input/output error")
        return original(self, place)

    with closing(LocalBlockStore(folder)) as store:
        store.collect([each.cid for each in blocks[1:]], before=LATE)
        assert asked
        assert store.get(one.cid) == one.data


def test_a_copy_of_what_was_given_up_answers_nobody(folder: Path, blocks: list[Block]) -> None:
    with closing(LocalBlockStore(folder)) as store:
        store.discard([blocks[0].cid], kept=())
        assert store.missing([blocks[0].cid]) == [blocks[0].cid]
    raw = b"".join(path.read_bytes() for path in folder.glob("pack-*.car"))
    assert blocks[0].data not in raw


def test_a_collection_hashes_twice_only_what_lies_twice(
    tmp_path: Path, blocks: list[Block], monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, 0, blocks)
    written(tmp_path, 1, blocks[:1])
    read: Counter[bytes] = Counter()
    original = pack_sections.checked

    def counted(cid: bytes, data: bytes, place: Place) -> bytes:
        read[cid] += 1
        return original(cid, data, place)

    index(tmp_path)
    monkeypatch.setattr(local, "checked", counted)
    with closing(LocalBlockStore(tmp_path)) as store:
        store.collect([block.cid for block in blocks[:4]], before=LATE)
    assert [read[block.cid] for block in blocks] == [2, 1, 1, 1, 0, 0]
