"""Export of an item as a bundle, and of the trust root."""

from __future__ import annotations

from ledger.domain import slots, trust
from ledger.domain.bundle import (
    Bundle,
    BundledCheckpoint,
    BundledDescriptor,
    BundledStatement,
    ChainSection,
    LogRef,
    StorageProof,
)
from ledger.domain.errors import NotFoundError
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.names import agency_id
from ledger.domain.merkle import NodeReader
from ledger.domain.records import CheckpointRow, EntryRow, Unit
from ledger.domain.trust import Clique, Contract, Finality, TrustRoot
from ledger.services import access, agencylog, logbook
from ledger.services.node import Node

_LEDGER = "ledger"
_REGISTRY = "registry"


def bundle(node: Node, evidence: str, *, until: int | None = None) -> Bundle:
    """The bundle of an item.

    Args:
        until: leave out events from this seq on: a bundle ends before the event that records its own export.

    Raises:
        NotFoundError: no such item.
    """
    with node.records.read() as unit:
        rows = [row for row in unit.events(evidence) if until is None or row.seq < until]
        item = unit.item(evidence)
        if item is None or not rows:
            raise NotFoundError("no such item")
        firsts = [unit.covering_checkpoint(row.log, row.index) for row in rows]
        last_proven = max((one.time for one in firsts if one is not None and one.state == "final"), default=0)
        stale = not unit.crls() or unit.crls()[-1].issued < last_proven
    if stale and last_proven:
        with node.records.write() as unit:
            agencylog.fresh_crl(node, unit, last_proven)
    with node.records.read() as unit:
        return _assemble(node, unit, rows, item.state.origin, item.state.ref)


def _assemble(node: Node, unit: Unit, rows: list[EntryRow], origin: str, ref: bytes) -> Bundle:
    newest = unit.newest_checkpoint(node.log_id, ("final",))
    log = unit.log(node.log_id)
    assert log is not None
    checkpoints: dict[int, CheckpointRow] = {}
    if newest is not None:
        covered = [unit.covering_checkpoint(row.log, row.index) for row in rows if row.index < newest.size]
        checkpoints = {one.size: one for one in (*covered, newest if covered else None) if one is not None}
    order = sorted(checkpoints)
    read = logbook.reader(unit, node.log_id)  # one for all receipts: it keeps the tiles that it has read
    statements = tuple(_statement(node, unit, row, read, newest, checkpoints, order) for row in rows)
    certificates = {row.certificate: unit.certificate(row.certificate) for row in rows}
    crls = unit.crls()[-1:]
    bundled = Bundle(
        evidence=rows[0].evidence,
        origin=origin,
        logs=(LogRef(node.agency, log.number),),
        statements=statements,
        certificates=tuple(der for der in certificates.values() if der is not None),
        crls=tuple(row.der for row in crls),
        checkpoints=tuple(_checkpoint(checkpoints[size]) for size in order),
        descriptors=_descriptors(unit, checkpoints),
        hops=(),
        chain=None,
    )
    return bundled.with_chain(chain_section(node, bundled, ref)) if checkpoints else bundled


def _statement(
    node: Node,
    unit: Unit,
    row: EntryRow,
    read: NodeReader,
    newest: CheckpointRow | None,
    checkpoints: dict[int, CheckpointRow],
    order: list[int],
) -> BundledStatement:
    event = access.read_event(node, unit, row)
    entry = (0, row.index, row.entry, None if event is None else event.raw)
    disclosures = () if event is None else tuple(one.encoded for one in event.disclosures)
    if newest is None or row.index >= newest.size:
        return BundledStatement(*entry, disclosures, None, None)
    first = next(number for number, size in enumerate(order) if checkpoints[size].prev <= row.index < size)
    return BundledStatement(*entry, disclosures, logbook.receipt(node, row, read, newest.size).encode(), first)


def _checkpoint(row: CheckpointRow) -> BundledCheckpoint:
    return BundledCheckpoint(0, row.prev, row.size, row.root, row.version, row.time, row.block, row.note)


def _descriptors(unit: Unit, checkpoints: dict[int, CheckpointRow]) -> tuple[BundledDescriptor, ...]:
    """The versions that checkpoints name, those in force at their times, and each one's successor where there is one."""
    rows = unit.descriptors()
    wanted = set()
    for checkpoint in checkpoints.values():
        in_force = [row.version for row in rows if row.active_from <= checkpoint.time]
        wanted |= {checkpoint.version, *in_force[-1:], *(version + 1 for version in in_force[-1:])}
    return tuple(BundledDescriptor(row.document, row.active_from, row.block) for row in rows if row.version in wanted)


def chain_section(node: Node, bundled: Bundle, ref: bytes) -> ChainSection:
    """Proofs at the newest final block of everything that a verifier of this bundle will ask the contracts."""
    contracts = node.contracts
    origin = agency_id(bundled.origin)
    ledger_slots = [slots.checkpoint_slot(node.log_id, one.size) for one in bundled.checkpoints]
    ledger_slots.append(slots.custody_slot(slots.custody_key(origin, ref)))
    versions = {one.version for one in bundled.checkpoints} | _known_versions(bundled)
    registry_slots = [slots.descriptor_slot(agency_id(node.agency), version) for version in sorted(versions)]
    block = contracts.chain.block(contracts.chain.final())
    ledger = contracts.chain.prove(contracts.ledger, ledger_slots, block.number)
    registry = contracts.chain.prove(contracts.registry, registry_slots, block.number)
    storage = [StorageProof(_LEDGER, slot, nodes) for slot, nodes in zip(ledger_slots, ledger.storage, strict=True)]
    storage += [StorageProof(_REGISTRY, slot, nodes) for slot, nodes in zip(registry_slots, registry.storage, strict=True)]
    return ChainSection(block.header, (), registry.account, ledger.account, tuple(storage))


def _known_versions(bundled: Bundle) -> set[int]:
    """Every descriptor in the bundle, and the one after the newest in force: absent, or it would be in the bundle."""
    present = {descriptors.parse(one.document).version: one.active_from for one in bundled.descriptors}
    found = set(present)
    firsts = {one.first for one in bundled.statements if one.first is not None}
    for checkpoint in (bundled.checkpoints[first] for first in firsts):
        in_force = max(version for version, active_from in present.items() if active_from <= checkpoint.time)
        found.add(in_force + 1)
    return found


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
