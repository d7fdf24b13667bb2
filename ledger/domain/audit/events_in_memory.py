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
    _offered: dict[bytes, HandoverOnChain] = field(default_factory=dict)
    _open: dict[bytes, bytes] = field(default_factory=dict)
    _hops: dict[bytes, int] = field(default_factory=dict)

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
                    number = self._hops.get(event.key, 0)
                    self._offered[event.digest], self._hops[event.key], self._open[event.key] = (
                        HandoverOnChain(event.key, number, hop),
                        number + 1,
                        event.digest,
                    )
                case TransferConcluded() if event.key in self._open:
                    offered = self._offered[self._open.pop(event.key)]
                    hop = replace(
                        offered.hop,
                        outcome=event.outcome,
                        outcome_digest=event.digest,
                        time=event.time,
                    )
                    self._offered[hop.offer] = replace(offered, hop=hop)

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

    def offered(self, digest: bytes) -> HandoverOnChain | None:
        """The handover that began with an offer."""
        return self._offered.get(digest)
