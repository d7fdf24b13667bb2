"""The files of a log as a node serves them and as they are exported for any web server
(docs/format.md, "Log files").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.domain.errors import ALTERED, AlteredError, FormatError, NotFoundError, UsageError
from ledger.domain.identity.names import check_code
from ledger.domain.log import merkle, tiles
from ledger.domain.log.receipt import parse_checkpoint
from ledger.domain.log.tiles import WIDTH
from ledger.rows.unit_of_work import Database, UnitOfWork
from ledger.services.log import merkle_log
from ledger.services.node.context import Node

_HEX: Final = re.compile(r"[0-9a-f]{64}")
_SIZE: Final = re.compile(r"[1-9]\d{0,14}")
#: Files that never change once they are there, by the first part of their path.
FOREVER: Final = frozenset({"tile", "checkpoints", "certs", "descriptors", "documents"})


@dataclass(frozen=True, slots=True)
class OwnLog:
    """What the files of an agency's own log are made from; ``key`` gives what signs the newest
    checkpoint: the log key in force.
    """

    agency: str
    log: bytes
    records: Database
    key: Callable[[UnitOfWork], Ed25519PrivateKey]

    @classmethod
    def of(cls, node: Node) -> OwnLog:
        """The log of a node, with where its rows and documents are."""
        return cls(node.agency, node.log_id, node.records, node.log_key)


class OwnFiles:
    """The files of a node's own log. See domain.audit.ports.LogFiles."""

    where = "this home"
    is_node = True

    def known_at(self, services: AbstractSet[str]) -> None:
        """A node's own files are its own."""

    def __init__(self, log: OwnLog) -> None:
        self._log = log

    def get(self, path: str) -> bytes:
        """A file by its path.

        Raises:
            NotFoundError: no such file. AlteredError: the rows that it is made of hold what no
                program of ours writes.
        """
        kind, _, rest = path.partition("/")
        try:
            with self._log.records.read() as unit:
                content = _READERS.get(kind, _nothing)(self._log, unit, rest)
            return bytes(memoryview(content))  # of what is no bytes there is no view
        except ALTERED as error:
            what = f"the database has rows that no program of ours writes: {type(error).__name__}"
            raise AlteredError(what, hint="run: custody doctor") from error

    def close(self) -> None:
        """Nothing is kept open."""


def _nothing(log: OwnLog, unit: UnitOfWork, rest: str) -> bytes:
    raise NotFoundError("no such file of the log")


def _checkpoint(log: OwnLog, unit: UnitOfWork, rest: str) -> bytes:
    return merkle_log.checkpoint(log.key(unit), unit, log.log).note


def _anchored(log: OwnLog, unit: UnitOfWork, rest: str) -> bytes:
    """Also one whose transaction is on its way: the chain may have taken it before we know."""
    if _SIZE.fullmatch(rest):
        checkpoints = unit.checkpoints.page(log.log, after=int(rest) - 1, limit=1)
        if checkpoints and checkpoints[0].size == int(rest):
            return checkpoints[0].note
    raise NotFoundError("no such checkpoint was sent to be anchored")


def _tile(log: OwnLog, unit: UnitOfWork, rest: str) -> bytes:
    return merkle_log.tile(unit, log.log, tiles.parse_path(rest))


def _digest(rest: str) -> bytes:
    if not _HEX.fullmatch(rest):
        raise NotFoundError("no such file of the log")
    return bytes.fromhex(rest)


def _certificate(log: OwnLog, unit: UnitOfWork, rest: str) -> bytes:
    der = unit.people.certificate(_digest(rest))
    if der is None:
        raise NotFoundError("no such certificate")
    return der


def _crl(log: OwnLog, unit: UnitOfWork, rest: str) -> bytes:
    newest = unit.authority.newest_crl()
    if rest or newest is None:
        raise NotFoundError("no revocation list was issued yet")
    return newest.der


def _crl_of(log: OwnLog, unit: UnitOfWork, rest: str) -> bytes:
    if rest == log.agency:
        return _crl(log, unit, "")
    row = unit.partners.get(rest)
    if row is None or not row.crl:
        raise NotFoundError("no revocation list of that agency is known here")
    return row.crl


