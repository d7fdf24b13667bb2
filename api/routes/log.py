"""The log: public C2SP files, entries for those who audit, and proofs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from api.deps import CallerDep, GuardedRoute, NodeDep
from api.schemas import ProofOut
from ledger.domain import merkle, tiles
from ledger.domain.encoding import b64url, from_hex
from ledger.domain.errors import NotFoundError
from ledger.services import access, logbook
from ledger.services.node import Node

router = APIRouter(route_class=GuardedRoute, prefix="/log", tags=["log"])
Size = Annotated[int, Query(ge=1, lt=2**48)]
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.get("/checkpoint", operation_id="checkpoint")
def checkpoint(node: NodeDep) -> Response:
    """The signed checkpoint over all integrated entries (C2SP tlog-checkpoint)."""
    with node.records.read() as unit:
        note = logbook.checkpoint(node, unit, node.log_id).note
    return Response(note, 200, {"Cache-Control": "no-cache"}, "text/plain; charset=utf-8")


@router.get("/tile/entries/{path:path}", operation_id="entries")
def entries(node: NodeDep, caller: CallerDep, path: str) -> Response:
    """An entry bundle (C2SP tlog-tiles), for those who audit: times and pseudonyms are not public."""
    return _tile(node, "entries/" + path, "private, max-age=31536000, immutable")


@router.get("/tile/{path:path}", operation_id="tile")
def tile(node: NodeDep, path: str) -> Response:
    """A tile of hashes (C2SP tlog-tiles)."""
    return _tile(node, path, _FOREVER["Cache-Control"])


def _tile(node: Node, path: str, caching: str) -> Response:
    with node.records.read() as unit:
        data = logbook.tile(unit, node.log_id, tiles.parse_path(path))
    return Response(data, 200, {"Cache-Control": caching}, "application/octet-stream")


@router.get("/certs/{digest}", operation_id="certificate")
def certificate(node: NodeDep, caller: CallerDep, digest: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]) -> Response:
    """A certificate that signed something in the log (DER)."""
    with node.records.read() as unit:
        der = unit.certificate(bytes.fromhex(digest))
    if der is None:
        raise NotFoundError("no such certificate")
    return Response(der, 200, _FOREVER, "application/pkix-cert")


@router.get("/crl", operation_id="crl")
def crl(node: NodeDep) -> Response:
    """The newest revocation list (DER)."""
    with node.records.read() as unit:
        rows = unit.crls()
    if not rows:
        raise NotFoundError("no revocation list was issued yet")
    return Response(rows[-1].der, 200, {"Cache-Control": "no-cache"}, "application/pkix-crl")


@router.get("/receipts/{statement}", operation_id="receipt")
def receipt(node: NodeDep, caller: CallerDep, statement: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]) -> dict[str, str]:
    """The receipt of a statement about an item that the caller may see."""
    with node.records.read() as unit:
        row = unit.entry_by_digest(from_hex(statement, what="statement", size=32))
        if row is None or row.effect == "agency":
            raise NotFoundError("no such item, or none that you may see")
        access.visible(node, unit, caller, row.evidence)
        return {"receipt": b64url(logbook.receipt(node, row, logbook.reader(unit, row.log)).encode())}


@router.get("/proofs/inclusion", operation_id="inclusion_proof")
def inclusion_proof(node: NodeDep, caller: CallerDep, index: Annotated[int, Query(ge=0)], size: Size) -> ProofOut:
    """Inclusion proof of an entry at a size (RFC 9162 section 2.1.3)."""
    with node.records.read() as unit:
        _within(node, size)
        read = logbook.reader(unit, node.log_id)
        path = merkle.inclusion_proof(index, size, read)
        return ProofOut(size=size, root=merkle.root_of(size, read).hex(), path=[one.hex() for one in path])


@router.get("/proofs/consistency", operation_id="consistency_proof")
def consistency_proof(node: NodeDep, caller: CallerDep, old: Size, size: Size) -> ProofOut:
    """Proof that the log at ``size`` extends the log at ``old`` (RFC 9162 section 2.1.4)."""
    with node.records.read() as unit:
        _within(node, size)
        read = logbook.reader(unit, node.log_id)
        path = merkle.consistency_proof(old, size, read)
        return ProofOut(size=size, root=merkle.root_of(size, read).hex(), path=[one.hex() for one in path])


def _within(node: Node, size: int) -> None:
    with node.records.read() as unit:
        log = unit.log(node.log_id)
    if log is None or size > log.size:
        raise NotFoundError("the log is not that long yet")
