"""Walking the stored DAG of an item's ciphertext: completeness, and reading ranges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ledger.domain.blocks.store import BlockStore
from ledger.domain.codecs.text import counted
from ledger.domain.crypto.content_encryption import Content
from ledger.domain.errors import (
    FormatError,
    NotFoundError,
    RuleError,
    UnreadableError,
    VerificationError,
)
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld import unixfs
from ledger.domain.ipld.unixfs import Link

_MAX_DEPTH = 4  # 1024^4 leaves of 1 MiB


def root_of(content: Content) -> bytes:
    """Binary CID of the ciphertext."""
    return cids.from_text(content.cid)


def leaves(
    blocks: BlockStore, root: bytes, size: int, *, start: int = 0
) -> Iterator[tuple[int, Link]]:
    """Leaves in order from the one that holds byte ``start``, with their offsets in bytes.

    Raises:
        NotFoundError, UnreadableError, VerificationError: an inner node is missing, unreadable or
            altered.
    """

    def walk(link: Link, offset: int, depth: int) -> Iterator[tuple[int, Link]]:
        if cids.codec_of(link.cid) == cids.RAW:
            yield offset, link
            return
        if depth == _MAX_DEPTH:
            raise FormatError("the ciphertext's DAG is too deep")
        for child in unixfs.decode_node(blocks.get(link.cid)):
            if offset + child.size > start:
                yield from walk(child, offset, depth + 1)
            offset += child.size

    yield from walk(Link(root, size, size), 0, 0)


def every(blocks: BlockStore, root: bytes) -> Iterator[bytes]:
    """CIDs of all blocks under a root, itself first; reads inner nodes only.

    Raises:
        NotFoundError, UnreadableError, VerificationError: as for leaves.
    """
    yield root
    if cids.codec_of(root) != cids.RAW:
        for link in unixfs.decode_node(blocks.get(root)):
            yield from every(blocks, link.cid)


def below(
    blocks: BlockStore, root: bytes, unread: list[bytes] | None = None, *, inner: bool = False
) -> Iterator[bytes]:
    """CIDs of a tree as far as it can be read, each behind what lies below it: whoever removes them
    in this order can do it again after a crash at any point.

    Args:
        unread: takes blocks below which something may lie that nobody can name; a tree whose root
            is not there has none.
        inner: the root lies below another one, or something may lie below it though it is not
            there.
    """
    if cids.codec_of(root) != cids.RAW:
        links: Sequence[Link] = ()
        try:
            links = unixfs.decode_node(blocks.get(root))
        except (FormatError, NotFoundError, UnreadableError, VerificationError) as error:
            if unread is not None and (inner or not isinstance(error, NotFoundError)):
                unread.append(root)
        for link in links:
            yield from below(blocks, link.cid, unread, inner=True)
    yield root


def require_stored(blocks: BlockStore, content: Content) -> None:
    """Check that every block is stored and the DAG has the shape of the profile.

    Raises:
        RuleError: blocks are missing.
        FormatError: another shape than the content's size calls for.
    """
    root = root_of(content)
    if missing := blocks.missing([root]):
        raise RuleError(
            f"the content lacks {counted(len(missing), 'block')} here", hint="send the blocks first"
        )
    builder, batch, total, count = unixfs.Builder(), [], 0, 0
    for _, link in leaves(blocks, root, content.ciphertext_size):
        builder.add(link.cid, link.size)
        batch.append(link.cid)
        total, count = total + link.size, count + 1
        if len(batch) == unixfs.LINKS:
            _require(blocks, batch)
            batch = []
    _require(blocks, batch)
    if builder.finish()[0] != root or total != content.ciphertext_size:
        raise FormatError("the stored DAG does not have the size or shape of the content")


def _require(blocks: BlockStore, batch: list[bytes]) -> None:
    if missing := blocks.missing(batch):
        raise RuleError(
            f"the content lacks {counted(len(missing), 'block')} here", hint="send the blocks first"
        )


def read_range(blocks: BlockStore, root: bytes, size: int, start: int, end: int) -> Iterator[bytes]:
    """Ciphertext bytes [start, end), leaf by leaf.

    Raises:
        NotFoundError, UnreadableError, VerificationError: as for leaves.
    """
    for offset, link in leaves(blocks, root, size, start=start):
        if offset >= end:
            return
        data = blocks.get(link.cid)
        if len(data) != link.size:
            raise FormatError("a leaf has another size than its parent says")
        yield data[max(start - offset, 0) : end - offset]
