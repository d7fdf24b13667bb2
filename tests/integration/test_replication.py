"""Items at real IPFS nodes: queued while daemons are down, never lost, never outside unless opened,
gone only when disposed of.
"""

from __future__ import annotations

import random
import signal
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.ipfs.kubo import Kubo
from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block
from ledger.domain.verify.procedure import verify
from ledger.domain.verify.report import Verdict
from ledger.services.audit import self_check
from ledger.services.preservation.fixity import FixityPolicy
from ledger.services.registration import service_events
from ledger.services.storage import garbage_collection, replica_status, replication
from ledger.services.workers.replica_worker import ReplicaWorker
from tests.support.actors import enrolled
from tests.support.desk import Desk
from tests.support.kubo import Daemon, swarm
from tests.support.replicas import (
    BIG,
    blocks_of,
    cid_of,
    files,
    held,
    keep_reading_again,
    offer,
    states,
    sync,
    working,
)
from tests.support.waiting import wait_until


def test_an_upload_with_every_daemon_down_is_acknowledged_queued_and_sent_later(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    one, two, _ = three
    with working(founded, tmp_path, one, two) as desk:
        one.kill()
        two.kill()
        paths = files(tmp_path, rng, BIG, 0, 10_000)
        done = desk.upload(*paths)
        assert replica_status.report(desk.node).wanting == 3, "before anybody chose nodes for them"
        found = sync(desk)
        assert set(found.problems) == {one.name, two.name}
        assert found.wanting == 3
        assert [desk.get(item.evidence) for item in done] == [path.read_bytes() for path in paths]
        two.start()
        found = sync(desk)
        assert found.wanting == 3
        assert all(
            states(desk, item.evidence) == {one.name: "wanted", two.name: "pinned"} for item in done
        )
        one.start()
        found = sync(desk)
        assert (found.wanting, found.problems) == (0, {})
        for item in done:
            assert states(desk, item.evidence) == {one.name: "pinned", two.name: "pinned"}
            for daemon in (one, two):
                assert desk.node.replicas[daemon.name].missing(blocks_of(desk, item.evidence)) == []
        assert not [
            one
            for one in self_check.examine(desk.node, deep=True)
            if isinstance(one, self_check.SelfCheckFinding)
        ]


def test_kill_9_of_a_daemon_while_it_is_sent_to_is_gone_on_with_where_it_was(
    founded: Path,
    tmp_path: Path,
    three: list[Daemon],
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replication, "_WINDOW", 4)
    one = three[0]
    with working(founded, tmp_path, one, copies=1) as desk:
        [item] = desk.upload(*files(tmp_path, rng, 3 * BIG))
        sent: list[int] = []
        send = Kubo.send

        def counted(self: Kubo, blocks: Any) -> None:
            group = list(blocks)
            send(self, group)
            sent.append(len(group))
            if len(sent) == 2:
                one.kill()

        monkeypatch.setattr(Kubo, "send", counted)
        assert sync(desk).problems
        one.start()
        assert sync(desk).wanting == 0
        assert states(desk, item.evidence) == {one.name: "pinned"}
        total = len(blocks_of(desk, item.evidence))
        assert sum(sent) == total, "what the daemon had on its disk was not sent again"


def test_a_daemon_that_stands_still_holds_up_neither_uploads_nor_other_nodes(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    one, two, _ = three
    with working(founded, tmp_path, one, two) as desk:
        one.signal(signal.SIGSTOP)
        try:
            [item] = desk.upload(*files(tmp_path, rng, 20_000))
            found = sync(desk)
            assert list(found.problems) == [one.name]
            assert states(desk, item.evidence)[two.name] == "pinned"
            said = {node.name: node for node in replica_status.report(desk.node).nodes}
            assert "does not answer" in said[one.name].problem
            assert said[one.name].hint
            assert not said[two.name].problem
        finally:
            one.signal(signal.SIGCONT)
        assert sync(desk).wanting == 0


def test_what_the_own_disk_gave_up_goes_to_further_nodes_through_the_swarm_or_past_a_parted_one(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    one, two, _ = three
    with (
        swarm(tmp_path, "island") as [island],
        working(founded, tmp_path, one, two, island, copies=1) as desk,
    ):
        paths = files(tmp_path, rng, BIG, 30_000)
        done = desk.upload(*paths)
        assert sync(desk).wanting == 0
        keep_reading_again(desk)
        assert garbage_collection.give_up(desk.node).blocks
        for item in done:
            assert desk.node.blocks.missing([cid_of(desk, item.evidence)])
            desk.client.set_copies(
                item.evidence, 3
            )  # to the others: one in the same swarm, one that no peer can reach
        assert sync(desk).wanting == 0
        for item, path in zip(done, paths, strict=True):
            assert set(states(desk, item.evidence).values()) == {"pinned"}
            assert len(states(desk, item.evidence)) == 3
            for name in (one.name, two.name, island.name):
                assert desk.node.replicas[name].missing(blocks_of(desk, item.evidence)) == []
            assert desk.get(item.evidence) == path.read_bytes()


def test_the_keeper_sends_and_reads_again_by_itself(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with working(founded, tmp_path, *three[:2]) as desk:
        keeper = ReplicaWorker(desk.node, FixityPolicy(interval=-10, rate=0))
        keeper.start()
        try:
            [item] = desk.upload(*files(tmp_path, rng, BIG))
            wait_until(
                lambda: (
                    [row.reads > 0 for row in held(desk, item.evidence).values()] == [True, True]
                )
            )
        finally:
            keeper.stop()
        details = desk.client.details(item.evidence, desk.access(item.evidence))
        assert "verified" in [detail.document["type"] for detail in details]


def test_whoever_accepts_must_hold_the_content_first(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with working(founded, tmp_path, three[0], copies=1) as desk:
        [item] = desk.upload(*files(tmp_path, rng, BIG))
        taker = enrolled(desk, "officer")
        answer = offer(desk, item.evidence, {"agency": "NL-POL", "person": taker.pseudonym})
        lost = blocks_of(desk, item.evidence)[3:4]
        kept = [desk.node.blocks.get(cid) for cid in lost]
        desk.node.blocks.discard(lost, kept=())
        with pytest.raises(RuleError, match="not kept here"):
            taker.record(item.evidence, "transfer-accepted", {"offer": answer.statement})
        desk.node.blocks.put([Block(cid, data) for cid, data in zip(lost, kept, strict=True)])
        sync(desk)
        desk.node.blocks.discard(
            lost, kept=()
        )  # not whole on the own disk any more, and pinned at a node of ours
        with pytest.raises(
            RuleError, match="digest on record"
        ):  # the content is there now: what is left is what they found
            taker.record(item.evidence, "transfer-accepted", {"offer": answer.statement})


def test_an_item_that_cannot_be_read_puts_off_itself_and_no_other(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with working(founded, tmp_path, three[0], copies=1) as desk:
        items = desk.upload(*files(tmp_path, rng, 1000, BIG, 2000, BIG))
        small, big = items[0], items[1]
        desk.node.blocks.discard(
            [cid_of(desk, small.evidence), blocks_of(desk, big.evidence)[4]], kept=()
        )
        found = sync(desk)
        assert (found.done.pinned, found.done.failed, found.wanting) == (2, 2, 2)
        assert {held(desk, one.evidence)[three[0].name].problem for one in (small, big)} == {
            "missing"
        }
        assert all(
            held(desk, one.evidence)[three[0].name].due > desk.clock.now() for one in (small, big)
        )


def test_the_services_own_events_give_way_to_people_and_to_open_offers(
    desk: Desk, tmp_path: Path, rng: random.Random
) -> None:
    [item] = desk.upload(*files(tmp_path, rng, 1000))
    body = {
        "result": "match",
        "scope": "ciphertext",
        "cid": cids.to_text(cid_of(desk, item.evidence)),
    }
    first = service_events.record(desk.node, item.evidence, "verified", body)
    assert first is not None
    desk.anchor()
    assert verify(desk.bundle(item.evidence), desk.trust()).verdict is Verdict.VERIFIED
    with pytest.raises(DeniedError):  # a service may not sign what people sign
        service_events.record(desk.node, item.evidence, "note", {"text": "x"})
    offer(desk, item.evidence)
    assert service_events.record(desk.node, item.evidence, "verified", body) is None
