"""An index of the packs that is damaged: a cache, which is set aside and built again. It makes no
evidence go, and says nothing of evidence.
"""

from __future__ import annotations

import logging
import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.ipfs.index_view import read_packs
from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.adapters.ipfs.packindex import PackIndex
from ledger.adapters.ipfs.read_only_blocks import LocalBlockView
from ledger.adapters.ipfs.recovery import ASIDE
from ledger.adapters.ipfs.tiered import TieredBlockStore
from ledger.domain.blocks.store import Replicas
from ledger.domain.errors import StorageError
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block

LATE = 1 << 60
PAGE = 4096


@pytest.fixture
def blocks(rng: random.Random) -> list[Block]:
    return [Block(cids.of(data), data) for data in (rng.randbytes(2000) for _ in range(80))]


@pytest.fixture
def folder(tmp_path: Path, blocks: list[Block]) -> Path:
    """In packs of a few blocks each, so that most may be compacted."""
    with closing(LocalBlockStore(tmp_path, pack_limit=30_000)) as store:
        for start in range(0, len(blocks), 16):
            store.put(blocks[start : start + 16])
    return tmp_path


def overwrite(folder: Path, at: int, data: bytes) -> None:
    with (folder / "index.sqlite").open("r+b") as file:
        file.seek(at)
        file.write(data)


def root(folder: Path, name: str) -> int:
    """Where the first page of a table or index of the file begins."""
    with closing(sqlite3.connect(folder / "index.sqlite")) as db:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        return int((db.execute(query, (name,)).fetchone()[0] - 1) * PAGE)


def leaf(folder: Path, name: str) -> int:
    """Where the first leaf of a table or index begins."""
    raw, at = (folder / "index.sqlite").read_bytes(), root(folder, name)
    while raw[at] in {2, 5}:  # an inner page
        cell = at + int.from_bytes(raw[at + 12 : at + 14], "big")
        at = (int.from_bytes(raw[cell : cell + 4], "big") - 1) * PAGE
    return at


def every(store: LocalBlockStore | TieredBlockStore, blocks: list[Block]) -> bool:
    return [store.get(block.cid) for block in blocks] == [block.data for block in blocks]


@pytest.mark.parametrize(
    "damaged", [b"", b"no database at all" * 300, b"SQLite format 3\0" + bytes(5000)]
)
def test_a_home_with_a_damaged_index_opens_and_says_that_it_was_built_again(
    folder: Path, blocks: list[Block], damaged: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    for path in folder.glob("index.sqlite-*"):
        path.unlink()
    (folder / "index.sqlite").write_bytes(damaged)
    with caplog.at_level(logging.WARNING), closing(LocalBlockStore(folder)) as store:
        assert every(store, blocks)
        store.put(blocks)
    if damaged:
        assert (folder / ASIDE).read_bytes() == damaged
        assert "is set aside" in caplog.text
    with closing(LocalBlockStore(folder)) as store:
        assert every(store, blocks)


def test_rows_that_a_flipped_bit_hides_make_no_pack_go(folder: Path, blocks: list[Block]) -> None:
    """The number of rows of a page: those behind it were not moved, and went with their pack."""
    at = leaf(folder, "place_pack")
    count = int.from_bytes((folder / "index.sqlite").read_bytes()[at + 3 : at + 5], "big")
    overwrite(folder, at + 3, (count - 8).to_bytes(2, "big"))
    live = [block for number, block in enumerate(blocks) if number % 5]
    with closing(LocalBlockStore(folder, pack_limit=30_000)) as store:
        with pytest.raises(StorageError, match="was damaged, and was built again"):
            store.collect([block.cid for block in live], before=LATE)
        store.collect([block.cid for block in live], before=LATE)
        assert every(store, live)


def test_a_place_that_was_altered_in_the_index_is_not_called_an_altered_block(
    folder: Path, blocks: list[Block]
) -> None:
    with closing(sqlite3.connect(folder / "index.sqlite")) as db:
        db.execute("UPDATE place SET at = at + 1 WHERE cid = ?", (blocks[3].cid,))
        db.execute("UPDATE place SET size = size - 8 WHERE cid = ?", (blocks[4].cid,))
        db.commit()
    with closing(LocalBlockStore(folder)) as store:
        assert every(store, blocks)


def test_a_block_whose_name_was_altered_in_the_index_is_not_called_missing(
    folder: Path, blocks: list[Block]
) -> None:
    raw, at = (folder / "index.sqlite").read_bytes(), leaf(folder, "place")
    place = raw.index(b"\x01\x55\x12\x20", at)
    overwrite(folder, place + 20, bytes([raw[place + 20] ^ 4]))
    [hidden] = [block for block in blocks if block.cid == raw[place : place + cids.SIZE]]
    with (
        closing(LocalBlockView(folder)) as view,
        pytest.raises(StorageError, match="index of the packs is damaged"),
    ):
        view.get(hidden.cid)
    with closing(TieredBlockStore(LocalBlockStore(folder), Replicas())) as store:
        assert every(store, blocks)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE packs SET doomed = 1", "UPDATE place SET pack = 99", "UPDATE place SET at = 1 << 40"],
)
def test_an_index_that_contradicts_itself_takes_nothing_with_it(
    folder: Path, blocks: list[Block], statement: str
) -> None:
    with closing(sqlite3.connect(folder / "index.sqlite")) as db:
        db.execute(statement)
        db.commit()
    with closing(LocalBlockStore(folder)) as store:
        assert every(store, blocks)


def test_a_link_or_pipe_in_the_place_of_the_index_is_not_opened(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "index.sqlite").unlink()
    (folder / "index.sqlite").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="is a link"):
        LocalBlockStore(folder)
    assert not (tmp_path / "elsewhere").exists()
    (folder / "index.sqlite").unlink()
    os.mkfifo(folder / "index.sqlite")
    for opens in (LocalBlockStore, LocalBlockView, read_packs):
        with pytest.raises(StorageError, match="is not a file"):
            opens(folder)


def test_an_index_that_is_damaged_while_the_store_is_open_is_built_again(
    folder: Path, blocks: list[Block], monkeypatch: pytest.MonkeyPatch
) -> None:
    def malformed(self: PackIndex, wanted: object, *, now: int) -> list[bytes]:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    with closing(LocalBlockStore(folder)) as store:
        with monkeypatch.context() as patch:
            patch.setattr(PackIndex, "missing", malformed)
            with pytest.raises(StorageError, match="was damaged, and was built again"):
                store.put(blocks[:1])
        assert every(store, blocks)
        assert not store.missing([block.cid for block in blocks])


@pytest.mark.parametrize("at", [0, 7, 15])
def test_the_pack_of_an_altered_block_stays_wherever_in_it_the_block_lies(
    tmp_path: Path, blocks: list[Block], at: int
) -> None:
    """The last block of a pack was taken for a write that a crash had torn, and went with it."""
    with closing(LocalBlockStore(tmp_path)) as store:
        store.put(blocks[:16])
    pack = tmp_path / "pack-000000.car"
    data = bytearray(pack.read_bytes())
    data[data.index(blocks[at].data) + 1000] ^= 1
    pack.write_bytes(data)
    altered = bytes(data[data.index(blocks[at].data[:1000]) :][:2000])
    for path in tmp_path.glob("index.sqlite*"):
        path.unlink()
    with closing(LocalBlockStore(tmp_path)) as store:
        gone = [block.cid for number, block in enumerate(blocks[:16]) if number not in (at, 3)]
        store.discard(gone, kept=[])
        assert store.get(blocks[3].cid) == blocks[3].data
    assert altered in pack.read_bytes()
