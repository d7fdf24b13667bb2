"""The item maps of a log that is replayed, derived from its entries: its own, and those of the logs
that it continues, whose keys are other ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from ledger.domain.audit.contract_events import CheckpointAnchored
from ledger.domain.audit.findings import AuditFinding
from ledger.domain.audit.ports import AuditState
from ledger.domain.codecs.text import counted
from ledger.domain.log import item_map, map_tiles
from ledger.domain.log.map_tiles import Additions
from ledger.services.audit.chain_events import LogOfAgency


@dataclass
class _Map:
    """The map of one log: tiles that changed since they were kept, and entries not in it yet."""

    state: AuditState
    log: bytes
    of: bytes
    #: Entries from here on belong to a log that continues this one.
    end: int | None
    changed: dict[bytes, bytes] = field(default_factory=dict)
    new: dict[bytes, Additions] = field(default_factory=dict)

    def root(self) -> bytes:
        stored = partial(self.state.map_tiles, self.log, self.of)
        read = map_tiles.with_changes(self.changed, stored)
        root, changed = map_tiles.update(read, self.new)
        self.changed |= changed
        self.new = {}
        return root


class MapReplay:
    """Derives the maps of one replayed log; nothing is kept before ``put_progress`` takes it."""

    def __init__(self, log: LogOfAgency, state: AuditState) -> None:
        self._maps = {of: _Map(state, log.log, of, end) for of, end in log.inherited}
        self._maps[log.log] = _Map(state, log.log, log.log, None)

    def add(self, index: int, subject: str, hashed: bytes) -> None:
        """Take an entry over."""
        for of, known in self._maps.items():
            if known.end is None or index < known.end:
                key = item_map.key_of(of, subject)
                known.new.setdefault(key, []).append((index, hashed))

    def root(self, of: bytes) -> bytes:
        """Root of a log's map over the entries that were taken over."""
        return self._maps[of].root()

    def take_changes(self) -> dict[tuple[bytes, bytes], bytes]:
        """Tiles that changed since the last call, by the log of their map and their prefix."""
        changes: dict[tuple[bytes, bytes], bytes] = {}
        for of, known in self._maps.items():
            if known.new:
                known.root()
            changes |= {(of, prefix): data for prefix, data in known.changed.items()}
            known.changed = {}
        return changes


def compare(
    log: LogOfAgency, cover: CheckpointAnchored, found: bytes, whose: str
) -> list[AuditFinding]:
    """Hold a map root against the anchored one: the contract takes whatever it is given.

    Returns:
        the finding where they differ, else nothing.
    """
    if found == cover.map_root:
        return []
    place = f"entry {cover.size - 1} of {log.agency}"
    anchored = f"map root {cover.map_root.hex()} of {counted(cover.size, 'entry')}"
    expected = f"{anchored}, anchored in block {cover.block}"
    return [AuditFinding("map-differs", place, expected, f"{whose} {found.hex()}")]
