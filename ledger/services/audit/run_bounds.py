"""What one run of an audit reads of a log, whatever the log says of its size.

A head names any size, and an agency anchors any size: the contract's consistency proof does not
bind it. Entries to go with it can be invented without end. So nothing that the other side says
decides how much is fetched:

- a run ends at the newest anchored checkpoint within as many entries as the auditor reads at most
- bytes are so many an entry, and a share for all other files
- time is so much, and what the bytes that came take at a slow pace
"""

from __future__ import annotations

import threading
import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from ledger.domain.audit.ports import AuditState, LogFiles
from ledger.domain.errors import NetworkError
from ledger.services.audit import chain_events
from ledger.services.audit.chain_events import LogOfAgency

#: Entries of a log that one run reads, where the auditor says nothing else.
MOST: Final = 1 << 24
#: Contradictions that one run keeps of a log: each is written down, and more prove no more.
FAULTS: Final = 100_000
_AN_ENTRY: Final = 4096  # bytes, with its share of tiles and of what it names; one has some 600
_OTHERWISE: Final = 256 << 20  # bytes: descriptors, revocation lists, certificates


class BeyondError(NetworkError):
    """A log sends more than one run reads."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How slowly a log may answer: seconds of waiting, and besides what its bytes take at so many
    a second.
    """

    grace: float = 1800.0
    rate: int = 16 << 10


def end_of_run(state: AuditState, log: LogOfAgency, begin: int, end: int, most: int) -> int:
    """Where a run that begins at an entry ends: at the newest anchored checkpoint (of ``end``
    entries), or at the last one within ``most`` entries. What lies between two checkpoints is not
    read in parts: only its end shows whether it is what was anchored.
    """
    if end - begin <= most:
        return end
    reached = begin
    for checkpoint in chain_events.checkpoints(state, log, begin):
        if checkpoint.size > begin + most:
            break
        reached = checkpoint.size
    return reached


class BoundedFiles:
    """The files of a log, of which no more is read than ``expect`` says, and not for longer than
    its bytes are worth: one that sends a byte a second would keep back what the others have to
    tell. See domain.audit.ports.LogFiles.
    """

    def __init__(self, files: LogFiles, pace: Pace) -> None:
        self._files = files
        self._pace = pace
        self._allowed = _OTHERWISE
        self._waited, self._bytes, self._asked, self._since = 0.0, 0, 0, 0.0
        self._mutex = threading.Lock()
        self.where = files.where

    @property
    def is_node(self) -> bool:
        """Whether a node of the agency shows them."""
        return self._files.is_node

    def known_at(self, services: AbstractSet[str]) -> None:
        """Where the agency's own node is."""
        self._files.known_at(services)

    def expect(self, entries: int) -> None:
        """So many entries more are about to be read."""
        with self._mutex:
            self._allowed += entries * _AN_ENTRY

    def get(self, path: str) -> bytes:
        """A file.

        Raises:
            BeyondError, NetworkError: more of this log is not read in this run.
        """
        self._begin()
        data = b""
        try:
            data = self._files.get(path)
        finally:
            self._end(len(data))
        return data

    def _begin(self) -> None:
        with self._mutex:
            now = time.monotonic()
            waited = self._waited + (now - self._since if self._asked else 0.0)
            if waited > self._pace.grace + self._bytes / self._pace.rate:
                raise NetworkError(
                    f"answers too slowly: {self._bytes} bytes in {waited:.0f} s",
                    hint="nothing more is asked of it in this run",
                )
            if self._bytes > self._allowed:
                raise BeyondError(
                    f"not read: {self._bytes} bytes came, and one run reads {self._allowed}",
                    hint="nothing more is asked of it in this run",
                )
            if not self._asked:
                self._since = now
            self._asked += 1

    def _end(self, size: int) -> None:
        with self._mutex:
            self._asked -= 1
            self._bytes += size
            if not self._asked:
                self._waited += time.monotonic() - self._since

    def close(self) -> None:
        """Release connections."""
        self._files.close()
