"""A node: one agency's identity, keys and ports, as the other services need them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.domain.cose import PrivateKey
from ledger.domain.grants import HpkePrivateKey
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.ports import Clock, Contracts
from ledger.domain.records import Records, Unit
from ledger.domain.storage import NodeStore, Replicas
from ledger.services.authority import Authority


@dataclass(frozen=True)
class NodeKeys:
    """What a running node holds; ``authority`` only where the CA key is at hand. ``anchorer`` is a 32-byte chain key."""

    log: Ed25519PrivateKey
    anchorer: bytes
    anchorer_address: bytes
    service: PrivateKey
    service_certificate: Certificate
    hpke: HpkePrivateKey
    index: bytes
    authority: Authority | None


@dataclass
class Node:
    """The context of every service on the node."""

    agency: str
    log_id: bytes
    records: Records
    blocks: NodeStore
    contracts: Contracts
    clock: Clock
    keys: NodeKeys
    replicas: Replicas = field(default_factory=Replicas)
    #: Anchoring in this process happens one at a time.
    anchoring: threading.Lock = field(default_factory=threading.Lock)

    def descriptor(self, unit: Unit) -> Descriptor:
        """The descriptor in force now."""
        now = self.clock.now()
        known = unit.descriptors()
        in_force = [row for row in known if row.active_from <= now]
        # None where the clock was set back behind the founding: the first one, so that the answer can be about the clock.
        return descriptors.parse((in_force or known[:1])[-1].document)
