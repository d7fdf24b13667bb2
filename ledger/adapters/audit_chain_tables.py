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
            found: tuple[Any, ...] | None = self._db.execute(query, values).fetchone()
        return found

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
        found = self._one("SELECT block FROM chain")
        return int(found[0]) if found else -1

    def put_events(self, events: Sequence[ContractEvent], block: int) -> None:
        """Take over events of the contracts, in order, up to and with ``block``."""
        for one in events:
            self._put_event(one)
        self._db.execute("INSERT OR REPLACE INTO chain VALUES (1, ?)", (block,))

    def _put_event(self, one: ContractEvent) -> None:
        put = self._db.execute
        match one:
            case contract_events.AgencyAdmitted():
                put("INSERT OR REPLACE INTO agency VALUES (?, ?)", (one.agency, one.code))
            case contract_events.AgencyRetired():
                put("INSERT OR REPLACE INTO retired VALUES (?, ?)", (one.agency, one.successor))
            case contract_events.LogOpened():
                put(
                    "INSERT OR REPLACE INTO opened VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (one.log, one.block, one.time, one.agency, one.parent, one.size, one.root),
                )
            case contract_events.DescriptorPublished():
                put(
                    "INSERT OR REPLACE INTO published VALUES (?, ?, ?, ?, ?, ?)",
                    (one.agency, one.version, one.digest, one.active_from, one.block, one.time),
                )
            case contract_events.CheckpointAnchored():
                put(
                    "INSERT OR IGNORE INTO checkpoint VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (one.log, one.size, one.block, one.time, one.prev, one.root, one.version),
                )
            case contract_events.TransferOffered():
                query = "SELECT count(*) FROM handover WHERE key = ?"
                (number,) = self._one(query, one.key) or (0,)
                put(
                    "INSERT INTO handover VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                    (
                        one.key,
                        number,
                        one.digest,
                        one.giver,
                        one.taker,
                        one.time,
                        one.expires,
                        contract_layout.OPEN,
                        bytes(32),
                    ),
                )
            case contract_events.TransferConcluded():
                put(
                    (
                        "UPDATE handover SET outcome = ?, outcome_digest = ?, time = ? WHERE key "
                        "= ? "
                        "AND outcome = ?"
                    ),
                    (one.outcome, one.digest, one.time, one.key, contract_layout.OPEN),
                )

    def checkpoints(self, log: bytes, *, after: int) -> Iterator[CheckpointAnchored]:
        """Checkpoints of a log beyond a size, in order."""
        query = (
            "SELECT block, time, log, prev, size, root, version FROM checkpoint WHERE log = "
            "? AND size > ? ORDER BY size"
        )
        for row in self._pages(query, log, after):
            yield CheckpointAnchored(*row)

    def last_checkpoint(self, log: bytes) -> CheckpointAnchored | None:
        """The newest checkpoint of a log."""
        found = self._one(
            (
                "SELECT block, time, log, prev, size, root, version FROM checkpoint WHERE log = ? "
                "ORDER BY size DESC LIMIT 1"
            ),
            log,
        )
        return CheckpointAnchored(*found) if found else None

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
        found = self._one(
            "SELECT block, time, agency, log, parent, size, root FROM opened WHERE log = ?", log
        )
        return LogOpened(*found) if found else None

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
        found = self._all(f"{self._TOLD} WHERE offer = ? ORDER BY offer_time, number", digest)
        return [HandoverOnChain(row[0], row[1], Hop(*row[2:])) for row in found]

    def handovers(self) -> Iterator[HandoverOnChain]:
        """All handovers that the chain knows."""
        for row in self._pages(f"{self._TOLD} ORDER BY key, number"):
            yield HandoverOnChain(row[0], row[1], Hop(*row[2:]))
