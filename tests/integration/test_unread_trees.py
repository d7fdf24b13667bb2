"""Ciphertext below a block that cannot be read: it is neither taken for dead nor kept for ever, and
what is not known of it is told.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from cli.items import disposal_certificates
from ledger.adapters.memory import StoppedClock
from ledger.domain.blocks import dag
from ledger.domain.errors import VerificationError
from ledger.domain.ipld import cid as cids
from ledger.services.handovers import erasure
from ledger.services.storage import garbage_collection
from tests.integration.test_destroyed_ciphertext import raw
from tests.support.commands import within
from tests.support.consortium import upload
from tests.support.desk import Desk
from tests.support.disposals import dispose
from tests.support.kubo import Daemon
from tests.support.replicas import BIG, cid_of, files, states, sync, working

DAY = 86400


def damage(home: Path, data: bytes) -> None:
    """Flip a bit of a block, wherever it lies in the packs."""
    for pack in (home / "blocks").glob("pack-*.car"):
        whole = bytearray(pack.read_bytes())
        if (at := whole.find(data)) >= 0:
            with pack.open("r+b") as file:
                file.seek(at + len(data) // 2)
                file.write(bytes([whole[at + len(data) // 2] ^ 1]))


def leaves_of(desk: Desk, evidence: str) -> list[bytes]:
    blocks = dag.every(desk.node.blocks, cid_of(desk, evidence))
    return [desk.node.blocks.get(cid) for cid in blocks if cids.codec_of(cid) == cids.RAW]


def told(desk: Desk, evidence: str) -> str:
    return "\n".join(disposal_certificates.certificate(desk.client.disposal(evidence), "item"))


def test_a_collection_removes_nothing_below_a_damaged_block_and_names_the_item(
    desk: Desk, tmp_path: Path
) -> None:
    hurt, gone = (upload(desk, tmp_path, os.urandom(3 << 20)) for _ in range(2))
    leaves = [*leaves_of(desk, hurt), *leaves_of(desk, gone)]
    damage(desk.path, desk.node.blocks.get(cid_of(desk, hurt)))
    dispose(desk, gone)
    erasure.settle(desk.node)
    desk.node.clock = StoppedClock(desk.clock.now() + 30 * DAY)
    with pytest.raises(VerificationError, match=f"nothing was removed: .* {hurt} needs") as error:
        garbage_collection.collect(desk.node)
    assert "custody doctor --deep" in (error.value.hint or "")
    assert all(leaf in raw(desk.path) for leaf in leaves)
    assert "ciphertext      some still on the node's own disk" in told(desk, gone)


def test_a_collection_goes_on_with_the_good_copy_of_an_ipfs_node(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    """One flipped bit at home, and nothing was ever collected again."""
    with working(founded, tmp_path, three[0], copies=1) as desk:
        hurt, gone = desk.upload(*files(tmp_path, rng, BIG, BIG))
        sync(desk)
        kept, lost = leaves_of(desk, hurt.evidence), leaves_of(desk, gone.evidence)
        damage(desk.path, desk.node.blocks.own.get(cid_of(desk, hurt.evidence)))
        dispose_voided(desk, gone.evidence)
        assert not any(leaf in raw(desk.path) for leaf in lost)
        assert all(leaf in raw(desk.path) for leaf in kept)


def dispose_voided(desk: Desk, evidence: str) -> None:
    from ledger.rows.handovers import ErasureRow

    closing = desk.record(evidence, "voided", {"reason": "recorded twice"}).statement
    with desk.node.records.write() as unit:
        unit.erasures.put(ErasureRow(evidence, bytes.fromhex(closing), desk.node.agency, "due"))
    erasure.settle(desk.node)


def test_what_a_damaged_block_of_a_disposed_item_named_is_said_to_be_there_and_goes_by_its_age(
    desk: Desk, tmp_path: Path
) -> None:
    """The certificate said that nothing was left, and everything was."""
    kept, gone = (
        upload(desk, tmp_path, os.urandom(5000)),
        upload(desk, tmp_path, os.urandom(3 << 20)),
    )
    leaves = leaves_of(desk, gone)
    damage(desk.path, desk.node.blocks.get(cid_of(desk, gone)))
    dispose(desk, gone)
    erasure.settle(desk.node)
    garbage_collection.collect(desk.node)
    assert all(leaf in raw(desk.path) for leaf in leaves)
    assert "ciphertext      some still on the node's own disk" in told(desk, gone)
    desk.node.clock = StoppedClock(desk.clock.now() + 8 * DAY)
    desk.node.blocks._spool._clock = desk.node.clock
    garbage_collection.collect(desk.node)
    assert not any(leaf in raw(desk.path) for leaf in leaves)
    assert "ciphertext      none left on the node's own disk" in told(desk, gone)
    assert len(desk.get(kept)) == 5000


def test_what_a_lost_root_of_a_disposed_item_named_is_said_to_be_there_and_goes_by_its_age(
    home_path: Path, tmp_path: Path
) -> None:
    """The certificate asked for the root alone: it was gone, and all that it named was there."""
    with Desk(home_path) as desk:
        gone = upload(desk, tmp_path, os.urandom(3 << 20))
        leaves, root = leaves_of(desk, gone), desk.node.blocks.get(cid_of(desk, gone))
    [pack] = (home_path / "blocks").glob("pack-*.car")
    os.truncate(pack, pack.read_bytes().find(root) - 10)
    leaves = [leaf for leaf in leaves if leaf in raw(home_path)]
    assert leaves, "the root was written last, or nearly"
    with Desk(home_path) as desk:
        dispose(desk, gone)
        erasure.settle(desk.node)
        garbage_collection.collect(desk.node)
        assert all(leaf in raw(home_path) for leaf in leaves)
        assert "ciphertext      some still on the node's own disk" in told(desk, gone)
        assert desk.client.disposal(gone).mayKeep == ()
        assert desk.client.status().ipfs is None
        assert desk.client.item(gone).replicas == ()
        desk.node.clock = StoppedClock(desk.clock.now() + 8 * DAY)
        desk.node.blocks._spool._clock = desk.node.clock
        garbage_collection.collect(desk.node)
        assert not any(leaf in raw(home_path) for leaf in leaves)
        assert "ciphertext      none left on the node's own disk" in told(desk, gone)


def at(desk: Desk, time: int) -> None:
    desk.node.clock = desk.node.blocks._spool._clock = StoppedClock(time)


@pytest.mark.parametrize("anew", [False, True])
def test_what_nobody_can_name_is_said_to_be_there_whatever_a_clock_said_at_the_disposal(
    home_path: Path, tmp_path: Path, anew: bool
) -> None:
    """Once the disposal was a week old the certificate said that nothing was left: by a clock that
    had been behind, or though the index was built anew since and all blocks were young again.
    """
    with Desk(home_path) as desk:
        now = desk.clock.now()
        gone = upload(desk, tmp_path, os.urandom(3 << 20))
        leaves = leaves_of(desk, gone)
        damage(home_path, desk.node.blocks.get(cid_of(desk, gone)))
        dispose(desk, gone)
        at(desk, now - 8 * DAY)
        with pytest.raises(VerificationError, match="this computer's clock"):
            erasure.settle(desk.node)  # the keys are gone all the same
    for path in (home_path / "blocks").glob("index.sqlite*") if anew else ():
        path.unlink()
    with Desk(home_path) as desk:
        erasure.settle(desk.node)
        garbage_collection.collect(desk.node)
        assert all(leaf in raw(home_path) for leaf in leaves)
        assert "ciphertext      some still on the node's own disk" in told(desk, gone)
        at(desk, now + 8 * DAY)
        garbage_collection.collect(desk.node)
        # A new index does not know what the damaged block was: its pack stays.
        assert any(leaf in raw(home_path) for leaf in leaves) == anew
        assert desk.client.disposal(gone).stored == anew


def test_what_nobody_can_name_in_a_pack_that_has_to_stay_is_said_to_be_there(
    home_path: Path, tmp_path: Path
) -> None:
    with Desk(home_path) as desk:
        kept, gone = (upload(desk, tmp_path, os.urandom(size)) for size in (5000, 3 << 20))
        leaves, [live] = leaves_of(desk, gone), leaves_of(desk, kept)
        root, name = desk.node.blocks.get(cid_of(desk, gone)), cid_of(desk, gone)
        dispose(desk, gone)
        for damaged in (live, root, name + root[:1]):
            damage(home_path, damaged)
        erasure.settle(desk.node)
        at(desk, desk.clock.now() + 9 * DAY)
        garbage_collection.collect(desk.node)
        assert all(leaf in raw(home_path) for leaf in leaves)
        assert "ciphertext      some still on the node's own disk" in told(desk, gone)


def test_what_an_ipfs_node_cannot_name_is_not_said_to_be_removed_there(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with working(founded, tmp_path, three[0], copies=1) as desk:
        [item] = desk.upload(*files(tmp_path, rng, BIG))
        sync(desk)
        blocks = list(dag.every(desk.node.blocks, cid_of(desk, item.evidence)))
        path = three[0].block_file(blocks[0])
        data = bytearray(path.read_bytes())
        data[len(data) // 3] ^= 4
        path.write_bytes(data)
        dispose_voided(desk, item.evidence)
        sync(desk)
        assert states(desk, item.evidence) == {"site-a": "released"}
        assert desk.node.replicas["site-a"].missing(blocks[1:]) == []
        assert "copies pinned   1 still to be removed, at site-a" in told(desk, item.evidence)
        three[0].run("repo", "gc")
        sync(desk)
        assert states(desk, item.evidence) == {}
        assert desk.node.replicas["site-a"].missing(blocks) == blocks


def test_collect_says_on_the_command_line_which_item_keeps_it_from_removing(
    home_path: Path, tmp_path: Path
) -> None:
    with Desk(home_path) as desk:
        hurt = upload(desk, tmp_path, os.urandom(3 << 20))
        damage(home_path, desk.node.blocks.get(cid_of(desk, hurt)))
    code, _, said = within("collect", home=home_path)
    assert (code, "nothing was removed" in said, hurt in said) == (1, True, True)
