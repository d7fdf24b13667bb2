"""Protocols that adapters fulfil. Each method says what is durable, what may be repeated, and what
it raises.

Those of blocks and replicas are in ledger/domain/blocks/store.py, that of the database in
ledger/rows/unit_of_work.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ledger.domain.audit.contract_events import ContractEvent
from ledger.domain.chain.contract_layout import Hop
from ledger.domain.chain.finality import HeaderHash
from ledger.domain.chain.recognition import Kind
from ledger.domain.chain.standing import Standing
from ledger.domain.chain.transactions import Anchored, SentCall
from ledger.domain.ports.answers import Copy, DisposalNote, Exchanged, Registered


class Clock(Protocol):
    """The time of day; a port, so that tests can freeze it."""

    def now(self) -> int:
        """Seconds since 1970, UTC."""
        ...


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block of the chain: ``header`` is its RLP, ``time`` seconds since 1970."""

    number: int
    hash: bytes
    time: int
    header: bytes


@dataclass(frozen=True, slots=True)
class TransactionReceipt:
    """What became of a mined transaction."""

    succeeded: bool
    block: int
    block_hash: bytes
    gas_used: int
    contract: bytes | None


@dataclass(frozen=True, slots=True)
class StateProof:
    """EIP-1186: account nodes, and the nodes of each slot asked for, in order. Absence is proven
    alike.
    """

    account: tuple[bytes, ...]
    storage: tuple[tuple[bytes, ...], ...]


@dataclass(frozen=True, slots=True)
class ChainLog:
    """A log record of a contract (EVM): ``address`` 20 bytes, ``topics`` 32 bytes each."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block: int


class Chain(Protocol):
    """An EVM chain. Reads have time-outs; sending the same bytes twice is harmless."""

    #: What the chain is worth, in words, for reports and trust roots.
    label: str
    #: How it computes block hashes.
    headers: HeaderHash

    def chain_id(self) -> int:
        """EIP-155 chain id."""
        ...

    def head(self) -> BlockRef:
        """The latest block."""
        ...

    def final(self) -> int:
        """Number of the newest block that will not be reorganised away."""
        ...

    def block(self, number: int) -> BlockRef:
        """A canonical block.

        Raises:
            NotFoundError: no such block.
        """
        ...

    def signers(self, kind: Kind, number: int) -> frozenset[bytes] | None:
        """Who may seal the block behind one, as the node says; None where it does not say."""
        ...

    def nonce(self, address: bytes) -> int:
        """Number of mined transactions of an account."""
        ...

    def fees(self) -> tuple[int, int]:
        """(maximum fee, priority fee) per gas in wei that will be mined soon."""
        ...

    def call(
        self, to: bytes, data: bytes, *, sender: bytes | None = None, block: int | None = None
    ) -> bytes:
        """Read-only call.

        Raises:
            ChainError: reverted, with the contract's custom error named where it is one of ours.
        """
        ...

    def send(self, raw: bytes) -> bytes:
        """Send a signed transaction; returns its hash. A transaction already known is no error.

        Raises:
            ChainError: refused for good.
            NetworkError: not known whether it arrived; send the same bytes again.
        """
        ...

    def receipt(self, transaction: bytes) -> TransactionReceipt | None:
        """Receipt of a mined transaction, or None."""
        ...

    def code(self, address: bytes) -> bytes:
        """Code at an address."""
        ...

    def logs(self, addresses: Sequence[bytes], first: int, last: int) -> list[ChainLog]:
        """Log records of contracts in blocks ``first`` to ``last``, in their order.

        Raises:
            ChainError: the chain refuses, for example because it no longer keeps them.
        """
        ...

    def prove(self, address: bytes, slots: Sequence[bytes], block: int) -> StateProof:
        """Account and storage proofs at a block.

        Raises:
            ChainError: the chain keeps no state for that block.
        """
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...


@dataclass(frozen=True, slots=True)
class LatestCheckpoint:
    """The newest checkpoint of a log on chain; size 0 where none was anchored."""

    root: bytes
    size: int
    time: int
    block: int
    map_root: bytes


@dataclass(frozen=True, slots=True)
class HopStep:
    """A step of a handover between agencies as the contract takes it.

    ``hop`` with outcome OPEN is an offer, else its conclusion; ``origin`` and ``ref`` name the
    item; ``index`` and ``proof`` place the digest of the step in the caller's latest anchored root.
    """

    origin: bytes
    ref: bytes
    hop: Hop
    index: int
    proof: tuple[bytes, ...]


class Contracts(Protocol):
    """The registry and the ledger on a chain; addresses are 20 bytes. Reads raise NetworkError or
    ChainError.
    """

    chain: Chain
    registry: bytes
    ledger: bytes

    def log_id(self, agency: bytes, number: int) -> bytes:
        """Id of a log on this chain."""
        ...

    def latest(self, log: bytes) -> LatestCheckpoint:
        """The newest checkpoint of a log."""
        ...

    def checkpoint_commitment(self, log: bytes, size: int) -> bytes:
        """The commitment stored for a checkpoint, zeros for none."""
        ...

    def active_version(self, anchorer: bytes, block: int | None = None) -> int:
        """Descriptor version in force for an anchoring account at a block."""
        ...

    def agencies(self) -> list[bytes]:
        """Ids of all agencies of the registry."""
        ...

    def standing(self, agency: bytes) -> Standing:
        """What the registry says of an agency now."""
        ...

    def read_publication(self, raw: bytes) -> tuple[bytes, bytes, bytes]:
        """What a signed transaction publishes: the account that signed it (20 bytes), the agency,
        and the digest of the descriptor.

        Raises:
            ChainError: it is none that publishes a descriptor.
        """
        ...

    def descriptor_commitment(self, agency: bytes, version: int) -> bytes:
        """The commitment stored for a descriptor version, zeros for none."""
        ...

    def custody(self, key: bytes, block: int | None = None) -> tuple[bytes, int, bool]:
        """Who holds an item on chain: the first 24 bytes of the agency's id (zeros: never offered),
        hops, whether an offer is open.
        """
        ...

    def hop_commitment(self, key: bytes, hop: int) -> bytes:
        """What the ledger stores of a handover: see slots.Hop."""
        ...

    def read_transaction(self, raw: bytes) -> SentCall:
        """What a signed transaction does.

        Raises:
            ChainError: it is none that a node of ours would make.
        """
        ...

    def check_hop(self, sender: bytes, step: HopStep) -> None:
        """Try a step of a handover without sending it.

        Raises:
            ChainError: the contract would refuse, and why.
        """
        ...

    def sign_hop(self, key: bytes, nonce: int, step: HopStep) -> bytes:
        """The exact transaction to record and send."""
        ...

    def check_anchor(self, sender: bytes, anchored: Anchored, proof: Sequence[bytes]) -> None:
        """Try an anchor without sending it.

        Raises:
            ChainError: the contract would refuse, and why.
        """
        ...

    def sign_anchor(
        self, key: bytes, nonce: int, anchored: Anchored, proof: Sequence[bytes]
    ) -> bytes:
        """The exact transaction to record and send."""
        ...

    def raise_fee(self, key: bytes, raw: bytes) -> bytes | None:
        """A recorded transaction that waits, signed again under its nonce with a fee by which
        nodes replace it, to record and send; None where it is as high as it may go.
        """
        ...

    def events(self, first: int, last: int) -> list[ContractEvent]:
        """What happened at both contracts in blocks ``first`` to ``last``, in order."""
        ...

    def code_hashes(self) -> tuple[bytes, bytes]:
        """keccak-256 of the code of registry and ledger."""
        ...


class IdentityProvider(Protocol):
    """The agency's OpenID Connect provider."""

    issuer: str
    client_id: str

    def subject(self, token: str, nonce: str, now: int) -> str:
        """Whom an ID token speaks of, if it was made for the login with this nonce.

        Raises:
            DeniedError: it is not good for it. NetworkError: the provider's keys cannot be had.
        """
        ...


