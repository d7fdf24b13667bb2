"""The item map of a log: how many entries each subject has, bound to one hash (docs/format.md,
"Item map").

- a compressed sparse Merkle tree from keys of subjects to values, which chain all entries of the
  subject; a pure function of the first N entries of a log, so that anybody who has them derives it
- every entry counts, void ones too, and its subject is a function of its own bytes that never
  changes: a node cannot move an entry from one history to another
- hashes begin with 02 to 05, those of the log's tree with 00 and 01: neither passes for the other
- a proof has exactly one encoding; it shows the value of a key, or that the key is absent
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from ledger.domain.codecs import cbor, cose
from ledger.domain.codecs.digests import same
from ledger.domain.codecs.text import require
from ledger.domain.errors import FormatError, VerificationError

#: The empty subtree, the root of an empty map, and the value of a subject without entries.
EMPTY: Final = bytes(32)
#: Depth of a leaf whose path no other key shares any further; the longest path there is.
MAX_DEPTH: Final = 256

_DOMAIN: Final = b"custody-map-v1"
_HEAD: Final = b"\xd2\x84"
_PAYLOAD: Final = b"\xa0\x58\x20"
_SIGNATURE: Final = b"\x58\x40"
_TAIL: Final = len(_PAYLOAD) + 32 + len(_SIGNATURE) + 64
_SUBJECT: Final = 2
_MAX_SUBJECT: Final = 255
_MAX_INDEX: Final = 2**48
#: The longest proof: 256 siblings of 34 bytes, a bitmap of 32, a terminal of 69, and their heads.
_MAX_PROOF: Final = 256 * 34 + 34 + 69 + 7
_STEP: Final = 8  # whether something is missing is verification step 8


def subject_of(entry: bytes) -> str:
    """The subject of an entry, by its bytes alone.

    Returns:
        its claim 2 where that is text of 1 to 255 bytes; the empty text for anything that is not
        written as an entry.
    """
    if not entry.startswith(_HEAD) or entry[-_TAIL : -_TAIL + 3] != _PAYLOAD:
        return ""
    if entry[-66:-64] != _SIGNATURE:
        return ""
    try:
        # Without the bound on memory of other input: it is no part of the format, and another
        # implementation would find another subject for an entry made to exceed it.
        protected = cbor.decode(entry[2:-_TAIL], what="entry", bounded=False)
        require(isinstance(protected, bytes), "entry: no protected header")
        headers = cbor.decode(protected, what="entry", bounded=False)
    except FormatError:
        return ""
    return _claimed(headers)


def _claimed(headers: Any) -> str:
    claims = headers.get(cose.CWT_CLAIMS) if isinstance(headers, dict) else None
    subject = claims.get(_SUBJECT) if isinstance(claims, dict) else None
    if not isinstance(subject, str) or not 1 <= len(subject.encode()) <= _MAX_SUBJECT:
        return ""
    return "" if _has_tag(headers) else subject


def _has_tag(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_tag, value.values()))
    return isinstance(value, cbor.Tagged) or (isinstance(value, list) and any(map(_has_tag, value)))


def key_of(log_id: bytes, subject: str) -> bytes:
    """The key of a subject in the map of a log: the same item has another one in each log."""
    return sha256(_DOMAIN + log_id + subject.encode()).digest()


def entry_hash(entry: bytes) -> bytes:
    """What a value says of an entry. Not its statement digest, which is public: with that alone
    anybody could tell which entries are of one item.
    """
    return sha256(b"\x03" + entry).digest()


def extend(value: bytes, index: int, hashed: bytes) -> bytes:
    """The value of a subject with one entry more, at an index of the log; EMPTY before the first.

    Raises:
        FormatError: no index of a log, or hashes of another length.
    """
    require(0 <= index < _MAX_INDEX, f"index {index} is in no log")
    require(len(value) == len(hashed) == 32, "a value and an entry's hash have 32 bytes each")
    return sha256(b"\x02" + value + index.to_bytes(8, "big") + hashed).digest()


def leaf(key: bytes, value: bytes) -> bytes:
    """Hash of the subtree that holds one key."""
    return sha256(b"\x04" + key + value).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Hash of a subtree that holds several keys; bit 0 of a key goes left."""
    return sha256(b"\x05" + left + right).digest()


def bit(key: bytes, depth: int) -> int:
    """The bit that decides at a depth, from the most significant one at depth 0."""
    return key[depth >> 3] >> (7 - (depth & 7)) & 1


