"""Agencies on a real Clique network, each at a node of its own through a relay that can lie, and be
silent.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from ledger.adapters.chain.json_rpc import JsonRpc
from ledger.app import create_home, deploy_contracts
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.errors import NetworkError
from tests.support.consortium import ROLES, address
from tests.support.desk import PASSPHRASE, Desk
from tests.support.telling_node import Lie, RefusedError, honest, telling
from tools.scenarios.clique_network import CliqueNetwork, Signer, running

CONFIRMATIONS = 1


class Relay:
    """What stands between an agency and the node of a signer."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer
        self.lie: Lie = honest
        self.lied = 0  # answers that were not the true one

    def answer(self, method: str, params: list[Any]) -> Any:
        with closing(JsonRpc(self.signer.rpc, timeout=5)) as rpc:
            answer = rpc.call(method, params)
        if answer["error"] is not None:
            raise RefusedError(answer["error"])
        self.lied += 1
        told = self.lie(method, params, answer["result"])
        self.lied -= told == answer["result"]
        return told


def down(_method: str, _params: list[Any], _true: Any) -> Any:
    """Say nothing: the connection ends without an answer."""
    raise NetworkError("silent")


class Agencies:
    """Desks by agency code, the relay of each, and the trust root of all."""

    def __init__(self, network: CliqueNetwork, root: TrustRoot) -> None:
        self.network, self.root = network, root
        self.desks: dict[str, Desk] = {}
        self.relays: dict[str, Relay] = {}


@contextmanager
def founded(folder: Path, *codes: str) -> Iterator[Agencies]:
    """A network and agencies that share it, the first at the node of the first signer, and so on."""
    cards = [
        create_home.prepare(
            folder / code,
            agency=code,
            person="1",
            roles=ROLES,
            passphrase=PASSPHRASE,
            profile="neutral",
            url=address(code),
        )
        for code in codes
    ]
    accounts = [account for card in cards for account in card.accounts]
    with ExitStack() as stack:
        network = stack.enter_context(running(folder, accounts))
        root, _ = deploy_contracts.consort(
            network.signers[0].rpc, network.payer, cards, wei=0, confirmations=CONFIRMATIONS
        )
        found = Agencies(network, root)
        for code, signer in zip(codes, network.signers, strict=False):
            found.relays[code] = relay = Relay(signer)
            create_home.join(
                folder / code,
                root,
                url=stack.enter_context(telling(relay)),
                confirmations=CONFIRMATIONS,
                passphrase=PASSPHRASE,
            )
            found.desks[code] = stack.enter_context(Desk(folder / code))
        yield found
