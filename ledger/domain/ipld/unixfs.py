"""UnixFS files under the profile `unixfs-v1-2025`: raw leaves of 1 MiB, balanced, at most 1024
links, CIDv1.

Any IPFS tool with that profile gets the same CID from the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ledger.domain.codecs import varint
from ledger.domain.errors import FormatError
from ledger.domain.ipld import cid as cids

LINKS: Final = 1024
LEAF: Final = 1 << 20
MAX_BLOCK: Final = 2 << 20  # what IPFS nodes exchange
_MAX_NODE: Final = 128 << 10  # 1024 links take at most 80 KiB


@dataclass(frozen=True, slots=True)
class Link:
    """A child: its CID, the file bytes below it, and the block bytes below it (Tsize)."""

    cid: bytes
    size: int
    total: int


@dataclass(frozen=True, slots=True)
class Block:
    """A block with its binary CID."""

    cid: bytes
    data: bytes | memoryview


def check_block(block: Block) -> None:
    """Check a block before it is stored: its size, and that it hashes to its CID.

    Raises:
        FormatError: it is too large, or does not.
    """
    if len(block.data) > MAX_BLOCK:
        raise FormatError(f"block of {len(block.data)} bytes, at most {MAX_BLOCK} allowed")
    cids.verify(cids.check(block.cid), block.data)


def _bytes_field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint.encode(len(data)) + data


def _number_field(number: int, value: int) -> bytes:
    return bytes([number << 3]) + varint.encode(value)


def encode_node(links: Sequence[Link]) -> Block:
    """The dag-pb node of a file part: its links, then UnixFS Data (type File, size, block
    sizes).
    """
    size = sum(link.size for link in links)
    unixfs = (
        _number_field(1, 2)
        + _number_field(3, size)
        + b"".join(_number_field(4, link.size) for link in links)
    )
    encoded = b"".join(
        _bytes_field(
            2, _bytes_field(1, link.cid) + _bytes_field(2, b"") + _number_field(3, link.total)
        )
        for link in links
    )
    data = encoded + _bytes_field(1, unixfs)
    return Block(cids.of(data, cids.DAG_PB), data)


@lru_cache(maxsize=16)  # a reader of ranges comes back to the same few nodes
def decode_node(data: bytes) -> tuple[Link, ...]:
    """Parse a node that encode_node would have written.

    Returns:
        the node's children, with their sizes.

    Raises:
        FormatError: any other bytes.
    """
    if len(data) > _MAX_NODE:
        raise FormatError(f"node of {len(data)} bytes exceeds {_MAX_NODE}")
    children: list[tuple[bytes, int]] = []
    unixfs = b""
    for number, value in _fields(data):
        if number == 2 and isinstance(value, bytes):
            link = dict(_fields(value))
            child, total = link.get(1), link.get(3)
            if not isinstance(child, bytes) or not isinstance(total, int):
                raise FormatError("node: malformed link")
            children.append((cids.check(child), total))
        elif number == 1 and isinstance(value, bytes):
            unixfs = value
    sizes = [value for number, value in _fields(unixfs) if number == 4 and isinstance(value, int)]
    if len(sizes) != len(children) or not 0 < len(children) <= LINKS:
        raise FormatError("node: links and block sizes differ in number, or there are too many")
    links = [Link(child, size, total) for (child, total), size in zip(children, sizes, strict=True)]
    if encode_node(links).data != data:
        raise FormatError("node: not in the canonical encoding of a file")
    return tuple(links)


def _fields(data: bytes) -> Iterable[tuple[int, bytes | int]]:
    at = 0
    while at < len(data):
        key, at = varint.decode(data, at)
        value, at = varint.decode(data, at)
        if key & 7 == 0:
            yield key >> 3, value
        elif key & 7 == 2 and at + value <= len(data):
            yield key >> 3, data[at : at + value]
            at += value
        else:
            raise FormatError("node: malformed protobuf")


class Builder:
    """Builds the DAG over a stream of leaves; holds at most 1024 links a level."""

    def __init__(self) -> None:
        self._levels: list[list[Link]] = [[]]

    def add(self, leaf: bytes, size: int) -> list[Block]:
        """Add the CID of the next leaf of ``size`` bytes; returns inner nodes that became
        complete.
        """
        return self._push(0, Link(leaf, size, size))

    def _push(self, level: int, link: Link) -> list[Block]:
        if level == len(self._levels):
            self._levels.append([])
        made: list[Block] = []
        # A full row becomes a node only when another child comes: a root of exactly 1024 links
        # stays a root.
        if len(self._levels[level]) == LINKS:
            made = self._close(level)
        self._levels[level].append(link)
        return made

    def _close(self, level: int) -> list[Block]:
        links, self._levels[level] = self._levels[level], []
        block = encode_node(links)
        parent = Link(
            block.cid,
            sum(link.size for link in links),
            len(block.data) + sum(link.total for link in links),
        )
        return [block, *self._push(level + 1, parent)]

    def finish(self) -> tuple[bytes, list[Block]]:
        """The root CID and the remaining inner nodes. At least one leaf must have been added."""
        made: list[Block] = []
        level = 0
        while level < len(self._levels):
            top = level == len(self._levels) - 1
            if top and len(self._levels[level]) == 1:
                return self._levels[level][0].cid, made
            made += self._close(level)
            level += 1
        raise FormatError("a file has at least one leaf")
