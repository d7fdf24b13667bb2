"""Ciphertext whose keys were destroyed: it goes from the packs, and does not come back with an index
that is built anew; a certificate says what is still there.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from cli.items import disposal_certificates
from ledger.adapters.filelock import FileLock
from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.adapters.ipfs.read_only_blocks import LocalBlockView
from ledger.domain.blocks import dag
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block
from ledger.services.handovers import erasure
from ledger.services.storage import garbage_collection
from ledger.services.workers.anchoring_worker import AnchoringPolicy, AnchoringWorker
from tests.support.consortium import upload
from tests.support.desk import Desk
from tests.support.disposals import dispose


@contextmanager
def packs_in_use(desk: Desk) -> Iterator[None]:
    """A backup copies them: nothing is compacted."""
    lock = FileLock(desk.path / "blocks" / "packs.lock", what="the packs")
    try:
        yield
    finally:
        lock.release()


def raw(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (home / "blocks").glob("pack-*.car"))


def destroyed(home: Path, tmp_path: Path, size: int) -> tuple[str, str, list[bytes]]:
    """An item to keep, and one whose keys are gone and whose ciphertext waits in the packs."""
    with Desk(home) as desk:
        kept, gone = (upload(desk, tmp_path, os.urandom(number)) for number in (5000, size))
        with desk.node.records.read() as unit:
            root = unit.items.get(gone).cid
        every = list(dag.every(desk.node.blocks, root))
        leaves = [desk.node.blocks.get(cid) for cid in every if cids.codec_of(cid) == cids.RAW]
        with packs_in_use(desk):
            dispose(desk, gone)
            erasure.settle(desk.node)
        assert all(leaf in raw(home) for leaf in leaves)
        told = "\n".join(disposal_certificates.certificate(desk.client.disposal(gone), "item"))
        assert "ciphertext      some still" in told
        assert re.search(r"custody (--home \S+ )?collect", told)
        with closing(LocalBlockView(home / "blocks")) as view:
            assert view.lingering(every) == desk.node.blocks.lingering(every) == every
    return kept, gone, leaves


def lose_index(home: Path) -> None:
    for path in (home / "blocks").glob("index.sqlite*"):
        path.unlink()


def lose_the_dead(home: Path) -> None:
    """As an index of a version that did not know them."""
    with closing(sqlite3.connect(home / "blocks" / "index.sqlite", isolation_level=None)) as db:
        db.execute("DROP TABLE dead")


@pytest.mark.parametrize("size", [100_000, 3 << 20])
def test_destroyed_ciphertext_that_came_back_with_a_new_index_goes_when_the_node_starts(
    home_path: Path, tmp_path: Path, size: int
) -> None:
    kept, gone, leaves = destroyed(home_path, tmp_path, size)
    lose_index(home_path)
    with Desk(home_path) as desk:
        assert all(leaf in raw(home_path) for leaf in leaves)
        AnchoringWorker(desk.node, AnchoringPolicy())._clear_away()
        assert not any(leaf in raw(home_path) for leaf in leaves)
        assert not desk.client.disposal(gone).stored
        assert len(desk.get(kept)) == 5000


def test_destroyed_ciphertext_that_a_collection_finds_anew_goes_with_it(
    home_path: Path, tmp_path: Path
) -> None:
    kept, gone, leaves = destroyed(home_path, tmp_path, 3 << 20)
    lose_the_dead(home_path)
    with Desk(home_path) as desk:
        garbage_collection.collect(desk.node)
        assert not any(leaf in raw(home_path) for leaf in leaves)
        assert not desk.client.disposal(gone).stored
        assert len(desk.get(kept)) == 5000


def test_what_names_destroyed_content_stays_until_no_pack_has_it(
    home_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it nobody could tell, after the index was lost, which blocks must go again."""
    _, gone, leaves = destroyed(home_path, tmp_path, 3 << 20)
    with Desk(home_path) as desk:
        with desk.node.records.read() as unit:
            root = unit.items.get(gone).cid
        later = desk.clock.now() + 30 * 86400
        monkeypatch.setattr(type(desk.clock), "now", lambda self: later)
        with packs_in_use(desk):
            garbage_collection.collect(desk.node)
            assert desk.node.blocks.missing([root]) == []
        garbage_collection.collect(desk.node)
        assert desk.node.blocks.missing([root]) == [root]
        assert not any(leaf in raw(home_path) for leaf in leaves)


def test_no_certificate_says_that_nothing_is_left_by_an_index_that_lost_what_is_dead(
    home_path: Path, tmp_path: Path
) -> None:
    _, gone, leaves = destroyed(home_path, tmp_path, 100_000)
    lose_the_dead(home_path)
    with Desk(home_path) as desk:
        assert all(leaf in raw(home_path) for leaf in leaves)
        assert desk.client.disposal(gone).stored


def test_however_little_was_destroyed_its_pack_is_compacted(tmp_path: Path) -> None:
    """What was smaller than the slack in a rule of thumb, such as a short text among many files,
    stayed on the disk for ever.
    """
    blocks = [Block(cids.of(data), data) for data in map(os.urandom, [3000] * 60 + [20])]
    with closing(LocalBlockStore(tmp_path / "blocks")) as store:
        store.put(blocks)
        kept, small = [block.cid for block in blocks[:-1]], blocks[-1]
        assert store.discard([small.cid], kept=[]).freed
        assert small.data not in raw(tmp_path)
        assert store.lingering([small.cid]) == []
        assert store.collect(kept, before=0).freed == 0
        assert store.holds_only(kept)
        assert not store.holds_only(kept[1:])
