"""Agencies on a real Clique network of three signers: what becomes of their evidence while a signer
is away, while the signers do not hear of one another, and while a node lies or is silent.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.chain import probing
from ledger.app import changed_signers, public_trust
from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle import trust
from ledger.domain.chain import finality
from ledger.domain.chain.clique import Clique
from ledger.domain.errors import CustodyError
from ledger.domain.verify import Verdict, VerificationReport, verify
from ledger.services.onchain import checkpoint_anchoring
from tests.support import clique_agency
from tests.support.clique_agency import Agencies
from tests.support.consortium import NL, RO, upload
from tests.support.desk import Desk
from tests.support.telling_node import Lie, honest
from tools.scenarios.clique_network import CHAIN_ID, CliqueNetwork, Signer


@pytest.fixture(scope="module")
def agencies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agencies]:
    folder = tmp_path_factory.mktemp("clique-network")
    with clique_agency.founded(folder, NL, RO) as found:
        yield found


@pytest.fixture
def network(agencies: Agencies) -> CliqueNetwork:
    return agencies.network


@pytest.fixture
def nl(agencies: Agencies) -> Desk:
    return agencies.desks[NL]


def judged(agencies: Agencies, desk: Desk, evidence: str) -> VerificationReport:
    """Offline, by what the deployment found out."""
    return verify(desk.bundle(evidence), agencies.root)


def require_final(agencies: Agencies, desk: Desk, evidence: str) -> None:
    desk.anchor()
    report = judged(agencies, desk, evidence)
    assert report.verdict is Verdict.VERIFIED, report.as_json()
    assert "sealed by 2 of 3 signers" in report.steps[7].detail


def test_a_bundle_of_a_real_network_verifies_offline(
    agencies: Agencies, nl: Desk, tmp_path: Path
) -> None:
    [rule] = [rule for rule in agencies.root.finality if isinstance(rule, Clique)]
    assert rule.signers == {signer.address for signer in agencies.network.signers}
    assert (rule.seals, rule.end) == (2, None)
    evidence = upload(nl, tmp_path)
    require_final(agencies, nl, evidence)
    bare = bundles.parse(nl.bundle(evidence)).chain
    assert bare is not None
    assert len(bare.descendants) == 1


def test_a_signer_who_is_away_stops_nothing(
    agencies: Agencies, network: CliqueNetwork, nl: Desk, tmp_path: Path
) -> None:
    network.signers[2].stop()
    try:
        evidence = upload(nl, tmp_path)
        require_final(agencies, nl, evidence)
    finally:
        network.restart(2)
        network.agree()
    # Of the blocks that it missed it has the same ones now.
    for signer in network.signers:
        report = verify(nl.bundle(evidence), agencies.root, confirm=confirming(signer))
        assert report.verdict is Verdict.VERIFIED


def confirming(signer: Signer) -> Callable[[int, bytes], set[bytes]]:
    """The chain as the node of a signer has it."""

    def ask(number: int, _digest: bytes) -> set[bytes]:
        found = signer.ask("eth_getBlockByNumber", hex(number), False)
        return {bytes.fromhex(found["hash"][2:])}

    return ask


def test_what_a_signer_alone_sealed_is_final_for_nobody_and_is_anchored_anew_when_it_is_undone(
    agencies: Agencies, network: CliqueNetwork, nl: Desk, tmp_path: Path
) -> None:
    """Two against one: the one seals a block of its own, and has to give it up."""
    evidence, one = upload(nl, tmp_path), network.signers[0]
    one.ask("miner_stop")
    network.agree(2)  # nobody seals two blocks in a row: now it may be its turn
    network.part(0)
    checkpoint_anchoring.step(nl.node)
    one.ask("miner_start")
    until(lambda: state(nl) == "anchored", nl)
    assert state(nl) == "anchored"
    alone = newest(nl).block
    report = judged(agencies, nl, evidence)
    assert report.verdict is Verdict.INCOMPLETE
    others = agencies.desks[RO]
    meanwhile = upload(others, tmp_path)
    require_final(agencies, others, meanwhile)
    checkpoint_anchoring.step(nl.node)
    assert state(nl) == "anchored"
    forked = nl.node.contracts.chain.block(alone).hash
    network.join(0)
    network.agree()
    assert nl.node.contracts.chain.block(alone).hash != forked
    require_final(agencies, nl, evidence)
    assert judged(agencies, others, meanwhile).verdict is Verdict.VERIFIED


def until(reached: Callable[[], bool], desk: Desk) -> None:
    deadline = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < deadline, state(desk)
        checkpoint_anchoring.step(desk.node)
        time.sleep(0.05)


def newest(desk: Desk) -> Any:
    with desk.node.records.read() as unit:
        return unit.checkpoints.newest(desk.node.log_id, ("submitted", "anchored", "final"))


def state(desk: Desk) -> str:
    return str(newest(desk).state)


def receipts(change: dict[str, str]) -> Lie:
    """A node that tells other receipts than those of the chain."""

    def lie(method: str, _params: list[Any], true: Any) -> Any:
        return {**true, **change} if method == "eth_getTransactionReceipt" and true else true

    return lie


def other_chain(method: str, _params: list[Any], true: Any) -> Any:
    return hex(CHAIN_ID + 1) if method == "eth_chainId" else true


def mined_at_once(method: str, params: list[Any], true: Any) -> Any:
    """A node that says of everything that the newest block has it."""
    if method != "eth_getTransactionReceipt":
        return true
    digest = "0x" + "11" * 32
    told = {"status": "0x1", "blockNumber": "0x1", "blockHash": digest, "gasUsed": "0x1"}
    return {**told, "contractAddress": None, "transactionHash": params[0]}


@pytest.mark.parametrize(
    "lie",
    [
        mined_at_once,
        receipts({"blockHash": "0x" + "11" * 32}),
        receipts({"blockNumber": "0x1"}),
        receipts({"status": "0x0"}),
        other_chain,
        clique_agency.down,
    ],
    ids=["mined at once", "another block", "an older block", "reverted", "another chain", "silent"],
)
def test_a_node_that_lies_or_is_silent_makes_nothing_final_and_loses_nothing(
    agencies: Agencies, nl: Desk, tmp_path: Path, lie: Lie
) -> None:
    relay, evidence = agencies.relays[NL], upload(nl, tmp_path)
    before = finally_anchored(nl)
    relay.lie = lie
    nl.node.contracts.chain._compared = float("-inf")  # a minute passes until it compares again
    try:
        deadline, relay.lied = time.monotonic() + 20, 0
        while relay.lied < 3:
            assert time.monotonic() < deadline
            with contextlib.suppress(CustodyError):
                checkpoint_anchoring.step(nl.node)
            time.sleep(0.1)
        assert finally_anchored(nl) == before
    finally:
        relay.lie = honest
    require_final(agencies, nl, evidence)


def finally_anchored(desk: Desk) -> int:
    with desk.node.records.read() as unit:
        return checkpoint_anchoring.progress(desk.node, unit).final


def test_a_signer_who_is_voted_out_is_named_no_more_and_bundles_from_both_sides_verify(
    agencies: Agencies, network: CliqueNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "_LOOK", 4)  # not a minute of blocks until the change lies behind
    desk = agencies.desks[RO]
    before = upload(desk, tmp_path)
    require_final(agencies, desk, before)
    old, gone = desk.bundle(before), network.signers[2].address
    for signer in network.signers[:2]:
        signer.ask("clique_propose", "0x" + gone.hex(), False)
    deadline = time.monotonic() + 20
    while len(network.signers[0].ask("clique_getSigners", "latest")) > 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    network.agree(5)
    config = desk.home.settings
    found = changed_signers.look(config, trust.parse(public_trust.read(desk.path)))
    first, second = changed_signers.rules_of(found.after)
    assert (first.end, second.end) == (second.start - 1, None)
    assert finality.sealers(second) == finality.sealers(first) - {gone}
    changed_signers.write(desk.path, config, found.after)
    newer = trust.parse(public_trust.read(desk.path))
    assert verify(old, newer).verdict is Verdict.VERIFIED
    desk.node.seal_rules = changed_signers.rules_of(newer)
    after = upload(desk, tmp_path)
    desk.anchor()
    report = verify(desk.bundle(after), newer)
    assert report.verdict is Verdict.VERIFIED, report.as_json()
    assert "sealed by 2 of 2 signers" in report.steps[7].detail
    late = verify(desk.bundle(after), agencies.root)
    assert late.verdict is not Verdict.FAILED
