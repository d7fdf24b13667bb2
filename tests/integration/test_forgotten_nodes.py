"""IPFS nodes that were removed from the settings: what they may keep is not forgotten with them."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cli.commands import status as status_command
from cli.items import disposal_certificates
from ledger.app import settings
from ledger.domain.blocks.store import Replicas, ReplicaStatus
from ledger.domain.errors import NetworkError
from ledger.rows.handovers import ErasureRow
from ledger.rows.storage import ReplicaStateRow
from ledger.services.handovers import erasure
from ledger.services.preservation import fixity
from ledger.services.preservation.fixity import FixityPolicy
from ledger.services.storage import removed_nodes
from tests.integration.test_audit_inside import audit
from tests.support.commands import within
from tests.support.desk import Desk
from tests.support.kubo import Daemon
from tests.support.replicas import blocks_of, cid_of, files, states, sync, working


def disposed(desk: Desk, evidence: str) -> None:
    closing = desk.record(evidence, "voided", {"reason": "registered by mistake"}).statement
    with desk.node.records.write() as unit:
        unit.erasures.put(ErasureRow(evidence, bytes.fromhex(closing), desk.node.agency, "due"))
    erasure.settle(desk.node)
    sync(desk)


@pytest.fixture
def home(founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random) -> Path:
    """Two items at two nodes, one of which is removed from the settings then."""
    with working(founded, tmp_path, *three[:2]) as desk:
        desk.upload(*files(tmp_path, rng, 20_000, 30_000))
        sync(desk)
        path = desk.path
    assert within("ipfs", "remove", "site-b", home=path)[0] == 0
    return path


def told(desk: Desk, evidence: str) -> str:
    return "\n".join(disposal_certificates.certificate(desk.client.disposal(evidence), "item"))


def test_a_certificate_and_the_status_name_nodes_that_were_removed_and_may_keep_ciphertext(
    home: Path, three: list[Daemon]
) -> None:
    """It said "copies pinned: none left", while a node that nobody asked any more had it pinned."""
    with Desk(home) as desk:
        gone, kept = (item.evidence for item in desk.client.items())
        blocks = blocks_of(desk, gone)
        disposed(desk, gone)
        found = desk.client.disposal(gone)
        [label] = found.mayKeep
        assert (found.pins, found.pinnedAt) == (0, ())
        assert label.startswith("site-b, removed 20")
        assert "may still keep  ciphertext, without a key: IPFS node site-b, removed" in told(
            desk, gone
        )
        assert desk.node.replicas["site-a"].missing(blocks) == blocks
        [line] = [line for line in status_command.text(desk.client.status()) if "FORGOTTEN" in line]
        assert "it may keep 2 items" in line
        assert states(desk, kept)["site-a"] == "pinned"
        assert "row-inserted" not in {finding.code for finding in audit(desk).findings}
        everything = FixityPolicy(interval=-1)  # also what was read within this second
        assert fixity.due(desk.node, everything) == [kept]
    with closing(three[1].client()) as client:
        assert client.missing(blocks) == []


def test_a_node_that_is_added_again_lets_go_what_was_disposed_of_meanwhile(
    home: Path, tmp_path: Path, three: list[Daemon]
) -> None:
    with Desk(home) as desk:
        gone, kept = (item.evidence for item in desk.client.items())
        blocks = blocks_of(desk, gone)
        disposed(desk, gone)
    (tmp_path / "secret").write_text(three[1].secret)
    command = ("ipfs", "add", "second", "--api", three[1].api)
    code, said, _ = within(*command, "--secret-file", str(tmp_path / "secret"), home=home)
    assert (code, "2 items pinned that a removed node was known to keep" in said) == (0, True)
    with Desk(home) as desk:
        assert states(desk, kept) == {"site-a": "pinned", "second": "pinned"}
        assert desk.client.disposal(gone).pinnedAt == ("second",)
        sync(desk)
        assert desk.node.replicas["second"].missing(blocks) == blocks
        assert desk.node.replicas["second"].pinned([cid_of(desk, kept)])
        assert "none left" in told(desk, gone)
        assert "till `ipfs repo gc` there" in told(desk, gone)
        assert "may still keep" not in told(desk, gone)


def test_another_daemon_under_the_name_of_a_removed_one_is_not_taken_for_it(
    home: Path, tmp_path: Path, three: list[Daemon]
) -> None:
    (tmp_path / "secret").write_text(three[2].secret)
    command = ("ipfs", "add", "site-b", "--api", three[2].api)
    assert within(*command, "--secret-file", str(tmp_path / "secret"), home=home)[0] == 0
    with Desk(home) as desk:
        gone, _ = (item.evidence for item in desk.client.items())
        assert "site-b" not in states(desk, gone)
        sync(desk)
        disposed(desk, gone)
        assert desk.client.disposal(gone).mayKeep[0].startswith("site-b, removed")


class Site:
    """A node with everything pinned; without a peer id it does not answer."""

    def __init__(self, peer: str) -> None:
        self.peer = peer

    def pinned(self, roots: list[bytes]) -> set[bytes]:
        return set(roots)

    def status(self) -> ReplicaStatus:
        if not self.peer:
            raise NetworkError("it does not answer")
        return ReplicaStatus("0.0.0", self.peer, (), 0, 0, 0)


@pytest.mark.parametrize("peer", ["12D3KooWSiteA", ""])
def test_a_removed_node_is_not_forgotten_because_another_with_the_same_pinned_comes_back(
    desk: Desk, tmp_path: Path, rng: random.Random, peer: str
) -> None:
    [item] = desk.upload(*files(tmp_path, rng, 20_000))
    node, cid = desk.node, cid_of(desk, item.evidence)
    sites = {"site-a": Site(peer), "site-c": Site("12D3KooWSiteC")}
    with_both = replace(node, replicas=Replicas(own=sites))
    now = node.clock.now()
    node.put_holdings(
        [ReplicaStateRow(item.evidence, name, cid, "pinned", now, proof=now) for name in sites]
    )
    for name in sites:
        removed_nodes.forget(with_both, name)
    back = sites["site-c"]
    assert removed_nodes.remember(node, "second", back, peer=back.peer) == 1
    with node.records.read() as unit:
        held = [row.node for row in unit.replicas.of_item(item.evidence)]
    assert [name.partition(",")[0] for name in sorted(held)] == ["second", "site-a"]


def test_what_a_person_says_was_destroyed_is_struck_out(home: Path) -> None:
    with Desk(home) as desk:
        gone, _ = (item.evidence for item in desk.client.items())
        disposed(desk, gone)
    code, said, _ = within("ipfs", "remove", "site-b", "--destroyed", home=home)
    assert (code, "no longer said to keep 2 items" in said) == (0, True)
    with Desk(home) as desk:
        assert desk.client.disposal(gone).mayKeep == ()
        assert desk.client.status().ipfs.forgotten == ()
    assert within("ipfs", "remove", "site-b", "--destroyed", home=home)[0] == 2


def test_a_node_that_somebody_took_out_of_the_settings_by_hand_is_known_all_the_same(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with working(founded, tmp_path, *three[:2]) as desk:
        [item] = desk.upload(*files(tmp_path, rng, 20_000))
        sync(desk)
        path = desk.path
    settings.write(path, replace(settings.read(path), ipfs=settings.IpfsSettings()))
    with Desk(path) as desk:
        disposed(desk, item.evidence)
        assert desk.client.disposal(item.evidence).mayKeep == ("site-a", "site-b")
        with desk.node.records.read() as unit:
            assert removed_nodes.counts(desk.node, unit) == {"site-a": 1, "site-b": 1}
        assert [one.name for one in desk.client.status().ipfs.forgotten] == [
            "site-a",
            "site-b",
        ]