def _descriptor(log: OwnLog, unit: UnitOfWork, rest: str) -> bytes:
    wanted = _digest(rest)
    for document in _descriptors(unit):
        if sha256(document).digest() == wanted:
            return document
    raise NotFoundError("no such descriptor is known here")


def _descriptors(unit: UnitOfWork) -> Iterator[bytes]:
    yield from (row.document for row in unit.authority.descriptors())
    for partner in unit.partners.all():
        yield from (row.document for row in unit.partners.descriptors(partner.agency))


def _document(log: OwnLog, unit: UnitOfWork, rest: str) -> bytes:
    """Documents of the agency's statements about itself are public: they alone lie here as they
    were signed.
    """
    wanted = _digest(rest)
    document = unit.documents.get(wanted)
    if document is None or sha256(document).digest() != wanted:
        raise NotFoundError("no such public document")
    return document


_READERS: Final[dict[str, Callable[[OwnLog, UnitOfWork, str], bytes]]] = {
    "checkpoint": _checkpoint,
    "checkpoints": _anchored,
    "tile": _tile,
    "certs": _certificate,
    "crl": _crl,
    "crls": _crl_of,
    "descriptors": _descriptor,
    "documents": _document,
}


def require_own(log: OwnLog, path: str, data: bytes) -> None:
    """Refuse a file of an exported tree that is not one of this log, or of another state of it.

    Checkpoints are compared by what they say: a home that was restored may not know yet which of
    them were anchored.

    Raises:
        UsageError: it is another.
    """
    kind, _, rest = path.partition("/")
    try:
        with log.records.read() as unit:
            same = (
                _says_ours(log, unit, data)
                if kind.startswith("checkpoint")
                else _tile(log, unit, rest) == data
            )
    except (FormatError, NotFoundError):
        same = False
    if not same:
        hint = "export into a folder of its own; look at this one before anybody else does"
        raise UsageError(
            f"{path} is there already, and is not of this log or of an earlier state of it",
            hint=hint,
        )


def _says_ours(log: OwnLog, unit: UnitOfWork, note: bytes) -> bool:
    said, state = parse_checkpoint(note), unit.logs.get(log.log)
    if said.log_id != log.log or state is None or said.size > state.size:
        return False
    return said.root == merkle.root_of(said.size, merkle_log.reader(unit, log.log))


def exported(log: OwnLog, *, entries: bool) -> tuple[list[str], Callable[[str], bytes]]:
    """The log at one size for a plain web server, while it may grow: paths of its files, and what
    reads them.

    Args:
        entries: also what is not public: entry bundles and certificates, which show pseudonyms and
            times of officers.
    """
    own = OwnFiles(log)
    note = own.get("checkpoint")
    paths = list(_tree(log, parse_checkpoint(note).size, entries=entries))
    return paths, lambda path: note if path == "checkpoint" else own.get(path)


def _tree(log: OwnLog, size: int, *, entries: bool) -> Iterator[str]:
    """Paths of every file; the checkpoint comes last, so that nothing it covers is missing."""
    with log.records.read() as unit:
        agencies = [log.agency, *(row.agency for row in unit.partners.all() if row.crl)]
        descriptors = sorted({sha256(descriptor).hexdigest() for descriptor in _descriptors(unit)})
    yield from (f"descriptors/{descriptor}" for descriptor in descriptors)
    yield "crl"
    yield from (f"crls/{check_code(agency)}" for agency in agencies)
    certificates: set[bytes] = set()
    for start in range(0, size, WIDTH):
        with log.records.read() as unit:
            rows = unit.logs.entries(log.log, start, min(start + WIDTH, size))
        for row in rows:
            if entries and row.certificate not in certificates:
                certificates.add(row.certificate)
                yield f"certs/{row.certificate.hex()}"
            if row.effect == "agency":
                yield f"documents/{row.payload.hex()}"
        if entries:
            yield f"tile/{tiles.format_path(None, start // WIDTH, len(rows))}"
    yield from (
        f"tile/{tiles.format_path(level, index, tiles.width_at(size, level, index))}"
        for level, index in tiles.places(size)
    )
    after = 0
    while True:
        with log.records.read() as unit:
            page = unit.checkpoints.page(log.log, after=after)
        if not page:
            break
        yield from (f"checkpoints/{row.size}" for row in page)
        after = page[-1].size
    yield "checkpoint"
