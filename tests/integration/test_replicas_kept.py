"""What IPFS nodes keep, and for how long: pins go only when nobody needs them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ledger.adapters.memory import StoppedClock
from ledger.domain.errors import UsageError
from ledger.rows.handovers import ErasureRow
from ledger.services.handovers import erasure
from ledger.services.handovers.sync import settle
from ledger.services.preservation.fixity import FixityPolicy
from ledger.services.storage import garbage_collection, placement
from ledger.services.workers.replica_worker import ReplicaWorker
from tests.support.kubo import Daemon, swarm
from tests.support.replicas import (
    BIG,
    blocks_of,
    cid_of,
    files,
    keep_reading_again,
    offer,
    states,
    sync,
    working,
)
from tests.support.waiting import wait_until


def test_the_own_disk_keeps_what_was_not_read_again_or_lies_at_too_few_nodes(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with working(founded, tmp_path, *three[:2], copies=1) as desk:
        desk.upload(*files(tmp_path, rng, BIG))
        assert garbage_collection.give_up(desk.node).blocks == 0
        sync(desk)
        assert garbage_collection.give_up(desk.node).blocks == 0, "pinned, but never read again"
        [item] = desk.client.items()
        with pytest.raises(UsageError, match="knows 2 IPFS nodes"):
            desk.client.set_copies(item.evidence, 3)
        desk.client.set_copies(item.evidence, 2)
        keep_reading_again(desk)
        assert garbage_collection.give_up(desk.node).blocks == 0, (
            "one copy, where two are asked for"
        )
        desk.client.set_copies(item.evidence, 1)
        assert garbage_collection.give_up(desk.node).blocks == 7


def test_a_node_lost_for_an_hour_is_replaced_by_another_and_its_pins_are_not_taken_away(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with working(founded, tmp_path, *three) as desk:
        [item] = desk.upload(*files(tmp_path, rng, 50_000))
        sync(desk)
        first = states(desk, item.evidence)
        assert len(first) == 2, "two of three"
        lost = next(daemon for daemon in three if daemon.name in first)
        lost.kill()
        clock = StoppedClock(desk.clock.now())
        desk.node.clock = clock
        keeper = ReplicaWorker(desk.node, FixityPolicy())
        keeper.start()
        try:
            clock.time += 61
            wait_until(lambda: lost.name in keeper._lost)
            assert states(desk, item.evidence) == first, (
                "not at once: daemons are restarted every day"
            )
            clock.time += 3700
            wait_until(lambda: list(states(desk, item.evidence).values()) == ["pinned"] * 3)
        finally:
            keeper.stop()
            lost.start()
        sync(desk)
        assert set(states(desk, item.evidence).values()) == {"pinned"}


def test_ciphertext_lies_outside_only_while_it_is_offered_or_disclosed_to_another_agency(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    own = three[0]
    with (
        swarm(tmp_path, "consortium") as [outside],
        working(founded, tmp_path, own, copies=1, outside=(outside,)) as desk,
    ):
        offered, disclosed, neither = desk.upload(*files(tmp_path, rng, 20_000, BIG, 30_000))
        sync(desk)
        assert (
            desk.node.replicas[outside.name].pinned(
                [cid_of(desk, one.evidence) for one in (offered, disclosed, neither)]
            )
            == set()
        )

        answer = offer(desk, offered.evidence)
        desk.record(disclosed.evidence, "disclosed", {"recipientKind": "agency", "mode": "copy"})
        desk.record(
            neither.evidence, "disclosed", {"recipientKind": "defence", "mode": "view"}
        )  # looked at, not handed over
        sync(desk)
        there = {cid_of(desk, one.evidence) for one in (offered, disclosed)}
        assert (
            desk.node.replicas[outside.name].pinned(
                [cid_of(desk, one.evidence) for one in (offered, disclosed, neither)]
            )
            == there
        )
        assert states(desk, neither.evidence) == {own.name: "pinned"}

        desk.record(
            offered.evidence,
            "transfer-withdrawn",
            {"offer": answer.statement, "reason": "not needed"},
        )
        settle(desk.node, timeout=30)  # until the chain knows, it could still be accepted
        clock = StoppedClock(desk.clock.now() + placement.OPENING + 1)
        desk.node.clock = clock
        sync(desk)
        for one in (offered, disclosed):
            assert states(desk, one.evidence) == {own.name: "pinned"}
            assert len(
                desk.node.replicas[outside.name].missing(blocks_of(desk, one.evidence))
            ) == len(blocks_of(desk, one.evidence))
            assert desk.node.replicas[own.name].missing(blocks_of(desk, one.evidence)) == []


def test_pins_go_only_when_an_item_is_disposed_of_and_its_keys_are_destroyed(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with working(founded, tmp_path, *three[:2]) as desk:
        gone, kept = desk.upload(*files(tmp_path, rng, BIG, BIG))
        sync(desk)
        blocks = blocks_of(desk, gone.evidence)
        closing = desk.record(
            gone.evidence, "voided", {"reason": "registered by mistake"}
        ).statement
        sync(desk)
        assert states(desk, gone.evidence) == {three[0].name: "pinned", three[1].name: "pinned"}, (
            "closed, but keys remain"
        )
        with desk.node.records.write() as unit:
            unit.erasures.put(
                ErasureRow(gone.evidence, bytes.fromhex(closing), desk.node.agency, "due")
            )
        three[1].kill()
        erasure.settle(desk.node)
        found = sync(desk)
        assert states(desk, gone.evidence) == {three[1].name: "released"}
        told = desk.client.disposal(gone.evidence)
        assert (told.pins, told.stored) == (1, False), "it was not asked to remove it yet"
        three[1].start()
        found = sync(desk)
        assert not found.problems
        for daemon in three[:2]:
            assert len(desk.node.replicas[daemon.name].missing(blocks)) == len(blocks)
            assert desk.node.replicas[daemon.name].missing(blocks_of(desk, kept.evidence)) == []
        assert states(desk, gone.evidence) == {}
        assert desk.client.disposal(gone.evidence).pins == 0
        sync(desk)
        assert states(desk, gone.evidence) == {}, "and it is not wanted again"
        for daemon in three[:2]:
            daemon.run("repo", "gc")
        assert desk.get(kept.evidence)
