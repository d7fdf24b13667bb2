"""The evidence bundle: one file that, with the evidence and a trust root, is enough to verify
(DESIGN section 12).

Deterministic CBOR, so that one bundle has one spelling; it grows with an item's events, not with
the log.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Final, get_args

from ledger.domain.bundle import pointers
from ledger.domain.chain.contract_layout import ContractName, Hop
from ledger.domain.chain.finality import MOST_DESCENDANTS
from ledger.domain.codecs import cbor
from ledger.domain.codecs.text import is_version, quoted, require, subject_bytes
from ledger.domain.errors import ForeignError, TruncatedError
from ledger.domain.files import file_kind
from ledger.domain.identity.names import check_code

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

KIND: Final = "custody-bundle"
VERSION: Final = 2
LIMIT: Final = 256 << 20  # bytes: ten thousand events with large documents
_TOP: Final = {
    "kind",
    "v",
    "evidence",
    "origin",
    "logs",
    "statements",
    "certificates",
    "crls",
    "checkpoints",
    "descriptors",
    "hops",
    "timestamps",
    "timestampLists",
    "lists",
    "chain",
}


@dataclass(frozen=True, slots=True)
class LogRef:
    """A log that sequenced some of the item's events: agency code and log number."""

    agency: str
    number: int


@dataclass(frozen=True, slots=True)
class BundledStatement:
    """One event. ``log`` and ``first`` point into the bundle's logs and checkpoints.

    ``document`` is None where it is withheld or destroyed; ``receipt`` and ``first`` are None while
    it is not anchored.
    """

    log: int
    index: int
    entry: bytes
    document: bytes | None
    disclosures: tuple[str, ...]
    receipt: bytes | None
    first: int | None


@dataclass(frozen=True, slots=True)
class BundledCheckpoint:
    """The preimage of a commitment on chain and the signed note; ``prev`` and ``size`` count
    leaves.
    """

    log: int
    prev: int
    size: int
    root: bytes
    map_root: bytes
    version: int
    time: int
    block: int
    note: bytes


@dataclass(frozen=True, slots=True)
class BundledDescriptor:
    """A descriptor document with the rest of its commitment's preimage."""

    document: bytes
    active_from: int
    block: int


@dataclass(frozen=True, slots=True)
class BundledTimestamp:
    """A token of a time authority (RFC 3161) over the note of a checkpoint, or over a token that
    stands before it: exactly one of the two is given, as its number.
    """

    checkpoint: int | None
    over: int | None
    token: bytes


@dataclass(frozen=True, slots=True)
class EntryLink:
    """An entry about the item that is not shown: its place in the log, and its hash (03)."""

    index: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class EntryList:
    """What the log of a checkpoint holds about the item at that size, with the proof of its item
    map: the statements of the bundle that stand in that log, and ``links``, in their order behind
    what ``before`` is the value of.
    """

    checkpoint: int
    before: bytes
    links: tuple[EntryLink, ...]
    proof: bytes


