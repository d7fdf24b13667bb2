"""The trust root that follows from a node's own chain."""

from __future__ import annotations

from ledger.domain import trust
from ledger.domain.trust import Clique, Contract, Finality, TrustRoot
from ledger.services.node import Node


def trust_root(node: Node, *, sealers: list[bytes], confirmations: int) -> TrustRoot:
    """A trust root for this node's chain.

    Args:
        sealers: addresses that seal its blocks (Clique); empty where seals are not judged.
        confirmations: for verifiers who ask a chain of their choice.
    """
    contracts = node.contracts
    registry_code, ledger_code = contracts.code_hashes()
    rules: list[Finality] = []
    if sealers:
        rules.append(Clique(1, None, frozenset(sealers), len(sealers) // 2 + 1))
    else:
        final = contracts.chain.block(contracts.chain.final())
        rules.append(trust.Pinned({final.number: final.hash}))
    rules.append(trust.Rpc(confirmations))
    return TrustRoot(
        contracts.chain.label,
        contracts.chain.chain_id(),
        contracts.chain.block(0).hash,
        Contract(contracts.registry, registry_code),
        Contract(contracts.ledger, ledger_code),
        tuple(rules),
        (node.agency,),
    )
