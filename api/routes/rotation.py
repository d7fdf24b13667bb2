"""Keys of the agency that give way to others."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import CallerDep, GuardedRoute, NodeDep
from api.schemas_agency import DraftIn, DraftOut, PublicationIn, PublishedOut
from ledger.domain.codecs.text import b64url, format_time, from_b64url
from ledger.services.rotation import drafts, publication

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["agency"])


@router.post("/agency/drafts", operation_id="draft_descriptor")
def draft_descriptor(node: NodeDep, caller: CallerDep, request: DraftIn) -> DraftOut:
    """The next version of the descriptor, with another key, for the governor to sign; the same one
    until it is published.
    """
    made = drafts.draft(node, drafts.Rotated(request.rotated), by=caller.id)
    return DraftOut(
        document=b64url(made.descriptor.raw),
        registry="0x" + made.registry.hex(),
        chain=made.chain,
        nonce=made.nonce,
        fee=made.fee,
        tip=made.tip,
    )


@router.post("/agency/descriptors", operation_id="publish_descriptor")
def publish_descriptor(node: NodeDep, caller: CallerDep, request: PublicationIn) -> PublishedOut:
    """Publish a version that was drafted, by the governor's signed transaction; may be repeated.
    What waits in the log is anchored under the keys before.
    """
    done = publication.publish(
        node,
        from_b64url(request.document, what="document"),
        from_b64url(request.transaction, what="transaction"),
        by=caller.id,
    )
    return PublishedOut(
        version=done.version, activeFrom=format_time(done.active_from), anchored=done.anchored
    )