@dataclass(frozen=True, slots=True)
class StorageProof:
    """A proof of one slot of one contract."""

    contract: ContractName
    slot: bytes
    nodes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ChainSection:
    """Proofs of what the contracts hold, all at the block of ``header``; ``descendants`` lead from
    there to a block that the trust root can judge. Other proofs may take their place.
    """

    header: bytes
    descendants: tuple[bytes, ...]
    registry: tuple[bytes, ...]
    ledger: tuple[bytes, ...]
    storage: tuple[StorageProof, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A parsed bundle: an item's events with everything that proves them."""

    evidence: str
    origin: str
    logs: tuple[LogRef, ...]
    statements: tuple[BundledStatement, ...]
    certificates: tuple[bytes, ...]
    crls: tuple[bytes, ...]
    checkpoints: tuple[BundledCheckpoint, ...]
    descriptors: tuple[BundledDescriptor, ...]
    hops: tuple[Hop, ...]
    chain: ChainSection | None
    timestamps: tuple[BundledTimestamp, ...] = ()
    #: Revocation lists of time authorities.
    timestamp_lists: tuple[bytes, ...] = ()
    lists: tuple[EntryList, ...] = ()

    def encode(self) -> bytes:
        """The bundle as a file.

        Returns:
            its one spelling, which parse takes back.
        """
        return cbor.encode(
            {
                "kind": KIND,
                "v": VERSION,
                "evidence": self.evidence,
                "origin": self.origin,
                "logs": _rows_of(self.logs),
                "statements": _rows_of(self.statements),
                "certificates": list(self.certificates),
                "crls": list(self.crls),
                "checkpoints": _rows_of(self.checkpoints),
                "descriptors": _rows_of(self.descriptors),
                "hops": _rows_of(self.hops),
                "timestamps": _rows_of(self.timestamps),
                "timestampLists": list(self.timestamp_lists),
                "lists": _rows_of(self.lists),
                "chain": None if self.chain is None else _row_of(self.chain),
            }
        )

    def with_chain(self, chain: ChainSection | None) -> Bundle:
        """The same evidence with other proofs."""
        return replace(self, chain=chain)


def _rows_of(members: Iterable[DataclassInstance]) -> list[list[Any]]:
    return [_row_of(member) for member in members]


def _row_of(member: DataclassInstance) -> list[Any]:
    """The members of a part in their order, as its constructor takes them back."""
    values = (getattr(member, each.name) for each in fields(member))
    return [_listed(value) if isinstance(value, tuple) else value for value in values]


def _listed(values: tuple[Any, ...]) -> list[Any]:
    return _rows_of(values) if values and is_dataclass(values[0]) else list(values)


def parse(data: bytes) -> Bundle:
    """Parse a bundle.

    Returns:
        the bundle; its members have the right types, its indices are in range, nothing is verified.

    Raises:
        ForeignError: no bundle, one of a later version, or only the beginning of one.
        FormatError: malformed anywhere.
    """
    value = _decode(data)
    require(set(value) == _TOP, "bundle: unknown or missing member")
    subject_bytes(value["evidence"], what="bundle")
    _check_counts(value)
    chain = value["chain"]
    bundle = Bundle(
        value["evidence"],
        check_code(value["origin"]),
        tuple(LogRef(check_code(row[0]), row[1]) for row in _rows(value["logs"], "ti", "logs")),
        tuple(_statement(row) for row in _rows(value["statements"], "iibBlBI", "statements")),
        _blobs(value["certificates"], "certificates"),
        _blobs(value["crls"], "crls"),
        tuple(
            BundledCheckpoint(*row)
            for row in _rows(value["checkpoints"], "iiihhiiib", "checkpoints")
        ),
        tuple(BundledDescriptor(*row) for row in _rows(value["descriptors"], "bii", "descriptors")),
        tuple(Hop(*row) for row in _rows(value["hops"], "hhhiiihi", "hops")),
        None if chain is None else _parse_chain(chain),
        tuple(BundledTimestamp(*row) for row in _rows(value["timestamps"], "IIb", "timestamps")),
        _blobs(value["timestampLists"], "timestamp lists"),
        tuple(_list(row) for row in _rows(value["lists"], "ihlb", "lists of entries")),
    )
    pointers.check(bundle)
    return bundle


def _decode(data: bytes) -> dict[str, Any]:
    """The members of a bundle of this version, before they are judged.

    Raises:
        ForeignError, FormatError: as parse does.
    """
    if len(data) > LIMIT:
        raise ForeignError(f"bundle: {len(data)} bytes, at most {LIMIT} allowed")
    if not file_kind.is_bundle(data[: file_kind.HEAD]):
        said = file_kind.describe(data[: file_kind.HEAD])
        raise ForeignError(
            f"bundle: this is {said}, not an evidence bundle",
            hint="the bundle comes first: custody verify BUNDLE FILE --trust TRUST",
        )
    try:
        value = cbor.decode(data, what="bundle")
    except TruncatedError as error:
        raise ForeignError(
            f"{error.message}: a part of the file is missing", hint="get the file again, whole"
        ) from error
    if not isinstance(value, dict) or value.get("kind") != KIND:
        raise ForeignError("bundle: this file is not an evidence bundle")
    if not is_version(value.get("v"), VERSION):
        raise ForeignError(
            f"bundle: version {quoted(value.get('v'))}, expected {VERSION}",
            hint="verify it with the custody that knows this version",
        )
    return value


def _check_counts(value: dict[str, Any]) -> None:
    """Refuse lists that are far longer than the statements can use, before their members are
    parsed.
    """
    require(isinstance(value["statements"], list), "bundle: statements must be a list")
    most = 4 * len(value["statements"]) + 64
    for name in (
        "logs",
        "certificates",
        "checkpoints",
        "hops",
        "timestamps",
        "timestampLists",
        "lists",
    ):
        require(
            isinstance(value[name], list) and len(value[name]) <= most,
            f"bundle: far more {name} than its statements can use",
        )


def _statement(row: list[Any]) -> BundledStatement:
    log, index, entry, document, disclosures, receipt, first = row
    return BundledStatement(log, index, entry, document, _texts(disclosures), receipt, first)


def _list(row: list[Any]) -> EntryList:
    checkpoint, before, links, proof = row
    rows = _rows(links, "ih", "links to entries")
    return EntryList(checkpoint, before, tuple(EntryLink(*link) for link in rows), proof)


def _parse_chain(value: Any) -> ChainSection:
    require(
        isinstance(value, list) and len(value) == 5 and isinstance(value[0], bytes),
        "bundle: malformed chain section",
    )
    descendants = _blobs(value[1], "headers")
    # Each is hashed, and its seal recovered: no rule takes more of them.
    require(
        len(descendants) <= MOST_DESCENDANTS,
        f"bundle: {len(descendants)} descendants of its block, expected at most {MOST_DESCENDANTS}",
    )
    storage = tuple(
        StorageProof(row[0], row[1], _blobs(row[2], "proof"))
        for row in _rows(value[4], "thl", "storage proofs")
    )
    require(
        all(proof.contract in get_args(ContractName) for proof in storage),
        "bundle: proof of an unknown contract",
    )
    require(
        len({(proof.contract, proof.slot) for proof in storage}) == len(storage),
        "bundle: a storage proof stands twice",
    )
    return ChainSection(
        value[0],
        descendants,
        _blobs(value[2], "proof"),
        _blobs(value[3], "proof"),
        storage,
    )


#: Letters that spell a row's shape: number, number or null, bytes, bytes or null, 32 bytes, text,
#: list.
_KINDS: Final = {
    "i": lambda item: type(item) is int and 0 <= item < 2**63,
    "I": lambda item: item is None or (type(item) is int and 0 <= item < 2**63),
    "b": lambda item: isinstance(item, bytes),
    "B": lambda item: item is None or isinstance(item, bytes),
    "h": lambda item: isinstance(item, bytes) and len(item) == 32,
    "t": lambda item: isinstance(item, str),
    "l": lambda item: isinstance(item, list),
}


def _rows(value: Any, shape: str, name: str) -> list[list[Any]]:
    require(isinstance(value, list), f"bundle: {name} must be a list")
    for row in value:
        good = isinstance(row, list) and len(row) == len(shape)
        require(
            good and all(_KINDS[kind](item) for kind, item in zip(shape, row, strict=True)),
            f"bundle: malformed {name}",
        )
    rows: list[list[Any]] = value
    return rows


def _blobs(value: Any, name: str) -> tuple[bytes, ...]:
    require(
        isinstance(value, list) and all(isinstance(item, bytes) for item in value),
        f"bundle: malformed {name}",
    )
    return tuple(value)


def _texts(value: Any) -> tuple[str, ...]:
    require(all(isinstance(item, str) for item in value), "bundle: malformed disclosures")
    return tuple(value)
