"""Publishing a version of our descriptor, in steps that may each be the last one before a crash:

1. the governor's transaction is sent; the registry takes a version once
2. when its block is final, the version is written down and announced in the log
3. pending entries are anchored, under the keys that are still in force

Whoever repeats it goes on where it ended: what the registry has is not sent again, and what is
written down is not announced again.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ledger.domain.audit.contract_events import DescriptorPublished
from ledger.domain.chain import contract_layout
from ledger.domain.chain.evm import keccak256
from ledger.domain.errors import ChainError, ConflictError, DeniedError, NetworkError
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.identity.names import agency_id
from ledger.domain.identity.person import PersonId
from ledger.rows.agencies import DescriptorRow
from ledger.services.access.still_enrolled import require_still
from ledger.services.node import log_keys
from ledger.services.node.context import Node
from ledger.services.onchain import checkpoint_anchoring
from ledger.services.registration import agency_statements
from ledger.services.rotation import drafts

_WAIT: Final = 60.0  # seconds for a block, and for what is anchored behind it
_PAUSE: Final = 0.05
_PAGE: Final = 1000  # blocks that are asked for at once
_NONE: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Published:
    """A version that the registry has, and from when on it is in force; ``anchored``: whether
    everything in the log was anchored before.
    """

    version: int
    active_from: int
    anchored: bool


def publish(node: Node, document: bytes, transaction: bytes, *, by: PersonId) -> Published:
    """Publish the next version of our descriptor.

    Args:
        document: as it was drafted. transaction: the governor's, signed.

    Raises:
        ConflictError: another version than was drafted, or its keys are not held here. DeniedError:
            another account than the governor signed, or who asks is no administrator any more.
        NetworkError: not final in time; repeat it. ChainError: the registry refused.
    """
    descriptor = descriptors.parse(document)
    with node.settles("descriptor"):
        with node.records.read() as unit:
            require_still(node, unit, by, drafts.ROLE)
            row = unit.authority.descriptors()[-1]
            if row.document != document:
                before = drafts.newest(node, unit)
                _require_drafted(node, before, descriptor)
        if row.document != document:
            _require_governor(node, descriptor, transaction)
            row = _taken(node, descriptor, transaction)
            _write(node, row, descriptor, by)
    anchored = False
    with suppress(NetworkError):  # it goes on by itself while the version is not in force yet
        checkpoint_anchoring.anchor_now(node, timeout=_WAIT)
        anchored = True
    return Published(row.version, row.active_from, anchored)


def _require_drafted(node: Node, before: Descriptor, found: Descriptor) -> None:
    drafted = descriptors.following(before, log_key=found.log_key, node=found.node)
    if found != drafted:
        raise ConflictError(
            f"expected version {before.version + 1} of the descriptor of {node.agency} as it was "
            f"drafted, found version {found.version} with other members",
            hint="draft it again: the same command does",
        )
    held = {log_keys.public(key) for key in node.keys.logs}
    if found.log_key not in held or found.node.digest not in node.keys.recipients:
        raise ConflictError(
            "the descriptor names a key of the node that this node does not hold",
            hint="draft it again: the same command does",
        )


def _require_governor(node: Node, descriptor: Descriptor, transaction: bytes) -> None:
    sender, agency, digest = node.contracts.read_publication(transaction)
    governor = node.contracts.standing(agency_id(node.agency)).governor
    if (agency, digest) != (agency_id(node.agency), descriptor.digest):
        raise ConflictError("the transaction publishes another descriptor than the one shown")
    if sender != governor:
        raise DeniedError(
            f"0x{sender.hex()} signed, and the governor of {node.agency} is 0x{governor.hex()}",
            hint="let whoever holds the governor's account publish it",
        )


def _taken(node: Node, descriptor: Descriptor, transaction: bytes) -> DescriptorRow:
    """Send the transaction where the registry lacks the version, and wait until it is final."""
    contracts, deadline = node.contracts, time.monotonic() + _WAIT
    agency, sent = agency_id(node.agency), False
    while (kept := contracts.descriptor_commitment(agency, descriptor.version)) == _NONE:
        if not sent:
            contracts.chain.send(transaction)
            sent = True
            continue
        receipt = contracts.chain.receipt(keccak256(transaction))
        if receipt is not None and not receipt.succeeded:
            raise ChainError("the registry refused the descriptor", hint="run: custody doctor")
        _pause(deadline)
    while True:
        event = _event(node, agency, descriptor.version)
        if event is not None:
            commitment = contract_layout.descriptor_commitment(
                descriptor.digest, event.active_from, event.block
            )
            if commitment != kept:
                raise ChainError(
                    f"the registry has another version {descriptor.version} of the descriptor of "
                    f"{node.agency} than the one shown",
                    hint="if nobody of yours published it, somebody has the governor's key: see "
                    "docs/operations.md, and cancel it before it is in force",
                )
            if contracts.chain.final() >= event.block:
                return DescriptorRow(
                    descriptor.version, descriptor.raw, event.active_from, event.block
                )
        _pause(deadline)
        kept = contracts.descriptor_commitment(agency, descriptor.version)


def _pause(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise NetworkError(
            f"the descriptor is not in a final block within {_WAIT:.0f} s",
            hint="repeat the same command: it goes on where it is",
        )
    time.sleep(_PAUSE)


def _event(node: Node, agency: bytes, version: int) -> DescriptorPublished | None:
    """When the registry took a version last: looked for from the newest block back."""
    last = node.contracts.chain.head().number
    while last >= 0:
        first = max(0, last - _PAGE + 1)
        for event in reversed(node.contracts.events(first, last)):
            if isinstance(event, DescriptorPublished) and (event.agency, event.version) == (
                agency,
                version,
            ):
                return event
        last = first - 1
    return None


def _write(node: Node, row: DescriptorRow, descriptor: Descriptor, by: PersonId) -> None:
    with node.records.write() as unit:
        require_still(node, unit, by, drafts.ROLE)
        unit.authority.put_descriptor(row)
        body = {"version": row.version, "digest": descriptor.digest.hex()}
        agency_statements.publish(node, unit, "descriptor-published", body)
