"""What follows from log, documents, chain and signatures, written anew into an empty database by
the code that writes it in daily life.

Whatever an edited column says, the rebuilt database does not have it: a column is found by
construction, and one that is added later too. What nothing tells is taken over from the home, and
stands in column_sources.py with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final

from ledger.domain.audit.ports import ChainStory
from ledger.domain.audit.report import AuditReport
from ledger.domain.chain.transactions import SentCall
from ledger.domain.errors import ALTERED, CustodyError, NetworkError, StorageError, UnreadableError
from ledger.domain.event import document as documents
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.names import agency_id
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Statement
from ledger.rows.logs import LogRow
from ledger.rows.table import TABLES
from ledger.rows.unit_of_work import Database, UnitOfWork
from ledger.services.audit.row_comparison import shown
from ledger.services.log import merkle_log
from ledger.services.log.merkle_log import entry_row
from ledger.services.node.context import Node
from ledger.services.registration import agency_statements

PAGE: Final = 256
_BEFORE: Final = -(2**62)
_LOGS: Final = 65_536
_CACHED: Final = 10_000


@dataclass
class Rebuild:
    """A rebuilding under way.

    Attributes:
        node: the home, read at one moment. into: the empty database. state: what the chain tells.
        whole: whether every entry of the log is there; without one the tree cannot be made again.
        announced: SHA-256 of revocation lists that the log announces. signers: certificates under
            which something in the log was signed.
        reported: rows that have a finding already.
        authorities: CAs of every agency that the home knows. calls: steps of handovers that we
            sent, by the statement that they name.
    """

    node: Node
    into: Database
    state: ChainStory
    report: AuditReport
    whole: bool = True
    announced: set[str] = field(default_factory=set)
    signers: set[bytes] = field(default_factory=set)
    reported: set[str] = field(default_factory=set)
    authorities: list[bytes] = field(default_factory=list)
    calls: dict[bytes, list[SentCall]] = field(default_factory=dict)
    _certificates: dict[bytes, Certificate] = field(default_factory=dict)

    def find(self, code: str, place: str, expected: str, found: str) -> None:
        """Report a difference between the home and what follows from the log."""
        self.report.find(code, place, expected, found)

    @contextmanager
    def guarded(self, place: str) -> Iterator[None]:
        """A row may have been altered into something that no program of ours would write: that is a
        finding, and the rest goes on.
        """
        try:
            yield
        except (StorageError, UnreadableError, NetworkError):
            raise  # a disk or a chain that fails refutes nothing
        except (CustodyError, *ALTERED) as error:
            what = error.message if isinstance(error, CustodyError) else type(error).__name__
            self.find(
                "row-edited",
                place,
                "values that can be read, and events that follow one another",
                what,
            )

    def certificate(self, unit: UnitOfWork, digest: bytes) -> Certificate | None:
        """A certificate of the home by its digest; None where it is not there, or is another
        one.
        """
        if digest not in self._certificates:
            der = unit.people.certificate(digest)
            if der is None or sha256(der).digest() != digest:
                return None
            if len(self._certificates) >= _CACHED:
                self._certificates.clear()
            self._certificates[digest] = certificates.parse(der)
        return self._certificates[digest]

    def pages(self, table: str) -> Iterator[tuple[UnitOfWork, UnitOfWork, list[dict[str, Any]]]]:
        """A table of the home, page by page, with the home and the rebuilt database."""
        keys, after = TABLES[table].key(), list[Any]()
        while True:
            with self.node.records.read() as unit, self.into.write() as into:
                page = unit.tables.page(table, after, PAGE)
                yield unit, into, page
            if len(page) < PAGE:
                return
            after = [page[-1][key] for key in keys]


def rebuild_log(book: Rebuild, advance: Callable[[int], None]) -> None:
    """The log: entries in their order, the tree, and the agency's statements about itself."""
    node = book.node
    with node.records.read() as unit:
        stored = unit.logs.get(node.log_id)
    if stored is not None and stored.frozen:
        book.find("frozen", "log", "a log that is written to", stored.frozen)
    with book.into.write() as into:
        into.logs.put(LogRow(node.log_id, node.agency, _number(node), 0, ""))
    after: list[Any] = [node.log_id, _BEFORE]
    size = 0
    while True:
        with node.records.read() as unit, book.into.write() as into:
            page = [
                row for row in unit.tables.page("entry", after, PAGE) if row["log"] == node.log_id
            ]
            fresh = []
            for row in page:
                index = row["index"]
                if not isinstance(index, int):
                    book.whole = False
                    book.find(
                        "row-edited", f"entry {shown(index)}", "a number", type(index).__name__
                    )
                    continue
                if index < size:
                    continue  # before the first: nothing in the log calls for it
                if index > size:
                    book.whole = False
                    book.find(
                        "row-missing", f"entry {size}", f"entries {size} to {index - 1}", "none"
                    )
                statement = _statement(book, row)
                if statement is not None:
                    fresh.append((index, statement))
                size = index + 1
            _sequence(book, into, fresh)
            for _, statement in fresh:
                book.signers.add(statement.certificate)
                if statement.claims.effect == "agency":
                    with book.guarded(f"document of the statement {shown(statement.digest)}"):
                        _agency_statement(book, unit, into, statement)
        advance(len(page))
        if not page:
            break
        after = [node.log_id, page[-1]["index"]]
    if not book.whole:
        with book.into.write() as into:
            into.logs.put(LogRow(node.log_id, node.agency, _number(node), size, ""))


def _number(node: Node) -> int:
    """The number of our log, which its id was made from."""
    numbers = (
        number
        for number in range(_LOGS)
        if node.contracts.log_id(agency_id(node.agency), number) == node.log_id
    )
    return next(numbers, 0)


def _statement(book: Rebuild, row: dict[str, Any]) -> Statement | None:
    try:
        return statements.parse_entry(row["entry"])
    except (CustodyError, TypeError) as error:
        book.whole = False
        book.find(
            "row-edited",
            f"entry {row['index']}",
            "a log entry",
            error.message if isinstance(error, CustodyError) else "no bytes",
        )
        return None


def _sequence(book: Rebuild, into: UnitOfWork, fresh: list[tuple[int, Statement]]) -> None:
    rows = [
        replace(entry_row(book.node.log_id, statement), index=index) for index, statement in fresh
    ]
    if book.whole and rows:
        merkle_log.append(into, book.node.log_id, rows)
    else:  # the tree cannot be made again; what stands in each entry can
        into.logs.add_entries(rows)


def _agency_statement(
    book: Rebuild, unit: UnitOfWork, into: UnitOfWork, statement: Statement
) -> None:
    service, raw = (
        book.certificate(unit, statement.certificate),
        unit.documents.get(statement.payload),
    )
    place = f"document {shown(statement.payload)}"
    if service is None:
        book.find(
            "row-missing",
            f"certificate {shown(statement.certificate)}",
            "a statement of the agency is signed with it",
            "none",
        )
        return
    if raw is None or sha256(raw).digest() != statement.payload:
        book.find(
            "document-differs", place, f"SHA-256 {shown(statement.payload)}", "none or another"
        )
        book.reported.add(place)
        return
    event = documents.parse(raw)
    agency_statements.write(into, service, event)
    if event.type == "crl-published":
        book.announced.add(event.body["digest"])
