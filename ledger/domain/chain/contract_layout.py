"""Identifiers, commitments and storage slots of the contracts, as Solidity computes them.

The slot numbers are those documented in contracts/*.sol; a test compares them with the compiler's
storage layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ledger.domain.chain.evm import keccak256, word
from ledger.domain.log.statement import Effect

#: The two contracts of a consortium.
ContractName = Literal["registry", "ledger"]

LOGS: Final = 0  # EvidenceLedger: log id -> newest checkpoint, in three words
CHECKPOINTS: Final = 1  # EvidenceLedger: log id -> size -> commitment
CUSTODY: Final = 2  # EvidenceLedger: key -> packed custody
HOPS: Final = 3  # EvidenceLedger: key -> hop -> commitment
AGENCIES: Final = 0  # AgencyRegistry: agency id -> packed agency
DESCRIPTORS: Final = 1  # AgencyRegistry: agency id -> version -> commitment

OPEN: Final = 0  # in a bundle only: the open offer behind the concluded hops
ACCEPTED: Final = 1
DECLINED: Final = 2
WITHDRAWN: Final = 3
RETIRED: Final = 3  # status of an agency
#: Effect of a statement -> outcome that it has for a handover.
OUTCOMES: Final[dict[Effect, int]] = {
    "accept": ACCEPTED,
    "decline": DECLINED,
    "withdraw": WITHDRAWN,
}
#: The other way round.
EFFECTS: Final[dict[int, Effect]] = {outcome: effect for effect, outcome in OUTCOMES.items()}


def mapping(key: bytes, slot: bytes) -> bytes:
    """Slot of ``mapping[key]`` for a mapping at ``slot``."""
    return keccak256(key + slot)


def log_id(chain_id: int, ledger: bytes, agency: bytes, number: int) -> bytes:
    """keccak256(abi.encode(chainId, ledger, agencyId, logNumber))."""
    return keccak256(word(chain_id) + ledger.rjust(32, b"\x00") + agency + word(number))


def newest_slot(log: bytes) -> bytes:
    """The word of EvidenceLedger._logs[log] that begins with the size of its newest checkpoint."""
    root = int.from_bytes(mapping(log, word(LOGS)), "big")
    return word((root + 1) % (1 << 256))


def unpack_size(value: bytes) -> int:
    """The size in that word: bits 0-47."""
    return int.from_bytes(value[26:], "big")


def agency_slot(agency: bytes) -> bytes:
    """AgencyRegistry._hot[agency]."""
    return mapping(agency, word(AGENCIES))


@dataclass(frozen=True, slots=True)
class PackedAgency:
    """What the registry holds of an agency, as far as a verifier asks: whether it is retired, and
    the number of its current log.
    """

    is_retired: bool
    log_number: int


def unpack_agency(value: bytes) -> PackedAgency:
    """Unpack the word: bits 160-167 status, 168-183 log number."""
    return PackedAgency(value[11] == RETIRED, int.from_bytes(value[9:11], "big"))


def checkpoint_slot(log: bytes, size: int) -> bytes:
    """EvidenceLedger._checkpoints[log][size]."""
    return mapping(word(size), mapping(log, word(CHECKPOINTS)))


def descriptor_slot(agency: bytes, version: int) -> bytes:
    """AgencyRegistry._descriptors[agency][version]."""
    return mapping(word(version), mapping(agency, word(DESCRIPTORS)))


def custody_key(origin: bytes, ref: bytes) -> bytes:
    """Key of an item: keccak256(abi.encode(origin, ref))."""
    return keccak256(origin + ref)


def custody_slot(key: bytes) -> bytes:
    """EvidenceLedger._custody[key]."""
    return mapping(key, word(CUSTODY))


def hop_slot(key: bytes, hop: int) -> bytes:
    """EvidenceLedger._hops[key][hop]."""
    return mapping(word(hop), mapping(key, word(HOPS)))


def checkpoint_commitment(
    prev: int, size: int, root: bytes, map_root: bytes, version: int, time: int, block: int
) -> bytes:
    """What the ledger stores of a checkpoint."""
    return keccak256(
        word(prev) + word(size) + root + map_root + word(version) + word(time) + word(block)
    )


def descriptor_commitment(digest: bytes, active_from: int, block: int) -> bytes:
    """What the registry stores of a descriptor version."""
    return keccak256(digest + word(active_from) + word(block))


@dataclass(frozen=True, slots=True)
class Hop:
    """One concluded or open offer on chain: agencies by id, digests of statements, times in
    seconds.
    """

    giver: bytes
    taker: bytes
    offer: bytes
    offer_time: int
    expires: int
    outcome: int
    outcome_digest: bytes
    time: int

    def offer_hash(self) -> bytes:
        """What the slot of the hop holds while the offer is open."""
        return keccak256(
            self.giver + self.taker + self.offer + word(self.offer_time) + word(self.expires)
        )

    def commitment(self, previous: bytes) -> bytes:
        """What it holds afterwards, chained to the hop before (zeros for the first)."""
        return keccak256(
            previous
            + self.giver
            + self.taker
            + self.offer
            + word(self.offer_time)
            + word(self.expires)
            + word(self.outcome)
            + self.outcome_digest
            + word(self.time)
        )


@dataclass(frozen=True, slots=True)
class PackedCustody:
    """The custody word: the first 24 bytes of the custodian's id (zeros: never offered), hops,
    whether an offer is open.
    """

    custodian: bytes
    hops: int
    open: bool


def unpack_custody(value: bytes) -> PackedCustody:
    """Unpack the custody word: bits 0-191 custodian, 192-223 hops, 224-231 open."""
    return PackedCustody(value[8:32], int.from_bytes(value[4:8], "big"), value[3] == 1)
