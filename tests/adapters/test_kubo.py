"""Kubo: the same bytes and CIDs as any IPFS tool, and nothing that a daemon says is believed
unchecked.
"""

from __future__ import annotations

import random
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.ipfs.kubo import Kubo
from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.domain.errors import (
    NetworkError,
    NotFoundError,
    StorageError,
    VerificationError,
)
from ledger.domain.ipld import car, unixfs
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block
from tests.support.kubo import Daemon, load, swarm, trees

MIB = 1 << 20


def sparse(path: Path, size: int) -> Path:
    """A file of that size in which the first and the last leaf differ from the others."""
    with path.open("wb") as file:
        file.truncate(size)
        if size:
            file.write(b"first"[:size])
            file.seek(max(size - 1, 0))
            file.write(b"z")
    return path


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, 1024 * MIB, 1024 * MIB + 1])
def test_our_cid_is_that_of_ipfs_add_around_every_boundary(
    three: list[Daemon], tmp_path: Path, size: int
) -> None:
    path = sparse(tmp_path / "file", size)
    builder = unixfs.Builder()
    with path.open("rb") as file:
        while (data := file.read(MIB)) or not size:
            builder.add(cids.of(data), len(data))
            if not size:
                break
    told = three[0].run("add", "--only-hash", "--quieter", str(path)).decode().strip()
    assert cids.to_text(builder.finish()[0]) == told


def test_our_car_goes_into_kubo_and_kubos_export_into_our_store_byte_for_byte(
    three: list[Daemon], kubo: Kubo, tmp_path: Path, rng: random.Random
) -> None:
    [(root, blocks)] = trees(rng, 5)
    data = car.header([root]) + b"".join(car.section(block) for block in blocks)
    answer = three[0].run("dag", "import", "--pin-roots=true", data=data).decode()
    assert cids.to_text(root) in answer
    leaves = [block.data for block in blocks if cids.codec_of(block.cid) == cids.RAW]
    assert three[0].run("cat", cids.to_text(root)) == b"".join(leaves)
    exported = b"".join(kubo.export(root))
    with closing(LocalBlockStore(tmp_path / "blocks")) as store:
        store.put(car.blocks(exported))
        assert {cid: store.get(cid) for cid in store.cids()} == {
            block.cid: block.data for block in blocks
        }
    assert exported == three[0].run("dag", "export", "--progress=false", cids.to_text(root))


def test_garbage_collection_never_removes_an_item_and_unpinning_removes_that_one_alone(
    three: list[Daemon], kubo: Kubo, rng: random.Random
) -> None:
    (kept, kept_blocks), (gone, gone_blocks), (loose, loose_blocks) = trees(rng, 3, 4, 2)
    load(kubo, [kept], kept_blocks)
    load(kubo, [gone], gone_blocks)
    kubo.put(loose_blocks)
    assert kubo.pinned([kept, gone, loose]) == {kept, gone}
    kubo.unpin(gone)
    kubo.unpin(gone)  # again after a crash: harmless
    assert kubo.missing([block.cid for block in gone_blocks]) == [
        block.cid for block in gone_blocks
    ]
    assert kubo.missing([block.cid for block in loose_blocks]) == []
    three[0].run("repo", "gc")
    assert kubo.missing([block.cid for block in loose_blocks]) == [
        block.cid for block in loose_blocks
    ]
    assert [kubo.get(block.cid) for block in kept_blocks] == [block.data for block in kept_blocks]
    assert kubo.pinned([kept, gone]) == {kept}


def test_what_somebody_else_pinned_stays_and_is_not_said_to_be_let_go(
    kubo: Kubo, rng: random.Random
) -> None:
    """Of a disposed item: its certificate did not name the node, and the ciphertext lay there."""
    [(root, blocks)] = trees(rng, 3)
    load(kubo, [root], blocks)
    leaf = next(block.cid for block in blocks if cids.codec_of(block.cid) == cids.RAW)
    kubo.pin([leaf])
    assert not kubo.unpin(root)
    assert kubo.missing([leaf, root]) == []
    kubo.unpin(leaf)
    assert kubo.unpin(root)
    assert kubo.missing([leaf, root]) == [leaf, root]


def test_a_pin_whose_blocks_are_not_all_there_is_an_error_and_not_a_wait_for_ever(
    three: list[Daemon], rng: random.Random
) -> None:
    [(root, blocks)] = trees(rng, 3)
    with closing(three[0].client(timeout=1)) as kubo:
        with pytest.raises(NotFoundError):
            kubo.pin([root])
        began = time.monotonic()
        with pytest.raises(NetworkError):
            load(kubo, [root], blocks[1:])
        assert time.monotonic() - began < 40
        assert kubo.pinned([root]) == set()
        load(kubo, [root], blocks[:1])
        assert kubo.pinned([root]) == {root}


