"""The next version of the descriptor, before its governor signs for it.

- the node makes the keys that the node holds, and keeps them before it shows anything: a key that
  the registry names is never one that was lost
- the same draft comes out until it is published: whoever was interrupted types the same again
- one version at a time: the next one is drafted once the last one is in force
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.domain.codecs.text import format_time
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.errors import ConflictError
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.identity.names import agency_id
from ledger.domain.identity.person import PersonId
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access.still_enrolled import require_still
from ledger.services.node import log_keys
from ledger.services.node.context import Node

ROLE = "administrator"


class Rotated(StrEnum):
    """Which key of the agency gives way to another."""

    LOG_KEY = "log-key"
    NODE_KEY = "node-key"


@dataclass(frozen=True, slots=True)
class Draft:
    """A version that the governor may publish, and where their transaction goes: the registry (20
    bytes), the number of the transaction, and its fees per gas in wei.
    """

    descriptor: Descriptor
    registry: bytes
    chain: int
    nonce: int
    fee: int
    tip: int


def draft(node: Node, what: Rotated, *, by: PersonId) -> Draft:
    """Draft the version that names another key.

    Raises:
        ConflictError: the last version that was published is not in force yet. DeniedError: who
            asks is no administrator any more. NetworkError, ChainError: the chain does not answer.
    """
    with node.settles("descriptor"):
        with node.records.read() as unit:
            require_still(node, unit, by, ROLE)
            following = _to_come(node, unit, what)
            if following is None:
                before = newest(node, unit)
                changed = _MADE[what](node, unit)
                following = descriptors.following(before, **changed)
        contracts = node.contracts
        governor = contracts.standing(agency_id(node.agency)).governor
        chain = contracts.chain
        return Draft(
            following,
            contracts.registry,
            chain.chain_id(),
            chain.nonce(governor),
            *chain.fees(),
        )


def _to_come(node: Node, unit: UnitOfWork, what: Rotated) -> Descriptor | None:
    """The version that was published for this and is not in force yet: who repeats it is told of
    it again.
    """
    rows = unit.authority.descriptors()
    if rows[-1].active_from <= node.clock.now():
        return None
    last, before = (descriptors.parse(row.document) for row in (rows[-1], rows[-2]))
    changed = {
        Rotated.LOG_KEY: last.log_key != before.log_key,
        Rotated.NODE_KEY: last.node != before.node,
    }[what]
    return last if changed else None


def newest(node: Node, unit: UnitOfWork) -> Descriptor:
    """The newest version of our descriptor, which is in force.

    Raises:
        ConflictError: it is not yet.
    """
    row = unit.authority.descriptors()[-1]
    if row.active_from > node.clock.now():
        raise ConflictError(
            f"version {row.version} of the descriptor is in force from "
            f"{format_time(row.active_from)} on, and the next one is published after that",
            hint="try again then; until then the keys of the version before sign",
        )
    return descriptors.parse(row.document)


def _log_key(node: Node, unit: UnitOfWork) -> dict[str, Any]:
    named = {one.log_key for one in log_keys.every_version(unit)}
    for key in node.keys.logs:
        if log_keys.public(key) not in named:  # made before, and not published yet
            return {"log_key": log_keys.public(key)}
    key = Ed25519PrivateKey.generate()
    keys = (*node.keys.logs, key)
    node.keep_log_keys(keys)  # on the disk before anybody signs for it
    node.keys = replace(node.keys, logs=keys)
    return {"log_key": log_keys.public(key)}


def _node_key(node: Node, unit: UnitOfWork) -> dict[str, Any]:
    named = {one.node for one in log_keys.every_version(unit)}
    for key in node.keys.hpkes:
        if key.public not in named:
            return {"node": key.public}
    key = HpkePrivateKey.generate(node.descriptor(unit).node.kem)
    keys = (*node.keys.hpkes, key)
    node.keep_hpke_keys(keys)
    node.keys = replace(node.keys, hpkes=keys)
    return {"node": key.public}


_MADE: Final = {Rotated.LOG_KEY: _log_key, Rotated.NODE_KEY: _node_key}
