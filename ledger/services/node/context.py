"""A node: one agency's identity, keys and ports, as the other services need them."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.domain.blocks.store import NodeStore, Replicas
from ledger.domain.chain.finality import Finality
from ledger.domain.codecs.cose import PrivateKey
from ledger.domain.crypto.grants import Grant, HpkePrivateKey
from ledger.domain.errors import BusyError, KeyringError, NetworkError
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.item.jurisdiction_profile import Profile
from ledger.domain.ports.node_and_chain import (
    BlockRef,
    Clock,
    Contracts,
    IdentityProvider,
    PartnerApi,
)
from ledger.domain.ports.time_authority import TimeAuthorityApi
from ledger.rows.storage import ReplicaStateRow
from ledger.rows.unit_of_work import Database, UnitOfWork
from ledger.services.node import log_keys
from ledger.services.node.backoff import Backoff
from ledger.services.node.certificate_authority import Authority
from ledger.services.node.duty_board import Board
from ledger.services.node.outbound_calls import Callouts
from ledger.services.node.telemetry import Silent, Telemetry
from ledger.services.node.transfer_progress import Transfers

_PAGE: Final = 500
_WAIT: Final = 30.0  # seconds that anybody waits for a lock that is held while others are asked
_PROBE: Final = 3.0  # seconds


@dataclass(frozen=True)
class NodeKeys:
    """What a running node holds; ``authority`` only where the CA key is at hand. ``anchorer`` is a
    32-byte chain key.
    """

    #: Each named by a version of the descriptor: the one in force, one to come, and an old one
    #: while a transaction of its time may still be mined.
    logs: tuple[Ed25519PrivateKey, ...]
    anchorer: bytes
    anchorer_address: bytes
    service: PrivateKey
    service_certificate: Certificate
    #: Likewise, for event documents: what is sealed to an old one is sealed anew to the one in
    #: force (services.rotation.rewrapping).
    hpkes: tuple[HpkePrivateKey, ...]
    index: bytes
    people: bytes
    authority: Authority | None

    @property
    def recipients(self) -> frozenset[bytes]:
        """Digests of the keys to which something may be sealed for this node."""
        return frozenset(key.public.digest for key in self.hpkes)

    def open(self, grant: Grant) -> bytes:
        """The 32-byte key in a grant that was made to this node.

        Raises:
            KeyringError: it was made to somebody else, or altered.
        """
        mine = [key for key in self.hpkes if key.public.digest == grant.recipient]
        return (mine or self.hpkes)[0].open(grant)


def _nobody(_: str) -> PartnerApi:
    raise NetworkError("this home cannot reach other agencies", hint="serve it: custody serve")


@contextmanager
def _within(lock: threading.Lock, seconds: float, what: str) -> Iterator[None]:
    if not lock.acquire(timeout=max(seconds, 0.0)):
        raise BusyError(
            f"a round of {what} is under way", hint="it goes on by itself; try again in a minute"
        )
    try:
        yield
    finally:
        lock.release()


@dataclass
class Node:
    """The context of every service on the node."""

    agency: str
    log_id: bytes
    records: Database
    blocks: NodeStore
    contracts: Contracts
    clock: Clock
    keys: NodeKeys
    #: How the seals of its chain are judged; nothing where they are not.
    seal_rules: Sequence[Finality] = ()
    #: Who is asked for the time of its checkpoints.
    time_authorities: Sequence[TimeAuthorityApi] = ()
    replicas: Replicas = field(default_factory=Replicas)
    #: The node of another agency at a URL.
    reach: Callable[[str], PartnerApi] = field(default=_nobody)
    #: When the last backup that was made can no longer be opened, seconds since 1970; 0 where none
    #: was made.
    backups_until: Callable[[], int] = field(default=lambda: 0)
    #: Where people of the agency log in besides with their keys; None where their keys are enough.
    identity: IdentityProvider | None = None
    #: What the agency's jurisdiction asks of records.
    profile: Profile | None = None
    #: Keeps a new certificate of the node itself where its keys are.
    keep_certificate: Callable[[bytes], None] = field(default=lambda _: None)
    #: Keeps these log keys there, and destroys every other one.
    keep_log_keys: Callable[[Sequence[Ed25519PrivateKey]], None] = field(default=lambda _: None)
    #: Likewise its HPKE keys.
    keep_hpke_keys: Callable[[Sequence[HpkePrivateKey]], None] = field(default=lambda _: None)
    #: The database as it goes on, where ``records`` is one moment of it.
    live: Database | None = None
    #: Where the node tells how its work goes.
    telemetry: Telemetry = field(default_factory=Silent)
    #: How its background work goes.
    workers: Board = field(default_factory=Board)
    #: Bytes of what one agency offers and nobody here has accepted yet.
    quota: int = 256 << 30
    #: Where whoever is given evidence finds a release of this program, in words; empty: not said.
    releases: str = ""
    #: What failed with other agencies, and when it is tried again.
    backoff: Backoff = field(default_factory=Backoff)
    #: Calls of others while a caller of ours waits.
    callouts: Callouts = field(default_factory=Callouts)
    #: Copies that people take of another agency's: two at once of one, so that a silent one leaves
    #: half of the lane to the others.
    copying: Callouts = field(default_factory=Callouts)
    #: Logins that wait for the identity provider, apart: partners that do not answer must not keep
    #: our own people out.
    identities: Callouts = field(default_factory=lambda: Callouts(at_once=10, each=10))
    #: Looks at the chain by whoever only asks whether it answers, so that a silent one is told at
    #: once by all who ask after the first.
    probes: Callouts = field(default_factory=lambda: Callouts(at_once=4, each=4))
    #: Ciphertext of offered items that comes in, and how far.
    transfers: Transfers = field(default_factory=Transfers)
    #: Transactions that the chain does not find though their place is taken, and since when.
    doubts: dict[bytes, int] = field(default_factory=dict)
    #: Transactions that the chain took and did not mine yet, and since when.
    waits: dict[bytes, int] = field(default_factory=dict)
    #: When the registry was last asked about an agency.
    standings: dict[str, int] = field(default_factory=dict)
    #: Where the next page of a partner's list begins, by list and agency.
    pages: dict[str, str] = field(default_factory=dict)
    #: Bytes that lie here of what an agency offers, by agency and digest of the offer.
    offer_sizes: dict[str, dict[bytes, int]] = field(default_factory=dict)
    #: Anchoring in this process happens one at a time.
    anchoring: threading.Lock = field(default_factory=threading.Lock)
    #: So is sending to one replica, the exchange with one agency, destroying keys, and reading
    #: again.
    settling: defaultdict[str, threading.Lock] = field(
        default_factory=lambda: defaultdict(threading.Lock)
    )
    reading: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def anchors(self) -> Iterator[None]:
        """Hold the anchoring lock.

        Raises:
            BusyError: somebody else holds it for too long.
        """
        with _within(self.anchoring, _WAIT, "anchoring"):
            yield

    @contextmanager
    def settles(self, what: str, *, seconds: float = _WAIT) -> Iterator[None]:
        """Hold one of the settling locks, see docs/architecture.md on their order.

        Raises:
            BusyError: somebody else holds it for too long.
        """
        with _within(self.settling[what], seconds, what):
            yield

    def has_come(self, table: str, **equal: Any) -> bool:
        """Whether a row came after the moment that ``records`` is: whatever goes to the chain is
        written down before, so that what the chain knows and the moment lacks is there by now.
        """
        if self.live is None:
            return False
        with self.live.read() as unit:
            return bool(unit.tables.rows(table, **equal))

    def chain_head(self) -> BlockRef:
        """The newest block of the chain, for metrics and readiness: a collector of metrics waits
        for ten seconds in all.

        Raises:
            NetworkError, BusyError: the chain did not answer in time.
        """
        return self.probes.run("the chain", self.contracts.chain.head, seconds=_PROBE)

    def put_holdings(self, rows: Sequence[ReplicaStateRow]) -> None:
        """Write down what is known about replicas, in one transaction."""
        if rows:
            with self.records.write() as unit:
                for row in rows:
                    unit.replicas.put(row)

    def holdings_at(self, name: str) -> Iterator[ReplicaStateRow]:
        """All that is known about one replica, page by page."""
        after = ""
        while True:
            with self.records.read() as unit:
                rows = unit.replicas.at_node(name, after=after, limit=_PAGE)
            yield from rows
            if len(rows) < _PAGE:
                return
            after = rows[-1].evidence

    def descriptor(self, unit: UnitOfWork) -> Descriptor:
        """The descriptor in force now."""
        return log_keys.in_force(unit, self.clock.now())

    def hpke_key(self, unit: UnitOfWork) -> HpkePrivateKey:
        """The HPKE key of this node that the descriptor in force names.

        Raises:
            KeyringError: it is not held here.
        """
        named = self.descriptor(unit).node
        for key in self.keys.hpkes:
            if key.public == named:
                return key
        raise KeyringError(
            "the node's HPKE key in force is not in the keyring",
            hint="restore the newest backup, which holds it",
        )

    def log_key(self, unit: UnitOfWork, version: int | None = None) -> Ed25519PrivateKey:
        """The log key that a version of the descriptor names, by default the one in force now.

        Raises:
            KeyringError: it is not held here.
        """
        named = self.descriptor(unit) if version is None else log_keys.version(unit, version)
        return log_keys.named_by(named, self.keys.logs)
