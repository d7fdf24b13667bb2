"""Reading again: damage is found, told apart, repaired and signed; a daemon that is merely down is
no damage.
"""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.memory import StoppedClock
from ledger.domain.errors import NotFoundError
from ledger.domain.ipld import cid as cids
from ledger.domain.verify.procedure import verify
from ledger.domain.verify.report import Verdict
from ledger.services.preservation import fixity
from ledger.services.preservation.fixity import FixityPolicy, Found, RateLimiter, Reading
from ledger.services.storage import garbage_collection
from tests.integration.test_replication import (
    BIG,
    blocks_of,
    cid_of,
    files,
    held,
    states,
    sync,
    working,
)
from tests.support.desk import Desk
from tests.support.kubo import Daemon

FAST = Reading(RateLimiter(0))


def damage(daemon: Daemon, cid: bytes, kind: str) -> None:
    """What disks and people do to a block in a repository."""
    path = daemon.block_file(cid)
    if kind == "missing":
        path.unlink()
    elif kind == "mismatch":
        data = bytearray(path.read_bytes())
        data[len(data) // 3] ^= 4
        path.write_bytes(data)
    else:  # neither a file nor absent
        path.unlink()
        path.mkdir()


def verified(desk: Desk, evidence: str) -> list[dict[str, Any]]:
    """The `verified` events of an item, as read by a person."""
    details = desk.client.details(evidence, desk.access(evidence))
    return [detail.document for detail in details if detail.document["type"] == "verified"]


def by_node(found: list[Found]) -> dict[str, Found]:
    return {one.node: one for one in found}


@pytest.mark.parametrize("which", [0, 3, -1])  # the root, a leaf in the middle, the last leaf
@pytest.mark.parametrize("kind", ["mismatch", "missing", "unreadable"])
def test_damage_is_told_apart_repaired_from_another_copy_and_signed_by_the_service(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random, kind: str, which: int
) -> None:
    with working(founded, tmp_path, *three[:2]) as desk:
        [item] = desk.upload(*files(tmp_path, rng, BIG))
        sync(desk)
        broken = blocks_of(desk, item.evidence)[which]
        damage(three[1], broken, kind)
        found = by_node(fixity.check(desk.node, item.evidence, FAST))
        assert (found["site-a"].result, found["site-a"].blocks) == ("match", 7)
        assert found["site-b"].result == kind
        assert found["site-b"].bad == {kind: 1}
        # A folder in the place of a file: no daemon can write there, and nobody claims that it did.
        if kind == "unreadable":
            assert states(desk, item.evidence)["site-b"] == "damaged"
            three[1].block_file(broken).rmdir()
        else:
            assert found["site-b"].repaired == 1
            assert states(desk, item.evidence)["site-b"] == "pinned"
        again = by_node(fixity.check(desk.node, item.evidence, FAST))
        assert again["site-b"].is_whole
        assert states(desk, item.evidence) == {"site-a": "pinned", "site-b": "pinned"}
        assert desk.node.replicas["site-b"].get(broken)
        first = verified(desk, item.evidence)[0]
        assert first["body"]["result"] == kind
        assert first["body"]["cid"] == cids.to_text(cid_of(desk, item.evidence))
        assert first["actor"]["kind"] == "service"
        desk.anchor()
        assert verify(desk.bundle(item.evidence), desk.trust()).verdict is Verdict.VERIFIED


def test_a_daemon_that_is_down_or_stands_still_raises_no_alarm(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with working(founded, tmp_path, *three[:2]) as desk:
        [item] = desk.upload(*files(tmp_path, rng, BIG))
        sync(desk)
        before = held(desk, item.evidence)
        three[1].kill()
        found = by_node(fixity.check(desk.node, item.evidence, FAST))
        assert {name: pair.result for name, pair in found.items()} == {
            "site-a": "match",
            "site-b": "unreachable",
        }
        assert states(desk, item.evidence) == {"site-a": "pinned", "site-b": "pinned"}
        assert held(desk, item.evidence)["site-b"].proof == before["site-b"].proof, (
            "nothing was proven about it"
        )
        [event] = verified(desk, item.evidence)
        assert event["body"]["result"] == "match"
        assert "site-b" not in event["body"]["reason"]
        three[0].signal(signal.SIGSTOP)
        try:
            found = by_node(fixity.check(desk.node, item.evidence, FAST))
            assert {one.result for one in found.values()} == {"unreachable"}
        finally:
            three[0].signal(signal.SIGCONT)
        assert len(verified(desk, item.evidence)) == 1, "nobody answered, so nothing is said"
        three[1].start()
        assert {one.result for one in fixity.check(desk.node, item.evidence, FAST)} == {"match"}


def test_damage_without_a_good_copy_is_kept_in_view_until_one_turns_up(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with working(founded, tmp_path, *three[:2]) as desk:
        [item] = desk.upload(*files(tmp_path, rng, BIG))
        sync(desk)
        fixity.check(desk.node, item.evidence, FAST)
        garbage_collection.give_up(desk.node)
        broken = blocks_of(desk, item.evidence)[2]
        good = desk.node.blocks.get(broken)
        for daemon in three[:2]:
            damage(daemon, broken, "mismatch")
        found = fixity.check(desk.node, item.evidence, FAST)
        assert [(one.result, one.repaired) for one in found] == [("mismatch", 0)] * 2
        assert set(states(desk, item.evidence).values()) == {"damaged"}
        assert sync(desk).wanting == 1
        assert set(states(desk, item.evidence).values()) == {"damaged"}, (
            "sending does not cover damage up"
        )
        three[0].block_file(broken).write_bytes(good)  # an operator restores one node from a backup
        assert {one.is_whole for one in fixity.check(desk.node, item.evidence, FAST)} == {True}
        assert set(states(desk, item.evidence).values()) == {"pinned"}


def test_a_pin_that_somebody_took_away_is_set_again_before_anything_is_collected(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with working(founded, tmp_path, *three[:2]) as desk:
        [item] = desk.upload(*files(tmp_path, rng, BIG))
        sync(desk)
        root = cid_of(desk, item.evidence)
        three[0].run("pin", "rm", cids.to_text(root))
        found = by_node(fixity.check(desk.node, item.evidence, FAST))
        assert not found["site-a"].pinned
        assert found["site-a"].is_whole
        three[0].run("repo", "gc")
        assert desk.node.replicas["site-a"].missing(blocks_of(desk, item.evidence)) == []
        # Collected before anybody looked: everything is missing there, and sent again.
        three[0].run("pin", "rm", cids.to_text(root))
        three[0].run("repo", "gc")
        found = by_node(fixity.check(desk.node, item.evidence, FAST))
        assert found["site-a"].bad == {"missing": 7}
        assert found["site-a"].repaired == 7
        assert desk.node.replicas["site-a"].pinned([root]) == {root}


def test_a_reading_that_is_stopped_goes_on_where_it_was_and_forgets_no_finding(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with working(founded, tmp_path, *three[:2]) as desk:
        [item] = desk.upload(*files(tmp_path, rng, BIG))
        sync(desk)
        damage(three[0], blocks_of(desk, item.evidence)[1], "mismatch")
        read: list[int] = []
        calls = 0
        while True:
            found = by_node(
                fixity.check(
                    desk.node, item.evidence, Reading(RateLimiter(0), lambda: True, read.append)
                )
            )
            calls += 1
            if all(one.complete for one in found.values()):
                break
        assert calls == 8, "a block a call, and one to end"
        assert len(read) == 2 * 7 - 1, "no block was read twice; the bad one was replaced"
        assert found["site-a"].bad == {"mismatch": 1}
        [event] = verified(desk, item.evidence)
        assert event["body"]["result"] == "mismatch"
        assert "1 replaced" in event["body"]["reason"]
        assert all(not row.seen and not row.place for row in held(desk, item.evidence).values())


def test_a_reading_left_behind_by_a_crash_is_not_told_as_todays(
    founded: Path,
    tmp_path: Path,
    three: list[Daemon],
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with working(founded, tmp_path, *three[:2]) as desk:
        [item] = desk.upload(*files(tmp_path, rng, BIG))
        sync(desk)

        def crash(*arguments: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(fixity, "_log", crash)
            patch.setattr(
                type(desk.node), "put_holdings", keeping_seen(type(desk.node).put_holdings)
            )
            with pytest.raises(KeyboardInterrupt):
                fixity.check(desk.node, item.evidence, FAST)
        assert all('"complete": true' in row.seen for row in held(desk, item.evidence).values())
        damage(three[0], blocks_of(desk, item.evidence)[1], "mismatch")
        desk.node.clock = StoppedClock(desk.clock.now() + 2 * 86400)
        found = by_node(fixity.check(desk.node, item.evidence, FAST))
        assert found["site-a"].bad == {"mismatch": 1}


def keeping_seen(put: Any) -> Any:
    """As if the process died before what was told is forgotten."""

    def kept(self: Any, rows: Any) -> None:
        put(self, [row for row in rows if row.seen])

    return kept


def test_a_finding_survives_a_daemon_that_goes_away_in_the_middle(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with working(founded, tmp_path, three[0], copies=1) as desk:
        [item] = desk.upload(*files(tmp_path, rng, BIG))
        sync(desk)
        damage(three[0], blocks_of(desk, item.evidence)[1], "missing")
        read: list[int] = []

        def stop(size: int) -> None:
            read.append(size)
            if len(read) == 3:
                three[0].kill()

        [found] = fixity.check(desk.node, item.evidence, Reading(RateLimiter(0), progress=stop))
        assert found.unreachable
        assert verified(desk, item.evidence) == []
        three[0].start()
        [found] = fixity.check(desk.node, item.evidence, FAST)
        assert (found.bad, found.repaired, found.complete) == ({"missing": 1}, 1, True)
        [event] = verified(desk, item.evidence)
        assert event["body"]["result"] == "missing"


def test_the_oldest_proof_is_read_first_and_what_is_out_of_reach_does_not_hold_up_the_rest(
    founded: Path,
    tmp_path: Path,
    three: list[Daemon],
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fixity, "_PAGE", 2)
    with working(founded, tmp_path, *three[:2], copies=1) as desk:
        done = desk.upload(*files(tmp_path, rng, *[1000] * 8))
        sync(desk)
        with desk.node.records.write() as unit:
            for number, item in enumerate(reversed(done)):
                [row] = held(desk, item.evidence).values()
                unit.replicas.put(
                    type(row)(row.evidence, row.node, row.cid, "pinned", 0, proof=1000 + number)
                )
        policy = FixityPolicy(interval=3600)
        three[0].kill()
        order: list[str] = []
        while due := fixity.due(desk.node, policy):
            for evidence in due:
                fixity.check(desk.node, evidence, FAST)
                order.append(evidence)
        assert order == [item.evidence for item in reversed(done)]
        away = [item for item in done if "site-a" in states(desk, item.evidence)]
        assert 0 < len(away) < 8
        assert all(held(desk, item.evidence)["site-a"].proof < 2000 for item in away)


def test_what_was_sent_is_read_again_after_a_day_and_then_every_month(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with working(founded, tmp_path, three[0], copies=1) as desk:
        [item] = desk.upload(*files(tmp_path, rng, 1000))
        sync(desk)
        clock = StoppedClock(desk.clock.now())
        desk.node.clock = clock
        days = []
        for day in range(95):
            if fixity.due(desk.node, FixityPolicy()):
                days.append(day)
                fixity.check(desk.node, item.evidence, FAST)
            clock.time += 86400
        assert days == [2, 33, 64]


def test_reading_keeps_to_its_pace() -> None:
    waited: list[float] = []
    pace = RateLimiter(1000, waited.append)
    for _ in range(10):
        pace.spend(500)
    assert 4.5 <= max(waited) <= 5.1
    RateLimiter(0, waited.append).spend(1 << 40)
    assert max(waited) <= 5.1


def test_an_item_that_nobody_keeps_is_not_called_fine(
    desk: Desk, tmp_path: Path, rng: random.Random
) -> None:
    [item] = desk.upload(*files(tmp_path, rng, 1000))
    with pytest.raises(NotFoundError, match="no IPFS node keeps"):
        desk.client.check_fixity(item.evidence)


def test_what_a_reading_saves_holds_no_case_data(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with working(founded, tmp_path, three[0], copies=1) as desk:
        [item] = desk.upload(*files(tmp_path, rng, BIG))
        sync(desk)
        fixity.check(desk.node, item.evidence, Reading(RateLimiter(0), lambda: True))
        [row] = held(desk, item.evidence).values()
        assert set(json.loads(row.seen)) == {
            "node",
            "began",
            "blocks",
            "bad",
            "repaired",
            "pinned",
            "repinned",
            "unread",
            "unreachable",
            "complete",
        }
