"""What an audit keeps of the chain: events of both contracts, up to the block that was read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ledger.adapters.audit_file import told
from ledger.domain.audit import contract_events
from ledger.domain.audit.contract_events import (
    CheckpointAnchored,
    ContractEvent,
    DescriptorPublished,
    HandoverOnChain,
    LogOpened,
)
from ledger.domain.chain import contract_layout
from ledger.domain.chain.contract_layout import Hop

_PAGE: Final = 1000


class ChainTables:
    """The tables of the contracts' events. See domain.audit.ports.AuditState."""

    _db: sqlite3.Connection
    _TOLD: Final = (
        "SELECT key, number, giver, taker, offer, offer_time, expires, outcome, "
        "outcome_digest, time FROM handover"
    )

    def _all(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with told():
            return self._db.execute(query, values).fetchall()

    def _one(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        with told():
            row: tuple[Any, ...] | None = self._db.execute(query, values).fetchone()
        return row

    def _pages(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Rows one by one, over a cursor of their own: other statements may run meanwhile."""
        cursor = self._db.execute(query, values)
        # Whoever stops reading leaves nothing running behind.
        while page := self._next_page(cursor):
            yield from page

    @staticmethod
    def _next_page(cursor: sqlite3.Cursor) -> list[tuple[Any, ...]]:
        with told():
            return cursor.fetchmany(_PAGE)

    def chain_block(self) -> int:
        """The block up to which events were read; -1 for none."""
        row = self._one("SELECT block FROM chain")
        return int(row[0]) if row else -1

    def put_events(self, events: Sequence[ContractEvent], block: int) -> None:
        """Take over events of the contracts, in order, up to and with ``block``."""
        for event in events:
            self._put_event(event)
        self._db.execute("INSERT OR REPLACE INTO chain VALUES (1, ?)", (block,))

    def _put_event(self, event: ContractEvent) -> None:
        put = self._db.execute
        match event:
            case contract_events.AgencyAdmitted():
                put("INSERT OR REPLACE INTO agency VALUES (?, ?)", (event.agency, event.code))
            case contract_events.AgencyRetired():
                put("INSERT OR REPLACE INTO retired VALUES (?, ?)", (event.agency, event.successor))
            case contract_events.LogOpened():
                put(
                    "INSERT OR REPLACE INTO opened VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        event.log,
                        event.block,
                        event.time,
                        event.agency,
                        event.parent,
                        event.size,
                        event.root,
                        event.map_root,
                    ),
                )
            case contract_events.DescriptorPublished():
                put(
                    "INSERT OR REPLACE INTO published VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        event.agency,
                        event.version,
                        event.digest,
                        event.active_from,
                        event.block,
                        event.time,
                    ),
                )
            case contract_events.CheckpointAnchored():
                put(
                    "INSERT OR IGNORE INTO checkpoint VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        event.log,
                        event.size,
                        event.block,
                        event.time,
                        event.prev,
                        event.root,
                        event.map_root,
                        event.version,
                    ),
                )
            case contract_events.TransferOffered():
                self._put_offer(event)
            case contract_events.TransferConcluded():
                self._put_outcome(event)

    def _put_offer(self, event: contract_events.TransferOffered) -> None:
        query = "SELECT count(*) FROM handover WHERE key = ?"
        (number,) = self._one(query, event.key) or (0,)
        self._db.execute(
            "INSERT INTO handover VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            (
                event.key,
                number,
                event.digest,
                event.giver,
                event.taker,
                event.time,
                event.expires,
                contract_layout.OPEN,
                bytes(32),
            ),
        )

    def _put_outcome(self, event: contract_events.TransferConcluded) -> None:
        self._db.execute(
            "UPDATE handover SET outcome = ?, outcome_digest = ?, time = ? "
            "WHERE key = ? AND outcome = ?",
            (event.outcome, event.digest, event.time, event.key, contract_layout.OPEN),
        )

    def checkpoints(self, log: bytes, *, after: int) -> Iterator[CheckpointAnchored]:
        """Checkpoints of a log beyond a size, in order."""
        query = (
            "SELECT block, time, log, prev, size, root, map_root, version FROM checkpoint "
            "WHERE log = ? AND size > ? ORDER BY size"
        )
        for row in self._pages(query, log, after):
            yield CheckpointAnchored(*row)

    def last_checkpoint(self, log: bytes) -> CheckpointAnchored | None:
        """The newest checkpoint of a log."""
        row = self._one(
            (
                "SELECT block, time, log, prev, size, root, map_root, version FROM checkpoint "
                "WHERE log = ? ORDER BY size DESC LIMIT 1"
            ),
            log,
        )
        return CheckpointAnchored(*row) if row else None

    def agencies(self) -> dict[bytes, str]:
        """Codes of agencies by id."""
        return {row[0]: row[1] for row in self._all("SELECT id, code FROM agency")}

    def inherits(self, agency: bytes) -> bool:
        """Whether an agency goes on with the items of one that was retired."""
        return self._one("SELECT 1 FROM retired WHERE successor = ?", agency) is not None

    def was_retired(self, agency: bytes) -> bool:
        """Whether an agency was retired."""
        return self._one("SELECT 1 FROM retired WHERE agency = ?", agency) is not None

    def opened(self, log: bytes) -> LogOpened | None:
        """When and from what a log was opened."""
        row = self._one(
            "SELECT block, time, agency, log, parent, size, root, map_root FROM opened "
            "WHERE log = ?",
            log,
        )
        return LogOpened(*row) if row else None

    def published(self) -> list[DescriptorPublished]:
        """All descriptor versions."""
        return [
            DescriptorPublished(*row)
            for row in self._all(
                "SELECT block, time, agency, version, digest, active_from FROM published"
            )
        ]

    def offered(self, digest: bytes) -> list[HandoverOnChain]:
        """The handovers that began with an offer of this digest, in the order of the chain."""
        rows = self._all(f"{self._TOLD} WHERE offer = ? ORDER BY offer_time, number", digest)
        return [HandoverOnChain(row[0], row[1], Hop(*row[2:])) for row in rows]

    def handovers(self) -> Iterator[HandoverOnChain]:
        """All handovers that the chain knows."""
        for row in self._pages(f"{self._TOLD} ORDER BY key, number"):
            yield HandoverOnChain(row[0], row[1], Hop(*row[2:]))
