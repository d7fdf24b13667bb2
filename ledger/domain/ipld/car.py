"""CARv1 framing (IPLD CAR specification, version 1): a header, then length-prefixed (CID, block)
sections.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ledger.domain.codecs import cbor, varint
from ledger.domain.errors import FormatError
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import MAX_BLOCK, Block

_MAX_HEADER: Final = 4096
_CID_LINK: Final = 42  # dag-cbor tag of a CID


def header(roots: Iterable[bytes]) -> bytes:
    """The header frame with these root CIDs."""
    body = cbor.encode(
        {"roots": [cbor.Tagged(_CID_LINK, b"\x00" + root) for root in roots], "version": 1}
    )
    return varint.encode(len(body)) + body


def frame(block: Block) -> tuple[bytes, bytes | memoryview]:
    """The frame of one block as (length and CID, data), so that callers can write it without
    copying.
    """
    return varint.encode(len(block.cid) + len(block.data)) + block.cid, block.data


def section(block: Block) -> bytes:
    """The frame of one block."""
    return b"".join(frame(block))


def parse_header(data: bytes | memoryview) -> tuple[list[bytes], int]:
    """Parse the header.

    Returns:
        the roots, and the offset of the first section.

    Raises:
        FormatError: another version, or malformed.
    """
    size, at = varint.decode(data, 0)
    if size > _MAX_HEADER or at + size > len(data):
        raise FormatError("CAR: header too long or truncated")
    value = cbor.decode(bytes(data[at : at + size]), what="CAR header")
    if not isinstance(value, dict) or set(value) != {"roots", "version"} or value["version"] != 1:
        raise FormatError("CAR: not version 1")
    roots = []
    for link in value["roots"] if isinstance(value["roots"], list) else [None]:
        if (
            not isinstance(link, cbor.Tagged)
            or link.tag != _CID_LINK
            or not isinstance(link.value, bytes)
        ):
            raise FormatError("CAR: malformed root")
        roots.append(cids.check(link.value[1:]))
    return roots, at + size


def blocks(data: bytes | memoryview, *, checked: bool = True) -> Iterator[Block]:
    """The blocks of a CAR held in memory, as views of it where it is a view: segments are not
    copied block by block.

    Args:
        checked: hash each block; False where BlockStore.put does it next.

    Raises:
        FormatError: malformed frame, a block over the limit, or one that does not hash to its CID.
    """
    _, at = parse_header(data)
    while at < len(data):
        size, at = varint.decode(data, at)
        if not cids.SIZE <= size <= cids.SIZE + MAX_BLOCK or at + size > len(data):
            raise FormatError("CAR: section too long or truncated")
        cid = cids.check(bytes(data[at : at + cids.SIZE]))
        block = data[at + cids.SIZE : at + size]
        if checked:
            cids.verify(cid, block)
        yield Block(cid, block)
        at += size
