"""Ciphertext in ranges (RFC 9110 section 14)."""

from __future__ import annotations

import re
from typing import Final

from fastapi.responses import Response
from starlette.exceptions import HTTPException

from ledger.domain.blocks import dag
from ledger.domain.crypto import content_encryption
from ledger.domain.errors import NotFoundError
from ledger.rows.items import ItemRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.records import documents

_RANGE: Final = re.compile(r"bytes=(\d{1,15})-(\d{1,15})")
_MAX_RANGE: Final = 4 << 20


def ranged(node: Node, unit: UnitOfWork, item: ItemRow, wanted: str) -> Response:
    """One range of an item's ciphertext, at most 4 MiB.

    Raises:
        NotFoundError: the item has no content here. HTTPException: 416, the range does not lie
            within it.
    """
    opening = documents.read_event(node, unit, unit.logs.events(item.state.evidence, limit=1)[0])
    if item.cid is None or opening is None:
        raise NotFoundError("this item has no content here")
    size = content_encryption.parse_content(
        opening.body["content"], opening.body["size"]
    ).ciphertext_size
    match = _RANGE.fullmatch(wanted)
    if (
        match is None
        or not int(match[1]) <= int(match[2])
        or int(match[1]) >= size
        or int(match[2]) - int(match[1]) >= _MAX_RANGE
    ):
        raise HTTPException(
            416,
            "expected one range of at most 4 MiB within the content",
            {"Content-Range": f"bytes */{size}"},
        )
    start, end = int(match[1]), min(int(match[2]) + 1, size)
    data = b"".join(dag.read_range(node.blocks, item.cid, size, start, end))
    headers = {
        "Content-Range": f"bytes {start}-{end - 1}/{size}",
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-store",
    }
    return Response(data, 206, headers, "application/octet-stream")
