"""The trust root that follows from a node's own chain."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.domain.bundle.trust import Contract, TrustRoot
from ledger.domain.chain.finality import Finality, Pinned, Rpc
from ledger.domain.errors import ConflictError
from ledger.domain.ports.node_and_chain import Contracts
from ledger.domain.timestamps.authorities import TimeAuthority
from ledger.services.node.context import Node


def trust_root(node: Node, *, confirmations: int, pin: int | None = None) -> TrustRoot:
    """A trust root for this node's chain; see ``of_contracts``."""
    return of_contracts(
        node.contracts,
        node.agency,
        seal_rules=node.seal_rules,
        confirmations=confirmations,
        pin=pin,
        time_authorities=tuple(api.authority for api in node.time_authorities),
    )


def of_contracts(
    contracts: Contracts,
    agency: str,
    *,
    seal_rules: Sequence[Finality],
    confirmations: int,
    pin: int | None = None,
    time_authorities: tuple[TimeAuthority, ...] = (),
) -> TrustRoot:
    """A trust root for the chain that an agency's contracts lie on. Nothing of it is secret.

    Args:
        seal_rules: how its seals are judged; empty where they are not.
        confirmations: for verifiers who ask a chain of their choice.
        pin: number of a final block to pin, for bundles that are proven at it.
        time_authorities: those that the agency asks.

    Raises:
        ConflictError: that block is not final yet.
    """
    registry_code, ledger_code = contracts.code_hashes()
    final = contracts.chain.final()
    if pin is not None and pin > final:
        raise ConflictError(
            f"block {pin} is not final yet, block {final} is", hint="try again in a while"
        )
    pins = {number for number in (pin, None if seal_rules else final) if number is not None}
    rules: list[Finality] = (
        [Pinned({number: contracts.chain.block(number).hash for number in pins})] if pins else []
    )
    rules += [*seal_rules, Rpc(confirmations)]
    return TrustRoot(
        contracts.chain.label,
        contracts.chain.chain_id(),
        contracts.chain.block(0).hash,
        contracts.chain.headers,
        Contract(contracts.registry, registry_code),
        Contract(contracts.ledger, ledger_code),
        tuple(rules),
        (agency,),
        time_authorities,
    )
