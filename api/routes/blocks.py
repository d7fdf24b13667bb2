"""Blocks of ciphertext."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from api.deps import CallerDep, NodeDep
from api.schemas import BlocksIn, BlocksOut, StoredOut
from ledger.domain import car
from ledger.domain import cid as cids

router = APIRouter(tags=["blocks"])


@router.post("/blocks/missing", operation_id="missing_blocks")
def missing_blocks(node: NodeDep, caller: CallerDep, request: BlocksIn) -> BlocksOut:
    """Which of these blocks the node lacks."""
    lacking = node.blocks.missing([cids.from_text(text) for text in request.cids])
    return BlocksOut(missing=[cids.to_text(cid) for cid in lacking])


@router.put("/blocks", operation_id="put_blocks")
def put_blocks(node: NodeDep, caller: CallerDep, segment: Annotated[bytes, Body(media_type="application/vnd.ipld.car")]) -> StoredOut:
    """Store a CARv1 segment of at most 4 MiB; durable, and each block checked against its CID, when answered."""
    return StoredOut(stored=node.blocks.put(car.blocks(segment, checked=False)))
