"""The log: public C2SP files, entries for those who audit, and proofs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from api.deps import CallerDep, GuardedRoute, NodeDep
from api.schemas import ProofOut
from ledger.domain.codecs.text import b64url, from_hex
from ledger.domain.errors import NotFoundError
from ledger.domain.log import merkle
from ledger.services.access import authorization
from ledger.services.log import merkle_log
from ledger.services.log.files import OwnFiles, OwnLog
from ledger.services.node.context import Node

router = APIRouter(route_class=GuardedRoute, prefix="/v1/log", tags=["log"])
Size = Annotated[int, Query(ge=1, lt=2**48)]
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
_FOREVER = "public, max-age=31536000, immutable"
_NEVER = "no-cache"


@router.get("/checkpoint", operation_id="checkpoint")
def checkpoint(node: NodeDep) -> Response:
    """The signed checkpoint over all integrated entries (C2SP tlog-checkpoint)."""
    return _file(node, "checkpoint", _NEVER, "text/plain; charset=utf-8")


@router.get("/checkpoints/{size}", operation_id="anchored_checkpoint")
def anchored_checkpoint(node: NodeDep, size: Annotated[int, Path(ge=1, lt=2**48)]) -> Response:
    """The signed checkpoint that was anchored at a size."""
    return _file(node, f"checkpoints/{size}", _FOREVER, "text/plain; charset=utf-8")


@router.get("/tile/entries/{path:path}", operation_id="entries")
def entries(node: NodeDep, caller: CallerDep, path: str) -> Response:
    """An entry bundle (C2SP tlog-tiles), for those who audit: times and pseudonyms are not
    public.
    """
    return _file(node, f"tile/entries/{path}", "private, max-age=31536000, immutable")


@router.get("/tile/{path:path}", operation_id="tile")
def tile(node: NodeDep, path: str) -> Response:
    """A tile of hashes (C2SP tlog-tiles)."""
    return _file(node, f"tile/{path}", _FOREVER)


def _file(node: Node, path: str, caching: str, kind: str = "application/octet-stream") -> Response:
    return Response(OwnFiles(OwnLog.of(node)).get(path), 200, {"Cache-Control": caching}, kind)


@router.get("/certs/{digest}", operation_id="certificate")
def certificate(node: NodeDep, caller: CallerDep, digest: Digest) -> Response:
    """A certificate that signed something in the log (DER)."""
    return _file(
        node, f"certs/{digest}", "private, max-age=31536000, immutable", "application/pkix-cert"
    )


@router.get("/crl", operation_id="crl")
def crl(node: NodeDep) -> Response:
    """The newest revocation list (DER)."""
    return _file(node, "crl", _NEVER, "application/pkix-crl")


@router.get("/crls/{code}", operation_id="crl_of")
def crl_of(node: NodeDep, code: Annotated[str, Path(max_length=40)]) -> Response:
    """The newest revocation list of an agency that is known here (DER)."""
    return _file(node, f"crls/{code}", _NEVER, "application/pkix-crl")


@router.get("/descriptors/{digest}", operation_id="descriptor_by_digest")
def descriptor_by_digest(node: NodeDep, digest: Digest) -> Response:
    """A descriptor of this agency or of one known here, by the digest that the registry has."""
    return _file(node, f"descriptors/{digest}", _FOREVER, "application/json")


@router.get("/documents/{digest}", operation_id="public_document")
def public_document(node: NodeDep, digest: Digest) -> Response:
    """The document of a statement of the agency about itself."""
    return _file(node, f"documents/{digest}", _FOREVER, "application/json")


@router.get("/receipts/{statement}", operation_id="receipt")
def receipt(
    node: NodeDep, caller: CallerDep, statement: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
) -> dict[str, str]:
    """The receipt of a statement about an item that the caller may see."""
    with node.records.read() as unit:
        row = unit.logs.entry_by_digest(from_hex(statement, what="statement", size=32))
        authorization.require_visible(node, unit, caller, row.evidence if row is not None else "")
        assert row is not None
        key, read = node.log_key(unit), merkle_log.reader(unit, row.log)
        return {"receipt": b64url(merkle_log.receipt(key, row, read).encode())}


@router.get("/proofs/inclusion", operation_id="inclusion_proof")
def inclusion_proof(
    node: NodeDep, caller: CallerDep, index: Annotated[int, Query(ge=0, lt=2**48)], size: Size
) -> ProofOut:
    """Inclusion proof of an entry at a size (RFC 9162 section 2.1.3)."""
    with node.records.read() as unit:
        _within(node, size)
        read = merkle_log.reader(unit, node.log_id)
        path = merkle.inclusion_proof(index, size, read)
        return ProofOut(
            size=size, root=merkle.root_of(size, read).hex(), path=[entry.hex() for entry in path]
        )


@router.get("/proofs/consistency", operation_id="consistency_proof")
def consistency_proof(node: NodeDep, caller: CallerDep, old: Size, size: Size) -> ProofOut:
    """Proof that the log at ``size`` extends the log at ``old`` (RFC 9162 section 2.1.4)."""
    with node.records.read() as unit:
        _within(node, size)
        read = merkle_log.reader(unit, node.log_id)
        path = merkle.consistency_proof(old, size, read)
        return ProofOut(
            size=size, root=merkle.root_of(size, read).hex(), path=[entry.hex() for entry in path]
        )


def _within(node: Node, size: int) -> None:
    with node.records.read() as unit:
        log = unit.logs.get(node.log_id)
    if log is None or size > log.size:
        raise NotFoundError("the log is not that long yet")