@dataclass(frozen=True, slots=True)
class MapProof:
    """The path to where a key is, or would be.

    ``siblings`` stand from the root down, None for an empty subtree; ``terminal`` is key and value
    of the leaf at the end, or None where nothing is there.
    """

    siblings: tuple[bytes | None, ...]
    terminal: tuple[bytes, bytes] | None

    def encode(self) -> bytes:
        """[depth, bitmap, siblings, terminal] in deterministic CBOR."""
        depth = len(self.siblings)
        bitmap = bytearray((depth + 7) // 8)
        for number, sibling in enumerate(self.siblings):
            if sibling is not None:
                bitmap[number >> 3] |= 0x80 >> (number & 7)
        present = [sibling for sibling in self.siblings if sibling is not None]
        return cbor.encode([depth, bytes(bitmap), present, self.terminal])


def parse_proof(data: bytes) -> MapProof:
    """Parse a proof of the map.

    Returns:
        the proof, of which nothing is verified yet.

    Raises:
        FormatError: anything but the one encoding of a proof.
    """
    what = "map proof"
    require(len(data) <= _MAX_PROOF, f"{what}: {len(data)} bytes, at most {_MAX_PROOF} allowed")
    item = cbor.decode(data, what=what)
    require(isinstance(item, list) and len(item) == 4, f"{what}: not an array of four")
    depth, bitmap, present, terminal = item
    require(type(depth) is int and 0 <= depth <= MAX_DEPTH, f"{what}: depth is not 0 to 256")
    good = isinstance(bitmap, bytes) and len(bitmap) == (depth + 7) // 8
    require(good, f"{what}: the bitmap has not one bit a level")
    marks = [bit(bitmap, number) for number in range(8 * len(bitmap))]
    require(not any(marks[depth:]), f"{what}: spare bits of the bitmap are set")
    require(isinstance(present, list), f"{what}: siblings are no array")
    require(len(present) == sum(marks), f"{what}: not one sibling for each bit of the bitmap")
    require(all(map(_is_hash, present)), f"{what}: a sibling is not 32 bytes, or is empty")
    # Otherwise the leaf would stand higher: a path that ends beside nothing has another encoding.
    require(depth == 0 or marks[depth - 1] == 1, f"{what}: the last sibling is absent")
    if terminal is not None:
        good = isinstance(terminal, list) and len(terminal) == 2 and _is_bytes32(terminal[0])
        require(good and _is_hash(terminal[1]), f"{what}: the terminal is no key and value")
        terminal = (terminal[0], terminal[1])
    siblings = iter(present)
    path = tuple(next(siblings) if mark else None for mark in marks[:depth])
    return MapProof(path, terminal)


def _is_bytes32(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == 32


def _is_hash(value: object) -> bool:
    return _is_bytes32(value) and value != EMPTY


def verify(root: bytes, key: bytes, value: bytes | None, proof: MapProof) -> None:
    """Check that a map with this root gives a key this value, or with None does not have it.

    Raises:
        VerificationError: the proof shows something else.
    """
    found = proven_value(root, key, proof)
    if found is None and value is not None:
        raise VerificationError(_STEP, "map proof: the subject is proven to have no entry")
    if found is not None and value is None:
        raise VerificationError(_STEP, "map proof: the subject is proven to have entries")
    if found is not None and value is not None and not same(found, value):
        raise VerificationError(
            _STEP, f"map proof: value {found.hex()} is proven, expected {value.hex()}"
        )


def proven_value(root: bytes, key: bytes, proof: MapProof) -> bytes | None:
    """The value of a key in the map with this root, or None where it is proven to be absent.

    Raises:
        VerificationError: the proof leads to another root, or to a place where the key cannot be.
    """
    if len(root) != 32 or len(key) != 32:
        raise VerificationError(_STEP, "map proof: root and key have 32 bytes each")
    depth, value = len(proof.siblings), None
    reached = EMPTY
    if proof.terminal is not None:
        other, held = proof.terminal
        if other == key:
            value = held
        elif shared_bits(other, key) < depth:
            raise VerificationError(_STEP, "map proof: the leaf at its end is on another path")
        reached = leaf(other, held)
    for number in range(depth - 1, -1, -1):
        sibling = proof.siblings[number] or EMPTY
        reached = node(sibling, reached) if bit(key, number) else node(reached, sibling)
    if not same(reached, root):
        raise VerificationError(
            _STEP, f"map proof: it leads to root {reached.hex()}, expected {root.hex()}"
        )
    return value


def shared_bits(one: bytes, other: bytes) -> int:
    """How many of their first bits two keys share."""
    differing = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return MAX_DEPTH - differing.bit_length()


def subtree(leaves: Sequence[tuple[bytes, bytes]], depth: int) -> bytes:
    """Hash of the subtree at a depth that holds these keys, each with its value and in order."""
    if not leaves:
        return EMPTY
    if len(leaves) == 1:
        return leaf(*leaves[0])
    middle = split(leaves, depth)
    return node(subtree(leaves[:middle], depth + 1), subtree(leaves[middle:], depth + 1))


def split(leaves: Sequence[tuple[bytes, bytes]], depth: int) -> int:
    """How many of these leaves, in order of their keys, go left at a depth."""
    low, high = 0, len(leaves)
    while low < high:
        middle = (low + high) // 2
        if bit(leaves[middle][0], depth):
            high = middle
        else:
            low = middle + 1
    return low
