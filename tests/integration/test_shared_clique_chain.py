"""Agencies that share a chain which three signers seal: deployed, joined and verified by commands,
against a node of JSON-RPC that tells of a real EVM.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.app import deploy_contracts
from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle import trust
from ledger.domain.chain.clique import Clique
from ledger.domain.errors import ChainError
from tests.support.clique import NAMES
from tests.support.commands import within
from tests.support.consortium import DEPLOYER, NL
from tests.support.shared_chain import THREE, Shared, going_on, shared

__all__ = ["shared"]  # a fixture


def test_a_bundle_of_a_shared_clique_chain_verifies_offline_by_what_the_deployment_found_out(
    shared: Shared, tmp_path: Path
) -> None:
    code, printed, said = shared.deploy("--confirmations", "1")
    assert code == 0, said
    assert "blocks        Clique, one every 1 s" in printed
    assert all(f"sealed by     0x{name.hex()}" in printed for name in NAMES[:3])
    root = trust.parse((tmp_path / "trust.json").read_bytes())
    assert root.headers == "plain"
    assert root.finality[0] == Clique(5, None, THREE, 2)
    code, _, said = shared.join(NL, "--confirmations", "1")
    assert code == 0, said
    home, photo = tmp_path / NL, tmp_path / "photo.jpg"
    photo.write_bytes(b"evidence" * 1000)
    assert within("upload", photo, "--case", "1", "--exhibit", "A", home=home)[0] == 0
    shared.node.lie = going_on(shared)
    assert within("anchor", home=home)[0] == 0
    bundle = tmp_path / "b.bundle"
    code, printed, said = within("bundle", "1/A", "-o", bundle, "--basis", "court", home=home)
    assert code == 0, said
    assert "Check it" in printed
    section = bundles.parse(bundle.read_bytes()).chain
    assert section is not None
    assert len(section.descendants) == 1
    code, printed, said = within("verify", bundle, photo, "--trust", tmp_path / "trust.json")
    assert code == 0, printed + said
    assert "sealed by 2 of 3 signers" in " ".join(printed.split())


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["--sealer", "0x" + NAMES[0].hex()], "expected 1 signer"),
        ([word for name in NAMES[:4] for word in ("--sealer", "0x" + name.hex())], "expected 4"),
        (["--confirmations", "0"], "--confirmations 0, expected at least 1"),
    ],
)
def test_what_was_typed_and_contradicts_the_chain_is_refused_before_anything_is_paid(
    shared: Shared, typed: list[str], says: str, tmp_path: Path
) -> None:
    code, _, said = shared.deploy(*typed)
    assert code != 0
    assert says in " ".join(said.split())
    assert "eth_sendRawTransaction" not in shared.node.asked
    assert not (tmp_path / "trust.json").exists()


def test_a_node_that_lies_is_refused_before_anything_is_paid(
    shared: Shared, tmp_path: Path
) -> None:
    def lie(method: str, params: list[Any], true: Any) -> Any:
        wrong = method == "eth_getBlockByNumber" and params[0] == "0x2"
        return {**true, "stateRoot": "0x" + "11" * 32} if wrong else true

    shared.node.lie = lie
    code, _, said = shared.deploy()
    assert code != 0
    assert "the header of block 2 hashes to" in " ".join(said.split())
    assert "eth_sendRawTransaction" not in shared.node.asked
    assert not (tmp_path / "trust.json").exists()


def test_a_service_that_turned_to_another_chain_meanwhile_leaves_no_trust_root(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lie(method: str, _params: list[Any], true: Any) -> Any:
        sent = "eth_sendRawTransaction" in shared.node.asked
        return hex(7) if method == "eth_chainId" and sent else true

    shared.node.lie = lie
    cards = deploy_contracts.read_cards(shared.cards)
    # The contracts are bound to the chain id that was found: what is sent goes to that chain alone.
    with pytest.raises(ChainError, match=r"has another chain id than before .* found 7") as caught:
        deploy_contracts.consort(shared.url, DEPLOYER, cards, wei=0, confirmations=1)
    assert "not to be used: registry 0x" in str(caught.value)


@pytest.mark.parametrize("told", [NAMES[:3], None])
def test_a_home_joins_no_chain_that_others_seal_than_its_trust_root_names(
    shared: Shared, told: list[bytes] | None, tmp_path: Path
) -> None:
    """Whoever runs a chain of their own beside the shared one, with its contracts replayed there,
    seals it with other keys; whether their node says so or not.
    """
    assert shared.deploy()[0] == 0
    path = tmp_path / "trust.json"
    value = json.loads(path.read_bytes())
    value["finality"][0]["signers"] = sorted("0x" + name.hex() for name in NAMES[3:6])
    path.write_text(json.dumps(value))
    if told is None:
        shared.node.signers.clear()
    code, _, said = shared.join(NL)
    words = " ".join(said.split())
    assert code != 0
    assert (f"0x{NAMES[3].hex()}" if told else "by a stranger") in words
    assert not (tmp_path / NL / "home.json").exists()


def test_a_home_waits_for_no_fewer_blocks_than_its_signers_need(
    shared: Shared, tmp_path: Path
) -> None:
    assert shared.deploy()[0] == 0
    code, _, said = shared.join(NL, "--confirmations", "0")
    assert code == 2
    assert "--confirmations 0, expected at least 1" in " ".join(said.split())
    assert shared.join(NL)[0] == 0
