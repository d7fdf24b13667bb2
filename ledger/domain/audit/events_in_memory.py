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
class ToldStory:
    """See ports.ChainStory."""

    _checkpoints: dict[bytes, dict[int, CheckpointAnchored]] = field(default_factory=dict)
    _published: dict[tuple[bytes, int], DescriptorPublished] = field(default_factory=dict)
    _offered: dict[bytes, HandoverOnChain] = field(default_factory=dict)
    _open: dict[bytes, bytes] = field(default_factory=dict)
    _hops: dict[bytes, int] = field(default_factory=dict)

    def put_events(self, events: Sequence[ContractEvent]) -> None:
        """Take over what happened next."""
        for one in events:
            match one:
                case CheckpointAnchored():
                    self._checkpoints.setdefault(one.log, {}).setdefault(one.size, one)
                case DescriptorPublished():
                    self._published[one.agency, one.version] = one
                case TransferOffered():
                    hop = Hop(
                        one.giver,
                        one.taker,
                        one.digest,
                        one.time,
                        one.expires,
                        contract_layout.OPEN,
                        bytes(32),
                        0,
                    )
                    number = self._hops.get(one.key, 0)
                    self._offered[one.digest], self._hops[one.key], self._open[one.key] = (
                        HandoverOnChain(one.key, number, hop),
                        number + 1,
                        one.digest,
                    )
                case TransferConcluded() if one.key in self._open:
                    told = self._offered[self._open.pop(one.key)]
                    hop = replace(
                        told.hop, outcome=one.outcome, outcome_digest=one.digest, time=one.time
                    )
                    self._offered[hop.offer] = replace(told, hop=hop)

    def checkpoints(self, log: bytes, *, after: int) -> Iterator[CheckpointAnchored]:
        """Checkpoints of a log beyond a size, in order."""
        yield from (
            one for size, one in sorted(self._checkpoints.get(log, {}).items()) if size > after
        )

    def published(self) -> list[DescriptorPublished]:
        """All descriptor versions."""
        return list(self._published.values())

    def offered(self, digest: bytes) -> HandoverOnChain | None:
        """The handover that began with an offer."""
        return self._offered.get(digest)
