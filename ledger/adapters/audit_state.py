"""What an audit keeps between runs: one SQLite file, written in stretches that become durable
together.

A table, not an object model, for millions of rows that are read by key and replaced: sqlite3 itself
is the plain tool for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Final

from ledger.adapters import files
from ledger.adapters.audit_chain_tables import ChainTables
from ledger.adapters.audit_file import HINT, Connection, not_ours, require_whole
from ledger.adapters.filelock import FileLock
from ledger.domain.audit.findings import AuditFinding
from ledger.domain.audit.ports import LogState, Progress, Usage
from ledger.domain.audit.replay import Step
from ledger.domain.errors import StorageError
from ledger.domain.item.custody_transitions import ItemState, Offer

#: Tells our files from other programs' databases, many of which are of version 1 or 2.
_OURS: Final = 0x43554154
#: 2: what could not be judged is judged anew. A file that kept less must not be gone on with.
_VERSION: Final = 3
_PAGE: Final = 1000
_SCHEMA: Final = """
CREATE TABLE chain (one INTEGER PRIMARY KEY CHECK (one = 1), block INTEGER NOT NULL);
CREATE TABLE agency (id BLOB PRIMARY KEY, code TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE retired (agency BLOB PRIMARY KEY, successor BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE opened (log BLOB PRIMARY KEY, block INTEGER, time INTEGER, agency BLOB, parent BLOB,
    size INTEGER, root BLOB, map_root BLOB) WITHOUT ROWID;
CREATE TABLE published (agency BLOB, version INTEGER, digest BLOB, active_from INTEGER,
    block INTEGER, time INTEGER,
    PRIMARY KEY (agency, version)) WITHOUT ROWID;
CREATE TABLE checkpoint (log BLOB, size INTEGER, block INTEGER, time INTEGER, prev INTEGER,
    root BLOB, map_root BLOB, version INTEGER,
    PRIMARY KEY (log, size)) WITHOUT ROWID;
CREATE TABLE handover (key BLOB, number INTEGER, offer BLOB, giver BLOB, taker BLOB,
    offer_time INTEGER, expires INTEGER,
    outcome INTEGER, outcome_digest BLOB, time INTEGER, PRIMARY KEY (key, number)) WITHOUT ROWID;
CREATE INDEX handover_offer ON handover (offer);
CREATE TABLE log (log BLOB PRIMARY KEY, agency TEXT, size INTEGER, frontier BLOB) WITHOUT ROWID;
CREATE TABLE item (log BLOB, evidence TEXT, origin TEXT, ref BLOB, custodian TEXT, seq INTEGER,
    head BLOB, time INTEGER, closed INTEGER,
    offer BLOB, taker TEXT, PRIMARY KEY (log, evidence)) WITHOUT ROWID;
CREATE TABLE step (log BLOB, digest BLOB, evidence TEXT, seq INTEGER, prev BLOB, effect TEXT,
    taker TEXT, time INTEGER, place INTEGER,
    PRIMARY KEY (log, digest)) WITHOUT ROWID;
CREATE TABLE used (log BLOB, certificate BLOB, issuer TEXT, time INTEGER, place INTEGER,
    PRIMARY KEY (log, certificate)) WITHOUT ROWID;
CREATE TABLE volume (log BLOB, certificate BLOB, hour INTEGER, count INTEGER,
    PRIMARY KEY (log, certificate, hour)) WITHOUT ROWID;
CREATE TABLE finding (log BLOB, number INTEGER PRIMARY KEY, code TEXT, place TEXT, expected TEXT,
    found TEXT,
    UNIQUE (log, code, place, expected, found));
CREATE TABLE map_tile (log BLOB, map BLOB, prefix BLOB, data BLOB,
    PRIMARY KEY (log, map, prefix)) WITHOUT ROWID;
CREATE TABLE blob (kind TEXT, digest BLOB, data BLOB, PRIMARY KEY (kind, digest)) WITHOUT ROWID;
CREATE TABLE crl (agency TEXT, der BLOB, PRIMARY KEY (agency, der)) WITHOUT ROWID;
CREATE TABLE view (log BLOB, size INTEGER, note BLOB, PRIMARY KEY (log, size, note)) WITHOUT ROWID;
"""


class SqliteAuditState(ChainTables):
    """See domain.audit.ports.AuditState.

    Args:
        path: the file; None keeps everything for one run, in a file without a name.
        chain: what the file is about (chain id and contracts): a file about another chain is
            refused.

    Raises:
        StorageError: the file is damaged, of another version, or about another chain. LockedError:
            another audit uses it.
        UsageError: it is no file, or a database that is somebody else's.
    """

    def __init__(self, path: Path | None, chain: bytes) -> None:
        self._lock = None
        if path is not None:
            files.require_file(path, hint="name a file with --state")
            require_whole(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            files.private_file(path)
            self._lock = FileLock(
                path.with_name(path.name + ".lock"), what="the audit's state file"
            )
        try:
            self._db = sqlite3.connect(
                path or "", isolation_level=None, check_same_thread=False, factory=Connection
            )
            self._prepare(chain)
        except BaseException:
            self.close()
            raise

    def _prepare(self, chain: bytes) -> None:
        (version,) = self._all("PRAGMA user_version")[0]
        (ours,) = self._all("PRAGMA application_id")[0]
        fresh = self._all("SELECT count(*) FROM sqlite_schema")[0] == (0,)
        known = fresh or self._all("SELECT 1 FROM sqlite_schema WHERE name = 'blob'") != []
        if not known or ours not in (_OURS, 0):
            raise not_ours()
        if not fresh and (ours, version) != (_OURS, _VERSION):
            raise StorageError(
                f"the audit's state file is of version {version}, expected {_VERSION}: what it "
                "kept was not checked as it is now",
                hint=HINT,
            )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA cache_size = -65536")
        if fresh:
            self._found(chain)
        if self.blob("chain", b"") != chain:
            raise StorageError(
                "the audit's state file is about another chain or other contracts", hint=HINT
            )

    def _found(self, chain: bytes) -> None:
        """Make the tables of a new file, and say what it is about, in one transaction: a file
        without tables is none that was begun.
        """
        with self.transaction():
            for statement in _SCHEMA.split(";"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA application_id = {_OURS}")
            self._db.execute(f"PRAGMA user_version = {_VERSION}")
            self.put_blob("chain", b"", chain)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything in the block becomes durable together."""
        self._db.execute("BEGIN")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    # The chain

    # Logs

    def log(self, log: bytes) -> LogState | None:
        """How far a log was replayed."""
        row = self._one("SELECT log, agency, size, frontier FROM log WHERE log = ?", log)
        return LogState(*row) if row else None

    def logs(self) -> list[LogState]:
        """All logs that were ever audited with this file."""
        return [LogState(*row) for row in self._all("SELECT log, agency, size, frontier FROM log")]

    def items(self, log: bytes, evidence: Sequence[str]) -> dict[str, ItemState]:
        """States of items in a log."""
        found: dict[str, ItemState] = {}
        names = list(evidence)
        for start in range(0, len(names), 500):
            page = names[start : start + 500]
            marks = ",".join("?" * len(page))
            query = (
                "SELECT evidence, origin, ref, custodian, seq, head, time, closed, offer, taker "  # noqa: S608  (marks only)
                "FROM item "
                f"WHERE log = ? AND evidence IN ({marks})"
            )
            for row in self._all(query, log, *page):
                offer = Offer(row[8], row[9]) if row[8] is not None else None
                name, origin, ref, custodian, seq, head, moment, closed = row[:8]
                found[name] = ItemState(
                    name, origin, ref, custodian, seq, head, moment, bool(closed), offer
                )
        return found

    def item_count(self, log: bytes) -> int:
        """How many items a log speaks of; its agency's statements about itself are about none."""
        return int(
            self._all(
                "SELECT count(*) FROM item "
                "WHERE log = ? AND evidence NOT LIKE 'urn:custody:agency:%'",
                log,
            )[0][0]
        )

    def opened_twice(self) -> Iterator[tuple[str, list[str]]]:
        """Items that were opened in the logs of more than one agency, with these agencies. Of one
        agency, a log that was recovered holds what the one before had.
        """
        query = (
            "SELECT evidence, group_concat(DISTINCT origin) FROM item "
            "WHERE origin <> '' AND ref <> x'' GROUP BY evidence HAVING count(DISTINCT origin) > 1"
        )
        for evidence, agencies in self._pages(query):
            yield evidence, agencies.split(",")

    def steps(self, log: bytes, effect: str) -> Iterator[Step]:
        """Steps of handovers between agencies in a log, by effect."""
        query = (
            "SELECT digest, evidence, seq, prev, effect, taker, time, place FROM step WHERE "
            "log = ? AND effect = ? ORDER BY place"
        )
        for row in self._pages(query, log, effect):
            yield Step(*row)

    def step(self, log: bytes, digest: bytes) -> Step | None:
        """One step by the digest of its statement."""
        query = (
            "SELECT digest, evidence, seq, prev, effect, taker, time, place FROM step WHERE "
            "log = ? AND digest = ?"
        )
        row = self._one(query, log, digest)
        return Step(*row) if row else None

    def put_progress(self, progress: Progress) -> None:
        """Take over what a stretch of replay found."""
        log = progress.state.log
        many = self._db.executemany
        many(
            "INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(log, name, *_item(state)) for name, state in progress.items.items()],
        )
        many(
            "INSERT OR REPLACE INTO step VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            # The columns have the order of Step's fields.
            [(log, *astuple(step)) for step in progress.steps],
        )
        many(
            "INSERT OR REPLACE INTO used VALUES (?, ?, ?, ?, ?)",
            [
                (log, usage.certificate, usage.issuer, usage.time, usage.index)
                for usage in progress.usages
            ],
        )
        many(
            (
                "INSERT INTO volume VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + "
                "excluded.count"
            ),
            [
                (log, certificate, hour, count)
                for (certificate, hour), count in progress.volumes.items()
            ],
        )
        many(
            (
                "INSERT OR IGNORE INTO finding (log, code, place, expected, found) VALUES (?, ?, "
                "?, "
                "?, ?)"
            ),
            [
                (log, finding.code, finding.place, finding.expected, finding.found)
                for finding in progress.findings
            ],
        )
        many(
            "INSERT OR REPLACE INTO map_tile VALUES (?, ?, ?, ?)",
            [(log, *place, data) for place, data in progress.map_tiles.items()],
        )
        state = progress.state
        self._db.execute(
            "INSERT OR REPLACE INTO log VALUES (?, ?, ?, ?)",
            (log, state.agency, state.size, state.frontier),
        )

    def map_tiles(self, log: bytes, of: bytes, prefixes: Sequence[bytes]) -> dict[bytes, bytes]:
        """Tiles of an item map as far as a log was replayed."""
        tiles: dict[bytes, bytes] = {}
        for start in range(0, len(prefixes), 500):
            page = prefixes[start : start + 500]
            marks = ",".join("?" * len(page))
            query = (
                "SELECT prefix, data FROM map_tile "  # noqa: S608  (marks only)
                f"WHERE log = ? AND map = ? AND prefix IN ({marks})"
            )
            tiles |= {prefix: bytes(data) for prefix, data in self._all(query, log, of, *page)}
        return tiles

    def forget(self, log: bytes) -> None:
        """Drop what replaying a log led to; what was served is kept."""
        with self.transaction():
            for table in ("item", "step", "used", "volume", "finding", "map_tile", "log"):
                self._db.execute(f"DELETE FROM {table} WHERE log = ?", (log,))  # noqa: S608  (names of our own tables)

    def usages(self, log: bytes) -> Iterator[Usage]:
        """Latest uses of certificates in a log."""
        for row in self._pages(
            "SELECT certificate, issuer, time, place FROM used WHERE log = ?", log
        ):
            yield Usage(*row)

    def findings(self, log: bytes) -> Iterator[AuditFinding]:
        """What replaying a log found, this time and earlier."""
        for row in self._pages(
            "SELECT code, place, expected, found FROM finding WHERE log = ? ORDER BY number", log
        ):
            yield AuditFinding(*row)

    def volumes(self, log: bytes, least: int) -> Iterator[tuple[bytes, int, int]]:
        """(certificate, hour since 1970, events) of hours in which somebody signed ``least`` events
        or more.
        """
        yield from self._pages(
            "SELECT certificate, hour, count FROM volume WHERE log = ? AND count >= ?", log, least
        )

    # Documents and certificates

    def blob(self, kind: str, digest: bytes) -> bytes | None:
        """Something that was fetched before."""
        row = self._one("SELECT data FROM blob WHERE kind = ? AND digest = ?", kind, digest)
        return bytes(row[0]) if row else None

    def put_blob(self, kind: str, digest: bytes, data: bytes) -> None:
        """Keep something that was fetched."""
        self._db.execute("INSERT OR REPLACE INTO blob VALUES (?, ?, ?)", (kind, digest, data))

    def keep_blobs(self, kind: str, digests: Sequence[bytes]) -> None:
        """Drop those of a kind that are not among ``digests``."""
        known = {row[0] for row in self._all("SELECT digest FROM blob WHERE kind = ?", kind)}
        self._db.executemany(
            "DELETE FROM blob WHERE kind = ? AND digest = ?",
            [(kind, digest) for digest in known - set(digests)],
        )

    def crls(self) -> list[tuple[str, bytes]]:
        """All revocation lists ever seen, by agency."""
        return [(row[0], bytes(row[1])) for row in self._all("SELECT agency, der FROM crl")]

    def put_crl(self, agency: str, der: bytes) -> None:
        """Keep a revocation list."""
        self._db.execute("INSERT OR IGNORE INTO crl VALUES (?, ?)", (agency, der))

    # Views

    def views(self, log: bytes) -> Iterator[bytes]:
        """Signed checkpoints of a log that were ever served or shown."""
        for row in self._pages("SELECT note FROM view WHERE log = ? ORDER BY size", log):
            yield bytes(row[0])

    def put_view(self, log: bytes, size: int, note: bytes) -> None:
        """Keep a signed checkpoint."""
        self._db.execute("INSERT OR IGNORE INTO view VALUES (?, ?, ?)", (log, size, note))

    def close(self) -> None:
        """Release the file."""
        if hasattr(self, "_db"):
            self._db.close()
        if self._lock is not None:
            self._lock.release()


def _item(state: ItemState) -> tuple[object, ...]:
    """The columns of an item behind its log and name."""
    offer = (state.offer.digest, state.offer.to) if state.offer is not None else (None, None)
    place = (state.origin, state.ref, state.custodian, state.seq, state.head)
    return (*place, state.time, state.closed, *offer)
