"""A chain that three signers seal, two agencies prepared to share it, and a node of JSON-RPC that
tells of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.chain.contracts import address_of, sign_transaction, wait
from ledger.adapters.clock import SystemClock
from ledger.app import create_home
from tests.support.clique import NAMES
from tests.support.commands import within
from tests.support.consortium import DEPLOYER, NL, RO
from tests.support.desk import PASSPHRASE
from tests.support.sealing import TurningChain
from tests.support.telling_node import Lie, TellingNode, telling

THREE = frozenset(NAMES[:3])


class CliqueLike(TurningChain):
    """Headers have the difficulty of Clique's as well."""

    difficulty = 2


@dataclass
class Shared:
    """The chain, its node and where that answers; cards of two prepared homes."""

    chain: CliqueLike
    node: TellingNode
    url: str
    folder: Path

    @property
    def cards(self) -> list[Path]:
        return [self.folder / f"{code}.json" for code in (NL, RO)]

    def mine(self, count: int) -> None:
        for _ in range(count):
            nonce = self.chain.nonce(address_of(DEPLOYER))
            raw = sign_transaction(
                self.chain, DEPLOYER, to=bytes(20), data=b"", gas=21_000, nonce=nonce
            )
            wait(self.chain, self.chain.send(raw))

    def deploy(self, *more: object) -> tuple[int, str, str]:
        key = self.folder / "deployer.key"
        key.write_text(DEPLOYER.hex())
        key.chmod(0o600)
        founders = [word for card in self.cards for word in ("--founders", card)]
        return within(
            *("chain", "deploy", "--rpc", self.url, *founders, "--key", key, "--fund", "5"),
            *("-o", self.folder / "trust.json", *more),
        )

    def join(self, code: str, *more: object) -> tuple[int, str, str]:
        trusted = self.folder / "trust.json"
        return within(
            *("init", "--rpc", self.url, "--trust", trusted, *more), home=self.folder / code
        )


def going_on(shared: Shared) -> Lie:
    """Blocks come while somebody waits for theirs."""

    def answer(method: str, _params: list[Any], true: Any) -> Any:
        if method == "eth_getTransactionReceipt":
            shared.mine(1)
        return true

    return answer


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Shared]:
    chain = CliqueLike(
        tmp_path / "chain",
        chain_id=1337,
        sealer=bytes(31) + b"\x01",
        clock=SystemClock(),
        funded=[address_of(DEPLOYER)],
    )
    node = TellingNode(chain, {"clique_getSigners": NAMES[:3]})
    for code in (NL, RO):
        card = create_home.prepare(
            tmp_path / code,
            agency=code,
            person="1",
            roles=["administrator", "officer", "custodian"],
            passphrase=PASSPHRASE,
            url=f"https://{code.lower()}.example",
            profile="neutral",
        )
        (tmp_path / f"{code}.json").write_text(json.dumps(card.as_json()))
    with telling(node) as url:
        found = Shared(chain, node, url, tmp_path)
        found.mine(4)
        yield found
    chain.close()
