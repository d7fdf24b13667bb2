"""Proofs at one final block of everything that a verifier of a bundle will ask the contracts."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.domain.bundle.bundle import Bundle, ChainSection, StorageProof
from ledger.domain.chain import contract_layout
from ledger.domain.chain.contract_layout import ContractName
from ledger.domain.identity.names import agency_id
from ledger.domain.ports.node_and_chain import BlockRef
from ledger.rows.items import ItemRow
from ledger.services.bundles import descendants
from ledger.services.node.context import Node
from ledger.services.onchain import transfer_steps


def prove(
    node: Node, item: ItemRow, assembled: Bundle, descriptor_slots: list[bytes], block: BlockRef
) -> ChainSection:
    """The chain section of a bundle that is whole but for it.

    Args:
        descriptor_slots: of the registry, for the descriptors that it shows and those it lacks.
    """
    contracts, number = node.contracts, block.number
    key = transfer_steps.key_of(item)
    ids = [contracts.log_id(agency_id(log.agency), log.number) for log in assembled.logs]
    ledger_slots = [
        contract_layout.checkpoint_slot(ids[checkpoint.log], checkpoint.size)
        for checkpoint in assembled.checkpoints
    ]
    # Where what the holder's log holds is listed: that it is the current log, and how far it goes.
    holder, registry_slots = item.state.custodian, [*descriptor_slots]
    listed = {assembled.checkpoints[row.checkpoint].log for row in assembled.lists}
    held = [log for log in sorted(listed) if assembled.logs[log].agency == holder]
    if held:
        ledger_slots += [contract_layout.newest_slot(ids[log]) for log in held]
        registry_slots.append(contract_layout.agency_slot(agency_id(holder)))
    ledger_slots.append(contract_layout.custody_slot(key))
    concluded = sum(hop.outcome != contract_layout.OPEN for hop in assembled.hops)
    if concluded:
        ledger_slots.append(contract_layout.hop_slot(key, concluded - 1))
    if len(assembled.hops) > concluded:
        ledger_slots.append(contract_layout.hop_slot(key, concluded))
    ledger = contracts.chain.prove(contracts.ledger, ledger_slots, number)
    registry = contracts.chain.prove(contracts.registry, registry_slots, number)
    return ChainSection(
        block.header,
        descendants.collect(contracts.chain, node.seal_rules, block),
        registry.account,
        ledger.account,
        (
            *_proofs("ledger", ledger_slots, ledger.storage),
            *_proofs("registry", registry_slots, registry.storage),
        ),
    )


def _proofs(
    contract: ContractName, asked: list[bytes], nodes: Iterable[tuple[bytes, ...]]
) -> list[StorageProof]:
    return [StorageProof(contract, slot, proof) for slot, proof in zip(asked, nodes, strict=True)]
