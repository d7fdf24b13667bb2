"""The Merkle tree of RFC 9162 section 2.1 over SHA-256. Functions take plain bytes and integers.

- a leaf hash is SHA-256(0x00 || entry), an inner node SHA-256(0x01 || left || right): neither
  passes for the other
- verifiers raise; a proof must have exactly the length that its index and sizes call for
- provers read hashes of perfect subtrees through a function (level, index) -> 32 bytes, so that a
  proof costs O(log n)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final

from ledger.domain.codecs.digests import same
from ledger.domain.codecs.text import counted
from ledger.domain.errors import FormatError, VerificationError

#: Reads the hash of the perfect subtree over leaves [index * 2^level, (index + 1) * 2^level).
NodeReader = Callable[[int, int], bytes]

MAX_SIZE: Final = 2**48 - 1  # what the contract accepts
EMPTY_ROOT: Final = sha256(b"").digest()
_STEP: Final = 5  # receipts are verification step 5


def leaf_hash(entry: bytes) -> bytes:
    """Hash of a leaf (RFC 9162 section 2.1.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node (RFC 9162 section 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


def subtrees(size: int) -> list[tuple[int, int]]:
    """The perfect subtrees (level, index) of a tree of ``size`` leaves, from left to right."""
    ranges, start = [], 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            ranges.append((level, start >> level))
            start += 1 << level
    return ranges


def fold(hashes: Sequence[bytes]) -> bytes:
    """Root over perfect subtrees given from left to right; the empty root for none."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def root_of(size: int, read: NodeReader) -> bytes:
    """Root of the first ``size`` leaves (RFC 9162 section 2.1.1)."""
    return fold([read(level, index) for level, index in subtrees(size)])


def _range_root(start: int, end: int, read: NodeReader) -> bytes:
    """Root over leaves [start, end), where start is a multiple of a power of two not below end -
    start.
    """
    hashes = []
    for level, index in subtrees(end - start):
        hashes.append(read(level, (start >> level) + index))
    return fold(hashes)


def inclusion_proof(index: int, size: int, read: NodeReader) -> list[bytes]:
    """Inclusion proof of leaf ``index`` in the tree of ``size`` leaves (RFC 9162 section
    2.1.3.1).
    """
    if not 0 <= index < size:
        raise FormatError(f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(middle, end, read))
            end = middle
        else:
            path.append(_range_root(start, middle, read))
            start = middle
    return path[::-1]


def consistency_proof(old: int, new: int, read: NodeReader) -> list[bytes]:
    """Proof that the tree of ``new`` leaves extends that of ``old`` (RFC 9162 section 2.1.4.1)."""
    if not 0 < old <= new:
        raise FormatError(f"no consistency proof from {old} to {new} leaves")
    path: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range_root(middle, end, read))
            end = middle
        else:
            path.append(_range_root(start, middle, read))
            start, whole = middle, False
    if not whole:
        path.append(_range_root(start, end, read))
    return path[::-1]


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2).

    Raises:
        VerificationError: index outside the tree, or a proof of another length than it must have.
    """
    _check_hashes(leaf)
    _check_proof(proof)
    if not 0 <= index < size <= MAX_SIZE:
        raise VerificationError(_STEP, f"leaf {index} is not in a tree of {size}")
    root, fn, sn = leaf, index, size - 1
    for node in proof:
        if sn == 0:
            raise VerificationError(
                _STEP,
                f"inclusion proof of {counted(len(proof), 'node')} is too long for "
                f"leaf {index} of {size}",
            )
        if fn & 1 or fn == sn:
            root = node_hash(node, root)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = node_hash(root, node)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise VerificationError(
            _STEP,
            f"inclusion proof of {counted(len(proof), 'node')} is too short for leaf "
            f"{index} of {size}",
        )
    return root


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that ``leaf`` is leaf ``index`` of the tree (size, root).

    Raises:
        VerificationError: it is not, or the proof does not show it.
    """
    _check_hashes(root)
    computed = root_from_inclusion(leaf, index, size, proof)
    if not same(computed, root):
        raise VerificationError(
            _STEP, f"inclusion proof leads to root {computed.hex()}, expected {root.hex()}"
        )


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that (new, new_root) extends (old, old_root) (RFC 9162 section 2.1.4.2).

    A consistency proof does not bind the sizes by itself: both must come from signed or anchored
    checkpoints.

    Raises:
        VerificationError: it does not, or the proof does not show it.
    """
    _check_hashes(old_root, new_root)
    _check_proof(proof)
    if not 0 < old <= new <= MAX_SIZE:
        raise VerificationError(_STEP, f"no consistency from {old} to {new} leaves")
    if old == new:
        if proof or not same(old_root, new_root):
            raise VerificationError(_STEP, f"two trees of {old} leaves differ")
        return
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise VerificationError(_STEP, "consistency proof is empty")
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for node in path[1:]:
        if sn == 0:
            raise VerificationError(_STEP, f"consistency proof is too long for {old} to {new}")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(node, fr), node_hash(node, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, node)
        fn, sn = fn >> 1, sn >> 1
    if sn or not same(fr, old_root) or not same(sr, new_root):
        raise VerificationError(
            _STEP, f"the tree of {new} leaves does not extend the tree of {old}"
        )


def _check_hashes(*hashes: bytes) -> None:
    """Leaves and roots are hashes: of one leaf that is empty, the root would be empty as well, and
    an inclusion of nothing in nothing would hold.
    """
    if any(len(one) != 32 for one in hashes):
        raise VerificationError(_STEP, "a leaf hash and a root have 32 bytes")


def _check_proof(proof: Sequence[bytes]) -> None:
    if len(proof) > 63 or any(len(node) != 32 for node in proof):
        raise VerificationError(_STEP, "a proof has at most 63 nodes of 32 bytes")


class Frontier:
    """The perfect subtrees of a growing tree: appending a leaf costs O(log n) and O(log n) memory.

    Args:
        size: number of leaves so far.
        hashes: their perfect subtrees from left to right, as subtrees(size) names them.
    """

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self._hashes = list(hashes)
        if len(self._hashes) != size.bit_count():
            raise FormatError(
                f"a frontier of {size} leaves has {size.bit_count()} subtrees, found "
                f"{len(self._hashes)}"
            )

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf hash; returns every perfect subtree it completes, as (level, index, hash)."""
        made = [(0, self.size, leaf)]
        node, level, rest = leaf, 0, self.size
        while rest & 1:
            node = node_hash(self._hashes.pop(), node)
            rest >>= 1
            level += 1
            made.append((level, rest, node))
        self._hashes.append(node)
        self.size += 1
        return made

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Its perfect subtrees from left to right, to go on from later."""
        return tuple(self._hashes)

    def root(self) -> bytes:
        """Root over all leaves so far."""
        return fold(self._hashes)
