"""The chain that a home joins, held against the trust root that it was given."""

from __future__ import annotations

from contextlib import closing
from typing import Final

from ledger.adapters.chain import consortium, probing
from ledger.adapters.chain.contracts import Contracts
from ledger.adapters.chain.rpc import RpcChain
from ledger.app.deploy_contracts import FounderDescriptor
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.chain import contract_layout, finality, seals
from ledger.domain.chain.clique import Clique
from ledger.domain.chain.finality import Pinned, SealRule
from ledger.domain.errors import ChainError
from ledger.domain.identity.names import agency_id
from ledger.domain.ports.node_and_chain import BlockRef

_OTHER: Final = "the trust root names another agency, other accounts or another descriptor for {}"


def require(url: str, root: TrustRoot) -> None:
    """Check that the chain behind an address is that of the trust root, and that those seal it who
    are named there.

    Raises:
        ChainError: it is another one, or its node contradicts itself.
    """
    sealing = [rule for rule in root.finality if isinstance(rule, SealRule)]
    in_force = [rule for rule in sealing if rule.end is None]  # one at most
    if sealing and not in_force:
        raise ChainError(
            "the trust root names nobody who seals blocks from now on", hint=seals.NEWER
        )
    with closing(RpcChain(url)) as chain:
        if (chain.chain_id(), chain.told("0x0").hash) != (root.chain_id, root.genesis):
            raise ChainError(
                f"the chain there is not chain {root.chain_id} of the trust root",
                hint="check --rpc and --trust",
            )
        found = probing.probe(chain, finality.sealers(in_force[0]) if in_force else None)
    for expected, rule in zip(in_force, found.rules(), strict=False):  # some roots have none
        if _kind(rule) != _kind(expected):
            raise ChainError(
                f"the chain is {_kind(rule)}, expected {_kind(expected)} by the trust root",
                hint="check --rpc and --trust",
            )


def _kind(rule: SealRule) -> str:
    if isinstance(rule, Clique):
        return "Clique"
    return "QBFT with validators in " + ("a contract" if rule.in_contract else "its headers")


def deployed_in(contracts: Contracts, root: TrustRoot, card: FounderDescriptor) -> BlockRef:
    """The block that deployed the contracts, after checking code and our own entry in the
    registry.

    Raises:
        ChainError: contracts that are not genuine, or other founders than ours.
    """
    consortium.check_genuine(contracts)
    if contracts.code_hashes() != (root.registry.code_hash, root.ledger.code_hash):
        raise ChainError(
            "the contracts on chain are not those of the trust root", hint="check --trust"
        )
    if not _has_accounts(contracts, card):
        raise ChainError(
            _OTHER.format(card.agency),
            hint="deploy again with the card of this home among the founders",
        )
    block = _committed_in(contracts, root, card)
    if block is None:
        raise ChainError(
            _OTHER.format(card.agency), hint="use the trust root that `custody chain deploy` wrote"
        )
    return block


def require_in_force(contracts: Contracts, root: TrustRoot, card: FounderDescriptor) -> None:
    """Check that the registry has another founder as its card says, now: a card whose keys were
    changed since would have things sealed to the old ones.

    Raises:
        ChainError: it has not.
    """
    standing = contracts.standing(agency_id(card.agency))
    if (
        (standing.active, standing.version) != (True, 1)
        or not _has_accounts(contracts, card)
        or _committed_in(contracts, root, card) is None
    ):
        raise ChainError(
            f"the card of {card.agency} is not what the registry has of it now",
            hint="leave it out, and once its node answers: custody partner add URL",
        )


def _has_accounts(contracts: Contracts, card: FounderDescriptor) -> bool:
    standing = contracts.standing(agency_id(card.agency))
    return (standing.governor, standing.anchorer, standing.recovery) == card.accounts


def _committed_in(
    contracts: Contracts, root: TrustRoot, card: FounderDescriptor
) -> BlockRef | None:
    """The block of the trust root in which the registry took the descriptor of a card."""
    commitment = contracts.descriptor_commitment(agency_id(card.agency), 1)
    for number, digest in sorted(
        pin for rule in root.finality if isinstance(rule, Pinned) for pin in rule.blocks.items()
    ):
        block = contracts.chain.block(number)
        if block.hash == digest and commitment == contract_layout.descriptor_commitment(
            card.descriptor.digest, block.time, number
        ):
            return block
    return None
