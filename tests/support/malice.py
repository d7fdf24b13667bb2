"""Agencies that can do whatever their keys let them: they sign, log, anchor and serve files without
any of our rules in between.

The chain and the contracts are the real ones; the log files are written byte by byte. An honest
history made here is what a node would make; a test then breaks one thing and says which finding
must name it.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from coincurve import PrivateKey as ChainKey

from ledger.adapters.audit_state import SqliteAuditState
from ledger.adapters.chain.contracts import (
    Contracts,
    Delays,
    Founder,
    address_of,
    deploy,
)
from ledger.adapters.chain.local import LocalChain
from ledger.adapters.logfiles import FolderFiles
from ledger.adapters.memory import StoppedClock
from ledger.app.open_audit import about
from ledger.domain.audit.report import AuditReport
from ledger.domain.bundle import trust
from ledger.domain.bundle.trust import Contract, TrustRoot
from ledger.domain.chain.finality import Rpc
from ledger.domain.identity.names import agency_id
from ledger.services.audit import external
from tests.support.malice_agency import DELAY, Agency, Item, Signer

START = 1_790_000_000
RECOVERY = 86400


class AsANode(FolderFiles):
    """A tree as the agency's own node shows it, which has no excuse for lagging behind the
    contract.
    """

    is_node = True


class World:
    """Agencies on an embedded chain whose time stands still until a test moves it."""

    def __init__(self, folder: Path, rng: Random, *codes: str) -> None:
        self.folder = folder
        self.clock = StoppedClock(START)
        self.agencies = {code: Agency(self, code, rng) for code in codes}
        deployer = rng.randbytes(32)
        accounts = [
            key
            for agency in self.agencies.values()
            for key in (agency.anchorer, agency.governor, agency.recovery)
        ]
        chain = LocalChain(
            folder / "chain", chain_id=31337, sealer=ChainKey(rng.randbytes(32)).secret, clock=self.clock,
            funded=[address_of(key) for key in (deployer, *accounts)],
        )  # fmt: skip
        founders = [
            Founder(
                code,
                address_of(agency.governor),
                address_of(agency.anchorer),
                address_of(agency.recovery),
                agency.descriptor.digest,
            )
            for code, agency in self.agencies.items()
        ]
        registry, ledger, _ = deploy(chain, deployer, founders, Delays(0, 86400, RECOVERY))
        self.contracts = Contracts(chain, registry, ledger)
        codes_on_chain = self.contracts.code_hashes()
        self.root = TrustRoot(
            "test",
            31337,
            chain.block(0).hash,
            chain.headers,
            Contract(registry, codes_on_chain[0]),
            Contract(ledger, codes_on_chain[1]),
            (Rpc(0),),
        )
        self.clock.time += 60
        for agency in self.agencies.values():
            agency.log_id = self.contracts.log_id(agency_id(agency.code), 0)
            agency.publish("log-opened", {"policy": "test", "trustAnchors": ["test"]})
            agency.publish_crl()

    def __getitem__(self, code: str) -> Agency:
        return self.agencies[code]

    def settle(self, *, publish: bool = True) -> None:
        """Everybody issues a fresh revocation list and anchors."""
        self.clock.time += 60
        for agency in self.agencies.values():
            agency.anchor()
        if publish:
            self.clock.time += 120
            for agency in self.agencies.values():
                agency.publish_crl()
                agency.anchor()

    def audit(
        self,
        *folders: Path,
        state: Path | None = None,
        kind: type[FolderFiles] = AsANode,
        **options: Any,
    ) -> AuditReport:
        """An audit from outside of the logs in these folders, read as nodes or as copies."""
        self.clock.time += 1
        kept = SqliteAuditState(state, about(self.root))
        try:
            files = [kind(folder) for folder in folders]
            return external.audit(
                self.contracts,
                self.root,
                files,
                kept,
                self.clock,
                external.ExternalOptions(**options),
            )
        finally:
            kept.close()

    def audit_all(self, **options: Any) -> AuditReport:
        """An audit of every log as it truly is."""
        return self.audit(
            *(agency.write(self.folder / code) for code, agency in self.agencies.items()), **options
        )

    def close(self) -> None:
        self.contracts.chain.close()


__all__ = ["DELAY", "Agency", "Item", "Signer", "World", "trust"]
