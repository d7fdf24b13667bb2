"""What is said of copies at IPFS nodes: nothing is called good that was not asked for, or lies at
fewer nodes than it shall.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.commands import fixity as fixity_command
from ledger.domain.errors import NetworkError, NotFoundError
from ledger.domain.ipld import cid as cids
from ledger.domain.verify.report import Verdict
from ledger.services.audit.self_check import examine
from ledger.services.audit.self_check_findings import SelfChecked, SelfCheckFinding, verdict
from ledger.services.preservation import fixity
from ledger.services.preservation.fixity import RateLimiter, Reading
from ledger.services.storage import garbage_collection, replica_status
from tests.integration.test_audit_inside import audit
from tests.integration.test_fixity import damage, verified
from tests.support.commands import within
from tests.support.desk import Desk
from tests.support.kubo import Daemon
from tests.support.replicas import (
    BIG,
    blocks_of,
    cid_of,
    files,
    keep_reading_again,
    states,
    sync,
    working,
)

FAST = Reading(RateLimiter(0))


def ipfs_results(desk: Desk) -> list[Any]:
    return [one for one in examine(desk.node, deep=False) if getattr(one, "part", "") == "ipfs"]


def test_a_doctor_calls_nothing_good_at_nodes_that_do_not_answer(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    """All of them were down, and "every item lies at 2 nodes or more"."""
    with working(founded, tmp_path, *three[:2]) as desk:
        desk.upload(*files(tmp_path, rng, 20_000))
        sync(desk)
        good = ipfs_results(desk)
        assert [type(valid) for valid in good] == [SelfChecked] * 3
        assert "every item lies at 2 nodes" in good[-1].detail
        for daemons, answering in (([three[0]], 1), ([three[1]], 0)):
            for daemon in daemons:
                daemon.kill()
            found = ipfs_results(desk)
            assert sum(isinstance(one, SelfChecked) for one in found) == answering
            assert not any("every item" in getattr(one, "detail", "") for one in found)
            assert "1 pin was not checked" in found[0].message
            assert verdict(found) is Verdict.INCOMPLETE


def test_a_node_that_goes_while_its_pins_are_asked_for_ends_the_check_of_no_other(
    founded: Path,
    tmp_path: Path,
    three: list[Daemon],
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with working(founded, tmp_path, *three[:2]) as desk:
        desk.upload(*files(tmp_path, rng, 20_000))
        sync(desk)

        def gone(roots: object) -> set[bytes]:
            raise NetworkError("the IPFS node 'site-a' was not reached")

        monkeypatch.setattr(desk.node.replicas["site-a"], "pinned", gone)
        first, second = ipfs_results(desk)
        assert (first.verdict, isinstance(second, SelfChecked)) == (Verdict.INCOMPLETE, True)
        assert "site-a: not all pins were checked" in first.message


def test_items_at_fewer_nodes_than_the_settings_ask_for_are_told_by_doctor_audit_and_status(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    """One pin was enough, however many were wanted."""
    with working(founded, tmp_path, *three[:2], copies=1) as desk:
        few, kept = desk.upload(*files(tmp_path, rng, 20_000, 30_000))
        sync(desk)
        desk.anchor()
        assert not [
            ipfs_result
            for ipfs_result in ipfs_results(desk)
            if isinstance(ipfs_result, SelfCheckFinding)
        ]
        assert "copies-few" not in {finding.code for finding in audit(desk).findings}
        desk.client.set_copies(kept.evidence, 1)
        desk.node.replicas = replace(desk.node.replicas, target=2)
        assert replica_status.report(desk.node).wanting == 1
        [told] = [
            ipfs_result
            for ipfs_result in ipfs_results(desk)
            if isinstance(ipfs_result, SelfCheckFinding)
        ]
        assert (told.message, told.verdict) == (
            "1 item lies at fewer IPFS nodes than they shall",
            Verdict.INCOMPLETE,
        )
        [found] = [finding for finding in audit(desk).findings if finding.code == "copies-few"]
        assert (found.place, found.expected, found.found) == (
            few.evidence,
            "pinned at 2 IPFS nodes",
            "pinned at 1 IPFS nodes",
        )
        sync(desk)
        assert "copies-few" not in {finding.code for finding in audit(desk).findings}


def test_a_pin_that_cannot_be_set_again_is_not_said_to_be(
    founded: Path,
    tmp_path: Path,
    three: list[Daemon],
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with working(founded, tmp_path, three[0], copies=1) as desk:
        [item] = desk.upload(*files(tmp_path, rng, 20_000))
        sync(desk)
        three[0].run("pin", "rm", cids.to_text(cid_of(desk, item.evidence)))

        def refuses(roots: object, **_: object) -> None:
            raise NotFoundError("it is not there")

        with monkeypatch.context() as patch:
            patch.setattr(desk.node.replicas["site-a"], "pin", refuses)
            [found] = fixity.check(desk.node, item.evidence, FAST)
        assert (found.is_whole, states(desk, item.evidence)) == (False, {"site-a": "damaged"})
        [event] = verified(desk, item.evidence)
        assert "pin was gone and could not be set again" in event["body"]["reason"]
        [found] = fixity.check(desk.node, item.evidence, FAST)
        assert found.is_whole
        assert "and is set again" in verified(desk, item.evidence)[-1]["body"]["reason"]


def test_what_lies_below_a_block_that_cannot_be_read_is_not_said_to_be_read(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with working(founded, tmp_path, three[0], copies=1) as desk:
        [item] = desk.upload(*files(tmp_path, rng, BIG))
        sync(desk)
        keep_reading_again(desk)
        garbage_collection.give_up(desk.node)
        damage(three[0], cid_of(desk, item.evidence), "mismatch")
        [found] = fixity.check(desk.node, item.evidence, FAST)
        assert (found.blocks, found.bad, found.unread) == (1, {"mismatch": 1}, 1)
        reason = verified(desk, item.evidence)[-1]["body"]["reason"]
        assert "what lies below 1 of these was not read" in reason
        [told] = desk.client.check_fixity(item.evidence)
        lines = fixity_command._text(
            {item.evidence: [told]}, {item.evidence: [told]}, {item.evidence: "0"}, 0
        )
        assert any("what lies below 1 damaged block, " in line for line in lines)
        assert fixity_command._code({item.evidence: [told]}) == 1


def test_a_reading_that_goes_on_where_a_block_became_unreadable_calls_nothing_whole(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    """What had been read was counted, and the same number of blocks passed over."""
    with working(founded, tmp_path, three[0], copies=1) as desk:
        [item] = desk.upload(*files(tmp_path, rng, BIG))
        sync(desk)
        keep_reading_again(desk)
        blocks = blocks_of(desk, item.evidence)
        garbage_collection.give_up(desk.node)
        for _ in range(3):
            fixity.check(desk.node, item.evidence, Reading(RateLimiter(0), lambda: True))
        damage(three[0], blocks[0], "mismatch")
        [found] = fixity.check(desk.node, item.evidence, FAST)
        assert (found.complete, found.is_whole, found.result) == (True, False, "unreadable")


def test_fixity_of_everything_ends_with_3_while_something_was_not_read(
    founded: Path,
    tmp_path: Path,
    three: list[Daemon],
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with working(founded, tmp_path, three[0], copies=1) as desk:
        first, second = desk.upload(*files(tmp_path, rng, 20_000, 30_000))
        sync(desk)
        home, name = desk.path, desk.client.item(first.evidence).opening[:8]
    assert within("fixity", "--all", home=home)[0] == 0
    check = fixity._check

    def fails(node: Any, evidence: str, reading: Reading) -> Any:
        if evidence == first.evidence:
            raise NotFoundError("no IPFS node keeps this item yet")
        return check(node, evidence, reading)

    with monkeypatch.context() as patch:
        patch.setattr(fixity, "_check", fails)
        code, said, _ = within("fixity", "--all", home=home)
    assert (code, f"NOT read: {name}" in said, "1 item read again" in said) == (
        3,
        True,
        True,
    )
    with Desk(home) as desk:
        desk.upload(*files(tmp_path, rng, 100))
    code, said, _ = within("fixity", "--all", home=home)
    assert (code, "not read: 1 item that no IPFS node keeps" in said) == (3, True)
    assert second.evidence not in said


def test_where_no_node_shall_keep_anything_only_what_has_its_own_number_lacks_a_copy(
    desk: Desk, tmp_path: Path, rng: random.Random
) -> None:
    items = desk.upload(*files(tmp_path, rng, 20_000, 30_000))
    with desk.node.records.write() as unit:
        assert unit.replicas.wanting_items([], desk.node.agency, 0) == 0
        unit.replicas.put_target(items[0].evidence, 2)
        assert unit.replicas.wanting_items([], desk.node.agency, 0) == 1
        assert unit.replicas.wanting_items([], desk.node.agency, 1) == 2
