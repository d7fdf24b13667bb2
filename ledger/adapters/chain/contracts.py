"""The two contracts on a chain: deployment, transactions, and reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from coincurve import PrivateKey

from ledger.adapters.chain import abi, fee_raises, signed_calls
from ledger.domain.audit import contract_events
from ledger.domain.audit.contract_events import ContractEvent
from ledger.domain.chain import contract_layout
from ledger.domain.chain.evm import keccak256
from ledger.domain.chain.standing import Standing
from ledger.domain.chain.transactions import Anchored, SentCall
from ledger.domain.codecs import rlp
from ledger.domain.codecs.text import counted
from ledger.domain.errors import ChainError, FormatError, NetworkError
from ledger.domain.ports.node_and_chain import (
    Chain,
    HopStep,
    LatestCheckpoint,
    TransactionReceipt,
)

REGISTRY: Final = "AgencyRegistry"
LEDGER: Final = "EvidenceLedger"
_DEPLOY_GAS: Final = 5_500_000
_FOUNDER_GAS: Final = 300_000  # more for each, up to 64
_ANCHOR_GAS: Final = (
    300_000  # three times the worst anchor: an estimate could be stale when it is mined
)
_HOP_GAS: Final = 300_000  # likewise, for any step of a handover
_WAIT: Final = 120.0
_MOST_AGENCIES: Final = 10_000  # each is a call
_ACTIVE: Final = 1  # IAgencyRegistry.Status
_OUTCOMES: Final = {
    contract_layout.ACCEPTED: "acceptTransfer",
    contract_layout.DECLINED: "declineTransfer",
    contract_layout.WITHDRAWN: "withdrawTransfer",
}
_OFFER: Final = "offerTransfer"


_EVENTS: Final[dict[str, Callable[[int, int, dict[str, Any]], ContractEvent]]] = {
    "AgencyAdmitted": lambda block, time, v: contract_events.AgencyAdmitted(
        block, time, v["agencyId"], v["code"]
    ),
    "AgencyRetired": lambda block, time, v: contract_events.AgencyRetired(
        block, time, v["agencyId"], v["successor"]
    ),
    "LogOpened": lambda block, time, v: contract_events.LogOpened(
        block, time, v["agencyId"], v["logId"], v["parent"], v["size"], v["root"], v["mapRoot"]
    ),
    "DescriptorPublished": lambda block, time, v: contract_events.DescriptorPublished(
        block, time, v["agencyId"], v["version"], v["digest"], v["activeFrom"]
    ),
    "CheckpointAnchored": lambda block, time, v: contract_events.CheckpointAnchored(
        block,
        time,
        v["logId"],
        v["prevSize"],
        v["size"],
        v["root"],
        v["mapRoot"],
        v["descriptorVersion"],
    ),
    "TransferOffered": lambda block, time, v: contract_events.TransferOffered(
        block, time, v["key"], v["from"], v["to"], v["digest"], v["expires"]
    ),
    "TransferConcluded": lambda block, time, v: contract_events.TransferConcluded(
        block, time, v["key"], v["hop"], v["outcome"], v["digest"]
    ),
}


@dataclass(frozen=True, slots=True)
class Founder:
    """An agency at deployment: its code, three accounts (20 bytes) and the digest of its first
    descriptor.
    """

    code: str
    governor: bytes
    anchorer: bytes
    recovery: bytes
    descriptor_digest: bytes


def address_of(key: bytes) -> bytes:
    """Address of a 32-byte chain key."""
    return keccak256(PrivateKey(key).public_key.format(compressed=False)[1:])[12:]


def sign_transaction(
    chain: Chain, key: bytes, *, to: bytes | None, data: bytes, gas: int, nonce: int, value: int = 0
) -> bytes:
    """Sign an EIP-1559 transaction, ``value`` in wei; returns the exact bytes to record and
    send.
    """
    place = signed_calls.Place(chain.chain_id(), nonce, *chain.fees())
    return signed_calls.sign(key, place, to=to, data=data, gas=gas, value=value)


def wait(chain: Chain, transaction: bytes, *, timeout: float = _WAIT) -> TransactionReceipt:
    """Wait until a transaction is mined.

    Raises:
        NetworkError: not mined in time.
        ChainError: mined and reverted.
    """
    deadline = time.monotonic() + timeout
    pause = 0.01
    while (receipt := chain.receipt(transaction)) is None:
        if time.monotonic() > deadline:
            raise NetworkError(
                f"transaction 0x{transaction.hex()} was not mined within {timeout:.0f} s"
            )
        time.sleep(pause)
        pause = min(pause * 2, 1.0)
    if not receipt.succeeded:
        raise ChainError(f"transaction 0x{transaction.hex()} was mined and reverted")
    return receipt


@dataclass(frozen=True, slots=True)
class Delays:
    """How long the registry waits, in seconds, and for what an account may object to in blocks
    besides: whoever halts the chain cannot let a window pass unused.
    """

    descriptor: int
    proposal_life: int
    recovery: int
    recovery_blocks: int = 0  # on development chains, which make blocks for transactions alone


def deploy(
    chain: Chain, key: bytes, founders: Sequence[Founder], delays: Delays
) -> tuple[bytes, bytes, int]:
    """Deploy registry and ledger from the account of ``key``; returns their addresses and the
    registry's block.
    """
    deployer = address_of(key)
    nonce = chain.nonce(deployer)
    # The registry names the ledger before it exists: a contract's address follows from its
    # creator's nonce.
    ledger = keccak256(rlp.encode([deployer, rlp.encode_number(nonce + 1)]))[12:]
    rows = [
        (one.code, one.governor, one.anchorer, one.recovery, one.descriptor_digest)
        for one in founders
    ]
    waits = (delays.descriptor, delays.proposal_life, delays.recovery, delays.recovery_blocks)
    code = abi.constructor(REGISTRY, ledger, rows, waits)
    gas = _DEPLOY_GAS + len(founders) * _FOUNDER_GAS
    registry, block = _create(chain, key, code, nonce, gas)
    code = abi.constructor(LEDGER, registry)
    if _create(chain, key, code, nonce + 1, _DEPLOY_GAS)[0] != ledger:
        raise ChainError("the ledger was deployed at another address than the registry expects")
    return registry, ledger, block


def _create(chain: Chain, key: bytes, code: bytes, nonce: int, gas: int) -> tuple[bytes, int]:
    raw = sign_transaction(chain, key, to=None, data=code, gas=gas, nonce=nonce)
    receipt = wait(chain, chain.send(raw))
    if receipt.contract is None:
        raise ChainError(
            "the chain mined a deployment without a contract",
            hint="check that the RPC address is right",
        )
    return receipt.contract, receipt.block


class Contracts:
    """The contracts at known addresses."""

    def __init__(self, chain: Chain, registry: bytes, ledger: bytes) -> None:
        self.chain = chain
        self.registry = registry
        self.ledger = ledger

    def log_id(self, agency: bytes, number: int) -> bytes:
        """Id of a log on this chain."""
        return contract_layout.log_id(self.chain.chain_id(), self.ledger, agency, number)

    def latest(self, log: bytes) -> LatestCheckpoint:
        """The newest checkpoint of a log."""
        data = self.chain.call(self.ledger, abi.encode_call(LEDGER, "latest", log))
        ((root, size, moment, block, map_root),) = abi.decode_result(LEDGER, "latest", data)
        if max(size, moment, block) >= 2**53:
            raise ChainError(
                "the chain answered with a checkpoint beyond all numbers",
                hint="check addresses and RPC",
            )
        return LatestCheckpoint(root, size, moment, block, map_root)

    def checkpoint_commitment(self, log: bytes, size: int) -> bytes:
        """The commitment stored for a checkpoint, zeros for none."""
        data = self.chain.call(
            self.ledger, abi.encode_call(LEDGER, "checkpointCommitment", log, size)
        )
        return bytes(abi.decode_result(LEDGER, "checkpointCommitment", data)[0])

    def active_version(self, anchorer: bytes, block: int | None = None) -> int:
        """Descriptor version in force for an anchoring account at a block."""
        data = self.chain.call(
            self.registry, abi.encode_call(REGISTRY, "activeAnchor", anchorer), block=block
        )
        return int(abi.decode_result(REGISTRY, "activeAnchor", data)[2])

    def agency(self, agency: bytes) -> tuple[Any, ...]:
        """The registry's record of an agency, in the order of IAgencyRegistry.Agency."""
        data = self.chain.call(self.registry, abi.encode_call(REGISTRY, "agency", agency))
        return tuple(abi.decode_result(REGISTRY, "agency", data)[0])

    def agencies(self) -> list[bytes]:
        """Ids of all agencies of the registry."""
        (count,) = abi.decode_result(
            REGISTRY,
            "agencyCount",
            self.chain.call(self.registry, abi.encode_call(REGISTRY, "agencyCount")),
        )
        if count > _MOST_AGENCIES:
            raise ChainError(
                f"the registry says that it has {counted(count, 'agency')}",
                hint="check addresses and RPC",
            )
        calls = (
            self.chain.call(self.registry, abi.encode_call(REGISTRY, "agencyAt", number))
            for number in range(count)
        )
        return [bytes(abi.decode_result(REGISTRY, "agencyAt", data)[0]) for data in calls]

    def standing(self, agency: bytes) -> Standing:
        """What the registry says of an agency now."""
        found = self.agency(agency)
        return Standing(
            bytes.fromhex(found[0][2:]),
            bytes.fromhex(found[2][2:]),
            bytes.fromhex(found[9][0][2:]),
            int(found[3]) == _ACTIVE,
            int(found[5]),
            int(found[6]),
            int(found[7]),
        )

    def descriptor_commitment(self, agency: bytes, version: int) -> bytes:
        """The commitment stored for a descriptor version, zeros for none."""
        data = self.chain.call(
            self.registry, abi.encode_call(REGISTRY, "descriptorCommitment", agency, version)
        )
        return bytes(abi.decode_result(REGISTRY, "descriptorCommitment", data)[0])

    def custody(self, key: bytes, block: int | None = None) -> tuple[bytes, int, bool]:
        """Custody of an item on chain: short id, hops, whether an offer is open."""
        data = self.chain.call(self.ledger, abi.encode_call(LEDGER, "custody", key), block=block)
        custodian, hops, is_open = abi.decode_result(LEDGER, "custody", data)
        return bytes(custodian), int(hops), bool(is_open)

    def hop_commitment(self, key: bytes, hop: int) -> bytes:
        """What the ledger stores of a handover."""
        data = self.chain.call(self.ledger, abi.encode_call(LEDGER, "hopCommitment", key, hop))
        return bytes(abi.decode_result(LEDGER, "hopCommitment", data)[0])

    def check_hop(self, sender: bytes, step: HopStep) -> None:
        """Try a step of a handover without sending it."""
        self.chain.call(self.ledger, self._hop_call(step), sender=sender)

    def sign_hop(self, key: bytes, nonce: int, step: HopStep) -> bytes:
        """The exact transaction of a step of a handover, to record and send."""
        return sign_transaction(
            self.chain, key, to=self.ledger, data=self._hop_call(step), gas=_HOP_GAS, nonce=nonce
        )

    @staticmethod
    def _hop_call(step: HopStep) -> bytes:
        hop, place = step.hop, (step.index, list(step.proof))
        if hop.outcome == contract_layout.OPEN:
            return abi.encode_call(
                LEDGER,
                _OFFER,
                step.origin,
                step.ref,
                hop.taker,
                hop.offer,
                hop.expires,
                *place,
            )
        offer = (hop.giver, hop.taker, hop.offer, hop.offer_time, hop.expires)
        return abi.encode_call(
            LEDGER, _OUTCOMES[hop.outcome], step.origin, step.ref, offer, hop.outcome_digest, *place
        )

    def check_anchor(self, sender: bytes, anchored: Anchored, proof: Sequence[bytes]) -> None:
        """Try an anchor without sending it."""
        self.chain.call(
            self.ledger,
            abi.encode_call(LEDGER, "anchor", *anchored, list(proof)),
            sender=sender,
        )

    def sign_anchor(
        self, key: bytes, nonce: int, anchored: Anchored, proof: Sequence[bytes]
    ) -> bytes:
        """The exact transaction to record and send."""
        data = abi.encode_call(LEDGER, "anchor", *anchored, list(proof))
        return sign_transaction(
            self.chain, key, to=self.ledger, data=data, gas=_ANCHOR_GAS, nonce=nonce
        )

    def raise_fee(self, key: bytes, raw: bytes) -> bytes | None:
        """The same transaction with a fee that replaces it, or None; see fee_raises."""
        return fee_raises.raised(self.chain, key, raw)

    def read_transaction(self, raw: bytes) -> SentCall:
        """What a signed transaction of a node does (EIP-1559 over EIP-2718, as sign_transaction
        makes them).
        """
        try:
            sent = signed_calls.read(raw, to=self.ledger, chain=self.chain.chain_id())
        except FormatError as error:
            raise ChainError("these bytes are no transaction of a node to the ledger") from error
        function, arguments = abi.decode_call(LEDGER, sent.data)
        common = (keccak256(raw), sent.sender, sent.nonce)
        if function == "anchor":
            return SentCall(*common, anchored=arguments[:4])
        if function not in (_OFFER, *_OUTCOMES.values()):
            raise ChainError(f"a transaction that calls {function}, which changes nothing")
        # The offer itself stands at the fourth place; an outcome names its own statement behind the
        # offer that it answers.
        return SentCall(*common, digest=arguments[3])

    def read_publication(self, raw: bytes) -> tuple[bytes, bytes, bytes]:
        """See domain.ports.node_and_chain.Contracts."""
        return signed_calls.read_publication(raw, self.registry, self.chain.chain_id())

    def events(self, first: int, last: int) -> list[ContractEvent]:
        """What happened at both contracts, in order; the time is that of the block."""
        times: dict[int, int] = {}
        found: list[ContractEvent] = []
        names = {self.registry: REGISTRY, self.ledger: LEDGER}
        for log in self.chain.logs(list(names), first, last):
            decoded = abi.decode_event(names[log.address], log.topics, log.data)
            make = _EVENTS.get(decoded[0]) if decoded is not None else None
            if decoded is None or make is None:
                continue
            if log.block not in times:
                times[log.block] = self.chain.block(log.block).time
            found.append(make(log.block, times[log.block], decoded[1]))
        return found

    def code_hashes(self) -> tuple[bytes, bytes]:
        """keccak-256 of the code of registry and ledger."""
        return keccak256(self.chain.code(self.registry)), keccak256(self.chain.code(self.ledger))
