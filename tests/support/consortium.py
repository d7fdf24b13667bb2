"""Agencies that share a chain: their homes founded on it, and their nodes wired to one another in
this process.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from ledger.adapters.chain.rpc import RpcChain
from ledger.adapters.node.partner import PartnerClient
from ledger.app import create_home, deploy_contracts
from ledger.client.handovers import handover
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.errors import NetworkError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.verify import verify
from ledger.services.handovers import sync
from ledger.services.partners import directory
from tests.support.clocks import Ahead
from tests.support.desk import PASSPHRASE, Desk

#: Key of the first account that anvil and Hardhat fund; known to everybody.
DEPLOYER = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
ROLES = ["administrator", "officer", "custodian", "examiner"]
ETHER = 10**18
NL, RO, US = "NL-POL", "RO-DIICOT", "US-HSI"


def address(code: str) -> str:
    """Where the others reach an agency's node."""
    return f"https://{code.lower()}.example"


def found(folder: Path, url: str, *agencies: str) -> TrustRoot:
    """Homes of agencies in ``folder`` on the chain at ``url``."""
    common = {"person": "1", "roles": ROLES, "passphrase": PASSPHRASE, "profile": "neutral"}
    cards = [
        create_home.prepare(folder / code, agency=code, url=address(code), **common)
        for code in agencies
    ]
    root, _ = deploy_contracts.consort(url, DEPLOYER, cards, wei=10 * ETHER, confirmations=0)
    for code in agencies:
        create_home.join(folder / code, root, url=url, confirmations=0, passphrase=PASSPHRASE)
    return root


class Consortium:
    """Desks by agency code; ``down`` names agencies that do not answer the others."""

    def __init__(self, desks: dict[str, Desk]) -> None:
        self.desks = desks
        self.down: set[str] = set()
        for code, desk in desks.items():
            desk.logs_at = (
                desk.node.reach._logs
            )  # by what the node knows of its partners, as in daily life
            desk.node.reach = lambda url, code=code: self._reach(code, url)
        for one in desks.values():
            for other in desks:
                if other != one.node.agency:
                    directory.add(one.node, address(other))

    def _reach(self, caller: str, url: str) -> PartnerClient:
        other = next(code for code in self.desks if address(code) == url)
        if other in self.down:
            raise NetworkError(f"{other} does not answer")
        keys = self.desks[caller].node.keys
        desk = self.desks[other]
        real = self.desks[caller].logs_at
        return PartnerClient(
            "http://home",
            transport=desk.transport,
            signer=lambda: (keys.service, keys.service_certificate.der),
            logs=lambda: real(url),
        )

    def __getitem__(self, code: str) -> Desk:
        return self.desks[code]

    def later(self, url: str, seconds: int) -> None:
        """Time passes for every agency, and on their chain at ``url``, which is anvil."""
        with closing(RpcChain(url)) as chain:
            chain._ask("evm_increaseTime", seconds)
            chain._ask("evm_mine")
        for desk in self.desks.values():
            desk.node.clock = Ahead(desk.node.clock, seconds)
            desk.client._token = None  # a session's proofs carry the time of its beginning

    def settle(self, *codes: str, rounds: int = 4) -> dict[str, str]:
        """Let these agencies (all of them by default) anchor and exchange; the problems of the last
        round.
        """
        problems: dict[str, str] = {}
        for _ in range(rounds):
            problems = {}
            for code in codes or self.desks:
                sync.settle(self.desks[code].node, timeout=30)
                problems |= sync.sync(self.desks[code].node).problems
        return problems


@contextmanager
def opened(folder: Path, *agencies: str) -> Iterator[Consortium]:
    """Desks in the homes of agencies that were founded in ``folder``."""
    with ExitStack() as stack:
        yield Consortium({code: stack.enter_context(Desk(folder / code)) for code in agencies})


def upload(desk: Desk, tmp_path: Path, data: bytes = b"evidence" * 1000) -> str:
    file = tmp_path / "photo.jpg"
    file.write_bytes(data)
    [done] = desk.upload(file)
    return done.evidence


def offer(desk: Desk, evidence: str, agency: str, **more: object) -> None:
    terms = OfferTerms(agency, int(time.time()) + 86400, **more)  # type: ignore[arg-type]
    handover.offer(desk.client, desk.person, desk.clock, evidence, terms)


def confirmed(desk: Desk) -> object:
    chain = desk.node.contracts.chain
    return lambda number, digest: {chain.block(number).hash}


def judged(desk: Desk, evidence: str, root: TrustRoot) -> str:
    sync.settle(desk.node, timeout=30)
    report = verify(desk.bundle(evidence), root, confirm=confirmed(desk))  # type: ignore[arg-type]
    return f"{report.verdict.value} {report.facts.get('custodian')} {report.facts.get('handoversAbroad')}"
