"""What the chain tells: agencies, their logs and descriptors, checkpoints, and handovers between
agencies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ledger.domain.chain.contract_layout import Hop


@dataclass(frozen=True, slots=True)
class Happened:
    """Where an event of the contracts stands: number and time (seconds) of its block."""

    block: int
    time: int


@dataclass(frozen=True, slots=True)
class AgencyAdmitted(Happened):
    """An agency joined: its id (32 bytes) and code."""

    agency: bytes
    code: str


@dataclass(frozen=True, slots=True)
class LogOpened(Happened):
    """A log was opened; ``parent`` is zeros where it is an agency's first, else ``size`` and
    ``root`` are those of the fork.
    """

    agency: bytes
    log: bytes
    parent: bytes
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class DescriptorPublished(Happened):
    """A descriptor version, in force from ``active_from`` on; a later one with the same number
    replaces a cancelled one.
    """

    agency: bytes
    version: int
    digest: bytes
    active_from: int


@dataclass(frozen=True, slots=True)
class CheckpointAnchored(Happened):
    """A checkpoint; ``version`` is that of the descriptor then in force."""

    log: bytes
    prev: int
    size: int
    root: bytes
    version: int


@dataclass(frozen=True, slots=True)
class TransferOffered(Happened):
    """A handover was offered to another agency; ``key`` names the item."""

    key: bytes
    giver: bytes
    taker: bytes
    digest: bytes
    expires: int


@dataclass(frozen=True, slots=True)
class TransferConcluded(Happened):
    """The open offer of an item was accepted, declined or withdrawn (numbers as in slots), as hop
    ``hop``.
    """

    key: bytes
    hop: int
    outcome: int
    digest: bytes


ContractEvent = (
    AgencyAdmitted
    | LogOpened
    | DescriptorPublished
    | CheckpointAnchored
    | TransferOffered
    | TransferConcluded
)


@dataclass(frozen=True, slots=True)
class HandoverOnChain:
    """A handover between agencies as the chain tells it: the item's key, the number of the hop, and
    the hop.
    """

    key: bytes
    number: int
    hop: Hop


class Handovers(Protocol):
    """Handovers that the chain knows."""

    def offered(self, digest: bytes) -> HandoverOnChain | None:
        """The handover that began with an offer of this digest."""
        ...
