"""What the contracts recorded, kept in memory: for a look at one home, where nothing is kept
between runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ledger.domain.audit.contract_events import (
    CheckpointAnchored,
    ContractEvent,
    DescriptorPublished,
    HandoverOnChain,
    TransferConcluded,
    TransferOffered,
)
from ledger.domain.chain import contract_layout
from ledger.domain.chain.contract_layout import Hop


@dataclass
class EventsInMemory:
    """A ChainStory that lives as long as the process (see ports.ChainStory)."""

    _checkpoints: dict[bytes, dict[int, CheckpointAnchored]] = field(default_factory=dict)
    _published: dict[tuple[bytes, int], DescriptorPublished] = field(default_factory=dict)
    #: Handovers by the key of their item, and where each offer began one.
    _hops: dict[bytes, list[HandoverOnChain]] = field(default_factory=dict)
    _offered: dict[bytes, list[tuple[bytes, int]]] = field(default_factory=dict)

    def put_events(self, events: Sequence[ContractEvent]) -> None:
        """Take over events of the contracts, in the order in which they happened."""
        for event in events:
            match event:
                case CheckpointAnchored():
                    self._checkpoints.setdefault(event.log, {}).setdefault(event.size, event)
                case DescriptorPublished():
                    self._published[event.agency, event.version] = event
                case TransferOffered():
                    hop = Hop(
                        event.giver,
                        event.taker,
                        event.digest,
                        event.time,
                        event.expires,
                        contract_layout.OPEN,
                        bytes(32),
                        0,
                    )
                    told = self._hops.setdefault(event.key, [])
                    told.append(HandoverOnChain(event.key, len(told), hop))
                    self._offered.setdefault(event.digest, []).append((event.key, len(told) - 1))
                case TransferConcluded() if event.key in self._hops:
                    told = self._hops[event.key]
                    hop = replace(
                        told[-1].hop,
                        outcome=event.outcome,
                        outcome_digest=event.digest,
                        time=event.time,
                    )
                    told[-1] = replace(told[-1], hop=hop)

    def checkpoints(self, log: bytes, *, after: int) -> Iterator[CheckpointAnchored]:
        """Checkpoints of a log beyond a size, in order."""
        yield from (
            checkpoint
            for size, checkpoint in sorted(self._checkpoints.get(log, {}).items())
            if size > after
        )

    def published(self) -> list[DescriptorPublished]:
        """All descriptor versions; of two with one number the later one."""
        return list(self._published.values())

    def offered(self, digest: bytes) -> list[HandoverOnChain]:
        """The handovers that began with an offer of this digest, in the order of the chain."""
        return [self._hops[key][number] for key, number in self._offered.get(digest, ())]