@dataclass(frozen=True, slots=True)
class DescriptorVersion:
    """A version of an agency's descriptor as its node shows it, with when it is in force from and
    in which block the registry took it.
    """

    version: int
    document: bytes
    active_from: int
    block: int


class PartnerApi(Protocol):
    """What a node asks of another agency's node. Every call has a time-out.

    Raises from every method:
        NetworkError: no answer in time. DeniedError, NotFoundError, ...: as the other node
            answered.
    """

    def descriptor(self) -> bytes:
        """The descriptor in force there."""
        ...

    def versions(self) -> list[DescriptorVersion]:
        """Descriptor versions in force, to come, and before."""
        ...

    def crl(self) -> bytes:
        """The newest revocation list (DER)."""
        ...

    def fresh_crl(self, time: int) -> bytes:
        """Their newest revocation list, issued now where theirs is older than ``time`` and their CA
        is at hand.
        """
        ...

    def exchanged(self, after: str = "") -> list[Exchanged]:
        """A page of the handovers between them and us that are open, in the order of items behind
        one.
        """
        ...

    def parcel(self, evidence: str) -> bytes:
        """The parcel of a handover between them and us."""
        ...

    def ciphertext(self, evidence: str, start: int, end: int) -> bytes:
        """Ciphertext bytes [start, end) of an item on its way to us, at most 4 MiB."""
        ...

    def disposals(self, after: str = "") -> list[DisposalNote]:
        """A page of the disposals of items that we held before, behind an item."""
        ...

    def closing(self, evidence: str, *, confirmed: bool = False) -> bytes:
        """What their log says up to such a disposal, as a bundle without documents or proofs.

        Args:
            confirmed: up to the newest anchored event, which shows who has destroyed their keys.
        """
        ...

    def copies(self) -> list[Copy]:
        """Copies that they gave us and that we may fetch."""
        ...

    def copy(self, statement: str) -> bytes:
        """The parcel of a copy, by the digest in hex of the statement that disclosed it."""
        ...

    def copy_content(self, statement: str, start: int, end: int) -> bytes:
        """Ciphertext bytes [start, end) of a copy, at most 4 MiB."""
        ...

    def tell_copy(self, statement: str, copy: str) -> None:
        """Tell which item of ours is the copy."""
        ...

    def register(self, submissions: Sequence[dict[str, Any]]) -> Sequence[Registered]:
        """Register statements of ours about an item in their custody."""
        ...
