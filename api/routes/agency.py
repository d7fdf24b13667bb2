"""Who the node is, how it fares, and checks that anyone may run."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from api.deps import CallerDep, GuardedRoute, NodeDep
from api.schemas import EndingOut, StatusOut, TimeAuthorityOut, VerifyIn, WorkerOut
from api.schemas_agency import AgencyOut, DemandsOut
from api.schemas_exchange import VersionOut, VersionsOut
from ledger.domain import verify as verification
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.codecs.text import b64url, format_time, from_b64url, require
from ledger.domain.errors import CustodyError, NetworkError, NotFoundError, StorageError
from ledger.domain.identity.names import log_urn
from ledger.domain.item.jurisdiction_profile import Demands
from ledger.services.access.authorization import Caller
from ledger.services.bundles import agency_trust
from ledger.services.handovers import sync
from ledger.services.node import duty_board, log_keys
from ledger.services.node.context import Node
from ledger.services.node.duty_board import Standing
from ledger.services.onchain import changed_seals, checkpoint_anchoring
from ledger.services.people import colleagues, expiry, revocation
from ledger.services.storage import replica_status
from ledger.services.timestamps import standing

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["agency"])


@router.get("/agency", operation_id="agency")
def agency(node: NodeDep) -> AgencyOut:
    """Agency code, log and descriptor in force."""
    with node.records.read() as unit:
        log = unit.logs.get(node.log_id)
        assert log is not None
        descriptor = node.descriptor(unit).raw
    followed = node.profile
    return AgencyOut(
        agency=node.agency,
        log=log_urn(node.log_id),
        logNumber=log.number,
        descriptor=b64url(descriptor),
        profile=followed.code if followed is not None else "neutral",
        demands=DemandsOut(**(followed.demands() if followed is not None else Demands()).as_json()),
        withhold={name: list(pointers) for name, pointers in followed.withhold.items()}
        if followed is not None
        else {},
        names=followed.names if followed is not None else {},
        releases=node.releases,
    )


@router.get("/agency/descriptors", operation_id="versions")
def versions(node: NodeDep) -> VersionsOut:
    """All versions of the descriptor, with what the registry committed to."""
    with node.records.read() as unit:
        rows = unit.authority.descriptors()
    found = [
        VersionOut(
            version=row.version,
            document=b64url(row.document),
            activeFrom=row.active_from,
            block=row.block,
        )
        for row in rows
    ]
    return VersionsOut(descriptors=found)


@router.get("/agency/descriptors/{version}", operation_id="descriptor")
def descriptor(node: NodeDep, version: Annotated[int, Path(ge=1, le=65535)]) -> Response:
    """A descriptor version, as hashed on chain."""
    with node.records.read() as unit:
        rows = [row.document for row in unit.authority.descriptors() if row.version == version]
    if not rows:
        raise NotFoundError("no such version")
    return Response(rows[0], media_type="application/json")


@router.get("/trust", operation_id="trust_root")
def trust_root(
    request: Request, node: NodeDep, pin: Annotated[int | None, Query(ge=0, lt=1 << 63)] = None
) -> Response:
    """A trust root for this node's chain; compare it with one that you got by another way. `pin`: a
    final block to pin in it.
    """
    return Response(_trust(request, node, pin).encode(), media_type="application/json")


def _trust(request: Request, node: Node, pin: int | None = None) -> TrustRoot:
    return agency_trust.trust_root(node, confirmations=request.app.state.confirmations, pin=pin)


@router.get("/status", operation_id="status")
def status(node: NodeDep, caller: CallerDep, chain: bool = True, ipfs: bool = True) -> StatusOut:
    """How far sequencing and anchoring are, and chain and IPFS nodes as the node sees them;
    `chain=false`, `ipfs=false` do not ask them.
    """
    return _status(node, caller, chain=chain, ipfs=ipfs)


def _status(node: Node, caller: Caller, *, chain: bool = True, ipfs: bool = False) -> StatusOut:
    with node.records.read() as unit:
        reached, log = checkpoint_anchoring.progress(node, unit), unit.logs.get(node.log_id)
        version = node.descriptor(unit).version
        to_come = log_keys.to_come(unit, node.clock.now())
        alone, asked = standing.alone(node, unit), standing.authorities(node, unit)
    assert log is not None
    told = colleagues.may_be_told(node, caller)
    newest: dict[str, Any] | None = None
    if reached.newest is not None:
        row = reached.newest
        newest = {
            "size": row.size,
            "root": row.root.hex(),
            "state": row.state,
            "transaction": "0x" + row.transaction.hex(),
            "block": row.block or None,
            "time": row.time or None,
            "gas": row.gas or None,
        }
    return StatusOut(
        agency=node.agency,
        log=log_urn(node.log_id),
        descriptorVersion=version,
        nextDescriptorFrom=None if to_come is None else format_time(to_come.active_from),
        chain=_chain(node, told=told) if chain else None,
        integrated=reached.integrated,
        submitted=reached.submitted,
        anchored=reached.anchored,
        final=reached.final,
        newest=newest,
        storedBytes=node.blocks.size(),
        backupsUntil=_backups(node),
        frozen=log.frozen,
        ipfs=_ipfs(node) if ipfs and told else None,
        workers=[_worker(row) for row in duty_board.shown(node.workers.rows(), inside=told)],
        certificates=[
            EndingOut(
                owner=one.owner,
                pseudonym=one.person.pseudonym if one.person is not None else None,
                until=format_time(one.until),
                message=one.told(node.clock.now()),
                hint=one.remedy,
            )
            for one in expiry.told_to(caller, expiry.ending(node))
        ],
        anchoredAlone=alone,
        timeAuthorities=[
            TimeAuthorityOut(
                name=one.name,
                count=one.count,
                size=one.size,
                time=None if one.time is None else format_time(one.time),
                distrustedFrom=None
                if one.distrusted_from is None
                else format_time(one.distrusted_from),
            )
            for one in asked
        ],
    )


def _ipfs(node: Node) -> dict[str, Any] | None:
    """How well IPFS nodes keep items; None where there is none, and never was one."""
    report = replica_status.report(node)
    return asdict(report) if report.nodes or report.forgotten else None


def _backups(node: Node) -> int | None:
    """When the last backup can no longer be opened; None where nobody can tell."""
    try:
        return node.backups_until()
    except StorageError:
        return None


def _chain(node: Node, *, told: bool) -> dict[str, Any]:
    """The chain as it answers; that it does not is one line of a status, and no end of it.

    Args:
        told: whether which address it is asked at may be said.
    """
    head, problem, hint = None, "", ""
    try:
        head = node.chain_head().number
        problem = changed_seals.changed(node.contracts.chain, node.seal_rules)
        hint = changed_seals.HINT if problem else ""
    except CustodyError as error:
        problem, hint = error.message, error.hint or ""
        if isinstance(error, NetworkError) and not told:
            problem = error.outside
    return {
        "label": node.contracts.chain.label,
        "id": node.contracts.chain.chain_id(),
        "head": head,
        "problem": problem,
        "hint": hint,
        "registry": "0x" + node.contracts.registry.hex(),
        "ledger": "0x" + node.contracts.ledger.hex(),
    }


def _worker(row: Standing) -> WorkerOut:
    since, succeeded, following = (
        format_time(one) if one is not None else None
        for one in (row.since, row.succeeded, row.next)
    )
    return WorkerOut(
        worker=row.worker,
        failures=row.failures,
        since=since,
        problem=row.problem,
        hint=row.hint,
        succeeded=succeeded,
        next=following,
    )


@router.post("/anchor", operation_id="anchor")
def anchor(node: NodeDep, caller: CallerDep) -> StatusOut:
    """Anchor everything integrated so far, and wait until it is final; a suspension that was
    interrupted is finished first.
    """
    revocation.settle(node)
    sync.settle(node, timeout=60)
    return _status(node, caller)


@router.post("/verify", operation_id="verify")
def verify(request: Request, node: NodeDep, bundle: VerifyIn) -> dict[str, Any]:
    """Verify a bundle with this node's trust root; takes digests, never a file. Do not rely on the
    police's own server: the same check runs offline with `custody verify`.
    """
    given = (bundle.size is None, bundle.digests is None)
    require(given[0] == given[1], "verify: size and digests come together")
    file = (
        None if bundle.size is None else verification.FileDigest(bundle.size, bundle.digests or {})
    )
    return verification.verify(
        from_b64url(bundle.bundle, what="bundle"), _trust(request, node), file=file
    ).as_json()
