"""Blocks of ciphertext."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from fastapi import APIRouter, Request

from api.deps import CallerDep, GuardedRoute, NodeDep, aside
from api.schemas import BlocksIn, BlocksOut, StoredOut
from ledger.domain.codecs.text import counted, require
from ledger.domain.ipld import car
from ledger.domain.ipld import cid as cids
from ledger.services.node.context import Node

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["blocks"])
#: Ciphertext is padded to 4 KiB at least, so that an upload makes a block of less for each content
#: alone. A segment of tiny ones takes twenty times its size in memory, and the store for long.
_BLOCK: Final = 1024
_FREE_BLOCKS: Final = 64
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
    """Store a CARv1 segment of at most 4 MiB, with no more blocks than one a KiB and 64; durable,
    and each block checked against its CID, when answered.
    """
    segment = bytearray()
    async for part in request.stream():  # not before the caller was found good
        segment += part
    return StoredOut(stored=await aside(request, _store, node, segment))


def _store(node: Node, segment: bytearray) -> int:
    most = _FREE_BLOCKS + len(segment) // _BLOCK
    blocks = list(islice(car.blocks(memoryview(segment), checked=False), most + 1))
    require(len(blocks) <= most, f"a segment of this size holds at most {counted(most, 'block')}")
    node.blocks.put(blocks)
    return len(blocks)
