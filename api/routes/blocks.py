"""Blocks of ciphertext."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request

from api.deps import CallerDep, GuardedRoute, NodeDep, aside
from api.schemas import BlocksIn, BlocksOut, StoredOut
from ledger.domain.ipld import car
from ledger.domain.ipld import cid as cids
from ledger.services.node.context import Node

router = APIRouter(route_class=GuardedRoute, tags=["blocks"])
_CAR: Final = "application/vnd.ipld.car"
_BINARY: Final[dict[str, Any]] = {"type": "string", "format": "binary"}


@router.post("/blocks/missing", operation_id="missing_blocks")
def missing_blocks(node: NodeDep, caller: CallerDep, request: BlocksIn) -> BlocksOut:
    """Which of these blocks the node lacks."""
    lacking = node.blocks.missing([cids.from_text(text) for text in request.cids])
    return BlocksOut(missing=[cids.to_text(cid) for cid in lacking])


@router.put(
    "/blocks",
    operation_id="put_blocks",
    openapi_extra={"requestBody": {"required": True, "content": {_CAR: {"schema": _BINARY}}}},
)
async def put_blocks(node: NodeDep, caller: CallerDep, request: Request) -> StoredOut:
    """Store a CARv1 segment of at most 4 MiB; durable, and each block checked against its CID, when
    answered.
    """
    segment = bytearray()
    async for part in request.stream():  # not before the caller was found good
        segment += part
    return StoredOut(stored=await aside(request, _store, node, segment))


def _store(node: Node, segment: bytearray) -> int:
    blocks = list(car.blocks(memoryview(segment), checked=False))
    node.blocks.put(blocks)
    return len(blocks)
