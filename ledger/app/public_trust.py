"""The trust root of a home without its passphrase: nothing of it is secret, and whoever verifies
something shall not have to open every key for that.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from ledger.adapters.chain.contracts import Contracts
from ledger.adapters.clock import SystemClock
from ledger.app import settings, time_settings
from ledger.app.settings import HomeSettings
from ledger.domain.chain import clique, evm
from ledger.domain.chain.finality import Finality
from ledger.domain.ports.node_and_chain import Chain
from ledger.services.bundles import agency_trust


def read(home: Path, pin: int | None = None) -> bytes:
    """The trust root that the node of a home would give, also while another process has the home.

    Args:
        pin: number of a final block to pin.

    Raises:
        UsageError: no home there. StorageError: others can write in it, or the chain cannot be
            read. ConflictError: the block is not final yet. NotFoundError: the chain lacks it.
        ChainError: a shared chain did not tell.
    """
    settings.require_private(home)
    config = settings.read(home)
    with closing(_chain(home, config)) as chain:
        root = agency_trust.of_contracts(
            Contracts(chain, bytes.fromhex(config.registry[2:]), bytes.fromhex(config.ledger[2:])),
            config.agency,
            seal_rules=_seal_rules(config, chain),
            confirmations=config.chain.confirmations,
            pin=pin,
            time_authorities=time_settings.named(config.time_authorities),
        )
    return root.encode()


def _chain(home: Path, config: HomeSettings) -> Chain:
    if config.chain.kind != "local":
        from ledger.adapters.chain.rpc import RpcChain

        told = config.chain
        return RpcChain(
            told.url, confirmations=told.confirmations, expected=told.id, headers=told.headers
        )
    from ledger.adapters.chain.local import LocalChain

    # To look at blocks takes no key that seals them: one that is nobody's stands in its place.
    return LocalChain(
        home / "chain",
        chain_id=config.chain.id,
        sealer=secrets.token_bytes(32),
        clock=SystemClock(),
        view=True,
    )


def _seal_rules(config: HomeSettings, chain: Chain) -> Sequence[Finality]:
    """How the seals of the chain are judged; an embedded one has one sealer, whose seal is on each
    block.
    """
    if config.chain.kind != "local":
        return config.chain.seal_rules()
    return [clique.alone(clique.signer(evm.parse_header(chain.head().header)))]
