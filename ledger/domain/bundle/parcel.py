"""What one agency's node hands to another's: an item's bundle, its sealed documents, and keys
sealed to the receiver.

Documents and disclosures travel as they are stored, sealed under the item's record key, which is
granted to the receiving node: whoever listens on the way, or stands in between, reads none of them.
Deterministic CBOR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ledger.domain.codecs import cbor
from ledger.domain.codecs.text import is_version, require

KIND: Final = "custody-parcel"
_LIMIT: Final = 256 << 20
_MEMBERS: Final = {"kind", "v", "bundle", "documents", "grants"}


@dataclass(frozen=True, slots=True)
class SealedDocument:
    """A document by its digest with its disclosures as (digest, sealed), in order."""

    digest: bytes
    sealed: bytes
    disclosures: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parsed parcel. ``bundle`` has no documents in it; ``grants`` are for the receiving node and
    its custodians.
    """

    bundle: bytes
    documents: tuple[SealedDocument, ...]
    grants: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The bytes that travel."""
        documents = [
            [document.digest, document.sealed, [list(pair) for pair in document.disclosures]]
            for document in self.documents
        ]
        return cbor.encode(
            {
                "kind": KIND,
                "v": 1,
                "bundle": self.bundle,
                "documents": documents,
                "grants": list(self.grants),
            }
        )


def parse(data: bytes) -> Parcel:
    """Parse a parcel.

    Returns:
        the parcel, its documents still sealed.

    Raises:
        FormatError: it is none.
    """
    what = "parcel"
    require(0 < len(data) <= _LIMIT, f"{what}: {len(data)} bytes, at most {_LIMIT} allowed")
    value = cbor.decode(data, what=what)
    require(
        isinstance(value, dict) and value.get("kind") == KIND and is_version(value.get("v"), 1),
        f"{what}: this is no parcel of version 1",
    )
    require(
        set(value) == _MEMBERS and isinstance(value["bundle"], bytes),
        f"{what}: unknown or missing member",
    )
    require(
        isinstance(value["documents"], list) and isinstance(value["grants"], list),
        f"{what}: malformed list",
    )
    require(
        all(isinstance(grant, bytes) for grant in value["grants"]) and len(value["grants"]) <= 64,
        f"{what}: malformed grants",
    )
    return Parcel(
        value["bundle"],
        tuple(_document(document) for document in value["documents"]),
        tuple(value["grants"]),
    )


def _document(value: Any) -> SealedDocument:
    what = "parcel: malformed document"
    require(isinstance(value, list) and len(value) == 3 and isinstance(value[2], list), what)
    pairs = [
        (value[0], value[1]),
        *(tuple(disclosure) if isinstance(disclosure, list) else () for disclosure in value[2]),
    ]
    for pair in pairs:
        require(
            len(pair) == 2 and all(isinstance(part, bytes) for part in pair) and len(pair[0]) == 32,
            what,
        )
    return SealedDocument(value[0], value[1], tuple((pair[0], pair[1]) for pair in pairs[1:]))
