"""What the chain tells: agencies, their logs and descriptors, checkpoints, and handovers between
agencies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.domain.chain import contract_layout
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
class AgencyRetired(Happened):
    """An agency was retired; its successor goes on with its items."""

    agency: bytes
    successor: bytes


@dataclass(frozen=True, slots=True)
class LogOpened(Happened):
    """A log was opened; ``parent`` is zeros where it is an agency's first, else ``size``, ``root``
    and ``map_root`` are those of the fork.
    """

    agency: bytes
    log: bytes
    parent: bytes
    size: int
    root: bytes
    map_root: bytes


@dataclass(frozen=True, slots=True)
class DescriptorPublished(Happened):
    """A descriptor version, in force from ``active_from`` on unless it is cancelled before."""

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
    map_root: bytes
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
    | AgencyRetired
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


class OffersTold(Protocol):
    """Handovers that the chain knows, by their offers."""

    def offered(self, digest: bytes) -> Sequence[HandoverOnChain]:
        """The handovers that began with an offer of this digest, in the order of the chain. There
        is one, unless an agency named one statement twice, or another agency's: the contract asks
        only that it stands in the log of whoever calls.
        """
        ...


class Handovers(OffersTold, Protocol):
    """What a replay asks of the chain."""

    def inherits(self, agency: bytes) -> bool:
        """Whether an agency goes on with the items of one that was retired."""
        ...


def handover_given(handovers: OffersTold, digest: bytes, giver: bytes) -> HandoverOnChain | None:
    """What became of an offer that an agency made itself; of several the newest."""
    ours = [told for told in handovers.offered(digest) if told.hop.giver == giver]
    return ours[-1] if ours else None


def handover_taken(
    handovers: OffersTold, digest: bytes, taker: bytes, answer: bytes | None
) -> HandoverOnChain | None:
    """What became of an offer to an agency: of several the one that its answer ended, else one
    that is open, so that nobody's offer of another item stands in its way.
    """
    ours = [told for told in handovers.offered(digest) if told.hop.taker == taker]

    def rank(told: HandoverOnChain) -> tuple[bool, bool]:
        return told.hop.outcome_digest == answer, told.hop.outcome == contract_layout.OPEN

    return max(ours, key=rank, default=None)
