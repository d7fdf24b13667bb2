"""Protocols of an audit: where the files of a log come from, and what is kept between runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from ledger.domain.audit.contract_events import (
    CheckpointAnchored,
    ContractEvent,
    DescriptorPublished,
    HandoverOnChain,
    LogOpened,
)
from ledger.domain.audit.findings import AuditFinding
from ledger.domain.audit.replay import Step
from ledger.domain.item.custody_transitions import ItemState
from ledger.domain.log.statement import Effect


class LogFiles(Protocol):
    """The files of a log (docs/format.md, "Log files"), each below ``limit`` bytes.

    Raises from ``get``:
        NotFoundError: no such file. DeniedError: not for whoever asks. NetworkError,
            UnreadableError: it could not be read.
    """

    #: Where they are, for messages.
    where: str

    @property
    def is_node(self) -> bool:
        """Whether a node of the agency shows them, or a copy is read that may lag behind. What is
        served never decides it: a node that withholds would call itself a copy.
        """
        ...

    def known_at(self, services: AbstractSet[str]) -> None:
        """Where the agency's own node is, by descriptors that the chain proves."""
        ...

    def get(self, path: str) -> bytes:
        """A file by its path below the root of the tree. Safe for use by several threads."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


@dataclass(frozen=True, slots=True)
class LogState:
    """How far a log was replayed: ``frontier`` are the perfect subtrees of ``size`` leaves, 32
    bytes each.
    """

    log: bytes
    agency: str
    size: int
    frontier: bytes


@dataclass(frozen=True, slots=True)
class Usage:
    """The latest use of a certificate in a log: when it was proven, and at which entry."""

    certificate: bytes
    issuer: str
    time: int
    index: int


@dataclass(frozen=True, slots=True)
class Progress:
    """What one stretch of replay adds; it becomes durable together."""

    state: LogState
    items: Mapping[str, ItemState]
    steps: Sequence[Step]
    usages: Iterable[Usage]
    findings: Sequence[AuditFinding]
    volumes: Mapping[tuple[bytes, int], int]
    #: Tiles of item maps, by the log that the map is of and their prefix.
    map_tiles: Mapping[tuple[bytes, bytes], bytes]


class ChainStory(Protocol):
    """What the contracts recorded, as far as a home is compared with it."""

    def checkpoints(self, log: bytes, *, after: int) -> Iterator[CheckpointAnchored]:
        """Checkpoints of a log beyond a size, in order."""
        ...

    def published(self) -> list[DescriptorPublished]:
        """All descriptor versions; of two with one number the later one."""
        ...

    def offered(self, digest: bytes) -> Sequence[HandoverOnChain]:
        """The handovers that began with an offer of this digest."""
        ...


class AuditState(Protocol):
    """What an audit keeps on disk between runs, so that memory stays constant and a run goes on
    where the last one was.
    """

    def transaction(self) -> AbstractContextManager[None]:
        """Everything in the block becomes durable together."""
        ...

    # The chain
    def chain_block(self) -> int: ...
    def put_events(self, events: Sequence[ContractEvent], block: int) -> None: ...
    def checkpoints(self, log: bytes, *, after: int) -> Iterator[CheckpointAnchored]: ...
    def last_checkpoint(self, log: bytes) -> CheckpointAnchored | None: ...
    def agencies(self) -> dict[bytes, str]: ...
    def opened(self, log: bytes) -> LogOpened | None: ...
    def published(self) -> list[DescriptorPublished]: ...
    def offered(self, digest: bytes) -> Sequence[HandoverOnChain]: ...
    def handovers(self) -> Iterator[HandoverOnChain]: ...
    def inherits(self, agency: bytes) -> bool: ...
    def was_retired(self, agency: bytes) -> bool: ...

    # Logs
    def log(self, log: bytes) -> LogState | None: ...
    def logs(self) -> list[LogState]: ...
    def items(self, log: bytes, evidence: Sequence[str]) -> dict[str, ItemState]: ...
    def item_count(self, log: bytes) -> int: ...
    def opened_twice(self) -> Iterator[tuple[str, list[str]]]: ...
    def steps(self, log: bytes, effect: Effect) -> Iterator[Step]: ...
    def step(self, log: bytes, digest: bytes) -> Step | None: ...
    def map_tiles(self, log: bytes, of: bytes, prefixes: Sequence[bytes]) -> dict[bytes, bytes]: ...
    def put_progress(self, progress: Progress) -> None: ...
    def forget(self, log: bytes) -> None: ...
    def usages(self, log: bytes) -> Iterator[Usage]: ...
    def findings(self, log: bytes) -> Iterator[AuditFinding]: ...
    def volumes(self, log: bytes, least: int) -> Iterator[tuple[bytes, int, int]]: ...

    # Documents and certificates that were fetched
    def blob(self, kind: str, digest: bytes) -> bytes | None: ...
    def put_blob(self, kind: str, digest: bytes, data: bytes) -> None: ...
    def keep_blobs(self, kind: str, digests: Sequence[bytes]) -> None: ...
    def crls(self) -> list[tuple[str, bytes]]: ...
    def put_crl(self, agency: str, der: bytes) -> None: ...

    # What others saw, and what was served before
    def views(self, log: bytes) -> Iterator[bytes]: ...
    def put_view(self, log: bytes, size: int, note: bytes) -> None: ...

    def close(self) -> None:
        """Release the file."""
        ...