def test_pinning_from_a_peer_goes_through_the_swarm_and_only_when_asked(
    three: list[Daemon], rng: random.Random
) -> None:
    [(root, blocks)] = trees(rng, 3)
    with closing(three[0].client()) as first, closing(three[1].client()) as second:
        load(first, [root], blocks)
        second.introduce(first.status().addresses)
        with pytest.raises(
            NotFoundError
        ):  # connected to a peer that has it, and yet it answers for itself alone
            second.get(root)
        with pytest.raises(NotFoundError):
            second.pin([root])
        second.pin([root], fetch=True)
        assert [second.get(block.cid) for block in blocks] == [block.data for block in blocks]


def test_a_node_without_the_swarm_key_cannot_fetch(
    three: list[Daemon], tmp_path: Path, rng: random.Random
) -> None:
    [(root, blocks)] = trees(rng, 2)
    with (
        swarm(tmp_path, "stranger") as [stranger],
        closing(three[0].client()) as ours,
        closing(stranger.client(timeout=2)) as theirs,
    ):
        load(ours, [root], blocks)
        with pytest.raises(NetworkError, match="cannot reach its peer"):
            theirs.introduce(ours.status().addresses)
        with pytest.raises(NetworkError):
            theirs.pin([root], fetch=True)


def test_altered_and_lost_block_files_are_told_apart_and_replaced_under_their_pin(
    three: list[Daemon], kubo: Kubo, rng: random.Random
) -> None:
    [(root, blocks)] = trees(rng, 3)
    load(kubo, [root], blocks)
    for number, block in enumerate(blocks):
        path = three[0].block_file(block.cid)
        if number % 2:
            path.unlink()
            with pytest.raises(NotFoundError):
                kubo.get(block.cid)
        else:
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
            with pytest.raises(VerificationError):
                kubo.get(block.cid)
        kubo.replace(root, block)
        assert kubo.get(block.cid) == block.data
        assert kubo.pinned([root]) == {root}
    three[0].run("repo", "verify")


def test_a_daemon_that_stands_still_is_unreachable_and_nothing_else(
    three: list[Daemon], rng: random.Random
) -> None:
    [(root, blocks)] = trees(rng, 60)  # more than the socket takes without the daemon reading
    with closing(three[2].client(timeout=1)) as kubo:
        load(kubo, [root], blocks)
        three[2].signal(signal.SIGSTOP)
        try:
            for call in (
                lambda: kubo.get(root),
                lambda: load(kubo, [root], blocks),
                lambda: kubo.pinned([root]),
                kubo.status,
                kubo.size,
            ):
                began = time.monotonic()
                with pytest.raises(NetworkError):
                    call()
                assert time.monotonic() - began < 20
        finally:
            three[2].signal(signal.SIGCONT)
        assert kubo.pinned([root]) == {root}


def test_a_full_disk_is_told_as_one_and_nothing_counts_as_pinned(
    tmp_path: Path, rng: random.Random
) -> None:
    def limited() -> None:  # as a full disk does, the system refuses to let any file grow
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))

    [(root, blocks)] = trees(rng, 3)
    daemon = Daemon(tmp_path / "full")
    daemon.start(before=limited)
    try:
        with closing(daemon.client()) as kubo:
            with pytest.raises(StorageError, match="full"):
                load(kubo, [root], blocks)
            assert kubo.pinned([root]) == set()
    finally:
        daemon.kill()
    with daemon, closing(daemon.client()) as kubo:
        load(kubo, [root], blocks)
        assert kubo.pinned([root]) == {root}


def test_kill_9_in_the_midst_of_an_import_loses_nothing_that_was_pinned(
    tmp_path: Path, rng: random.Random
) -> None:
    (first, first_blocks), (second, second_blocks) = trees(rng, 20, 40)
    with Daemon(tmp_path / "killed") as daemon, closing(daemon.client()) as kubo:
        load(kubo, [first], first_blocks)

        def cut() -> Iterator[Block]:
            yield from second_blocks[:20]
            daemon.kill()
            yield from second_blocks[20:]

        with pytest.raises(NetworkError):
            load(kubo, [second], cut())
        daemon.start()
        assert kubo.pinned([first, second]) == {first}
        assert [kubo.get(block.cid) for block in first_blocks] == [
            block.data for block in first_blocks
        ]
        load(kubo, [second], (block for block in second_blocks if kubo.missing([block.cid])))
        assert [kubo.get(block.cid) for block in second_blocks] == [
            block.data for block in second_blocks
        ]
        daemon.run("repo", "verify")
