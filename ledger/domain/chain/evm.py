"""What an EVM header proves: its hash, accounts and storage (yellow paper, appendix D; EIP-1186),
walked strictly.

- every node of a proof is used, in order, and hashes to what its parent names: junk and reordered
  nodes are refused
- absence is proven like existence, by the place where the path ends
- slots are computed here from the storage layout of the contracts, never taken from a bundle
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from Crypto.Hash import keccak as _keccak

from ledger.domain.codecs import rlp
from ledger.domain.codecs.text import counted
from ledger.domain.errors import FormatError, VerificationError

_STEP: Final = 6
_MAX_NODES: Final = 64
#: Bytes of a header. One that 256 QBFT validators sealed has 22,528 of addresses (21 each) and
#: seals (67 each), and all its other members take less than 1,000.
_MAX_HEADER: Final = 24 << 10
_EMPTY_TRIE: Final = bytes.fromhex(
    "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
)


def keccak256(data: bytes) -> bytes:
    """Keccak-256 as Ethereum has it (not FIPS 202)."""
    return _keccak.new(digest_bits=256, data=data).digest()


def word(value: int) -> bytes:
    """A 256-bit word, as abi.encode writes numbers."""
    return value.to_bytes(32, "big")


@dataclass(frozen=True, slots=True)
class Header:
    """A block header: ``raw`` its RLP, ``time`` seconds since 1970. Which hash its block has is
    asked of finality.block_hash: that hangs on the chain.
    """

    raw: bytes
    parent: bytes
    state_root: bytes
    number: int
    time: int
    extra: bytes


def parse_header(raw: bytes) -> Header:
    """Parse an RLP header of any fork from London on.

    Returns:
        the members that a verification needs.

    Raises:
        FormatError: not a header.
    """
    what = "header"
    fields = rlp.decode(raw, what=what) if len(raw) <= _MAX_HEADER else b""
    if (
        not isinstance(fields, list)
        or not 15 <= len(fields) <= 24
        or not all(isinstance(field, bytes) for field in fields)
    ):
        raise FormatError(f"{what}: not a block header")
    parent, root, extra = fields[0], fields[3], fields[12]
    if (
        not isinstance(parent, bytes)
        or not isinstance(root, bytes)
        or not isinstance(extra, bytes)
        or len(parent) != 32
        or len(root) != 32
    ):
        raise FormatError(f"{what}: malformed hash")
    return Header(
        raw,
        parent,
        root,
        rlp.number(fields[8], what=what),
        rlp.number(fields[11], what=what),
        extra,
    )


def hash_with(header: Header, extra: bytes) -> bytes:
    """Keccak-256 of a header with other extraData: what seals cover, which are not in it yet."""
    fields = rlp.decode(header.raw, what="header")
    assert isinstance(fields, list)
    return keccak256(rlp.encode([*fields[:12], extra, *fields[13:]]))


@dataclass(frozen=True, slots=True)
class Account:
    """What the state trie holds of an account."""

    storage_root: bytes
    code_hash: bytes


def prove_account(state_root: bytes, address: bytes, proof: Sequence[bytes]) -> Account:
    """The account at ``address``.

    Raises:
        VerificationError: the proof does not lead there, or there is no account.
    """
    encoded = _walk(state_root, keccak256(address), proof, "account proof")
    fields = rlp.decode(encoded, what="account") if encoded else b""
    if not isinstance(fields, list) or len(fields) != 4:
        raise VerificationError(_STEP, f"no account at 0x{address.hex()}")
    root, code = fields[2], fields[3]
    if (
        not isinstance(root, bytes)
        or not isinstance(code, bytes)
        or len(root) != 32
        or len(code) != 32
    ):
        raise FormatError("account: malformed")
    return Account(root, code)


def prove_storage(storage_root: bytes, slot: bytes, proof: Sequence[bytes]) -> bytes:
    """The 32-byte word at ``slot``; zeros where the proof shows absence.

    Raises:
        VerificationError: the proof does not lead there.
    """
    encoded = _walk(storage_root, keccak256(slot), proof, "storage proof")
    if not encoded:
        return bytes(32)
    value = rlp.decode(encoded, what="storage value")
    return word(rlp.number(value, what="storage value"))


# One branch for each kind of node and each way in which it may be malformed: read it in one piece.
def _walk(root: bytes, key: bytes, proof: Sequence[bytes], what: str) -> bytes:  # noqa: C901
    """The value under ``key``, or b"" where the trie has none."""
    if root == _EMPTY_TRIE:
        # geth answers with no node, others with the empty one.
        if [node for node in proof if node != b"\x80"]:
            raise VerificationError(_STEP, f"{what}: nodes of a trie that is empty")
        return b""
    if not 0 < len(proof) <= _MAX_NODES:
        raise VerificationError(_STEP, f"{what}: {len(proof)} nodes, expected 1 to {_MAX_NODES}")
    path = [nibble for byte in key for nibble in (byte >> 4, byte & 15)]
    at, used = 0, 0
    wanted: rlp.Item = root
    while True:
        if isinstance(wanted, bytes):
            if wanted == b"":
                return _end(b"", used, proof, what)
            if used == len(proof):
                raise VerificationError(_STEP, f"{what}: ends before the path does")
            if len(wanted) != 32 or keccak256(proof[used]) != wanted:
                raise VerificationError(
                    _STEP, f"{what}: node {used} does not hash to what its parent names"
                )
            node = rlp.decode(proof[used], what=what)
            used += 1
        else:
            node = wanted  # a node shorter than 32 bytes is embedded in its parent
        if not isinstance(node, list) or len(node) not in (2, 17):
            raise FormatError(f"{what}: not a trie node")
        if len(node) == 17:
            if at == len(path):
                return _end(_value(node[16], what), used, proof, what)
            wanted = node[path[at]]
            at += 1
            continue
        nibbles, is_leaf = _unpack(node[0], what)
        if path[at : at + len(nibbles)] != nibbles or (is_leaf and at + len(nibbles) != len(path)):
            return _end(b"", used, proof, what)
        at += len(nibbles)
        if is_leaf:
            return _end(_value(node[1], what), used, proof, what)
        wanted = node[1]


def _end(value: bytes, used: int, proof: Sequence[bytes], what: str) -> bytes:
    if used != len(proof):
        raise VerificationError(
            _STEP, f"{what}: {counted(len(proof) - used, 'node')} beyond the end of the path"
        )
    return value


def _value(item: rlp.Item, what: str) -> bytes:
    if not isinstance(item, bytes):
        raise FormatError(f"{what}: value is a list")
    return item


def _unpack(item: rlp.Item, what: str) -> tuple[list[int], bool]:
    """Hex-prefix encoding (yellow paper, appendix C): (nibbles, is a leaf)."""
    if not isinstance(item, bytes) or not item or item[0] >> 4 > 3:
        raise FormatError(f"{what}: malformed path")
    flag = item[0] >> 4
    nibbles = [nibble for byte in item[1:] for nibble in (byte >> 4, byte & 15)]
    if flag & 1:
        nibbles.insert(0, item[0] & 15)
    elif item[0] & 15:
        raise FormatError(f"{what}: malformed path")
    return nibbles, flag >= 2
