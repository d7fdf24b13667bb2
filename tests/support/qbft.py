"""A signer of QBFT headers, good and bad, which shares no code with the parser: pyrlp and the
signatures of coincurve, which are the same at each run (RFC 6979).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rlp
from coincurve import PrivateKey
from eth_utils import keccak

VANITY = b"custody test signer".ljust(32, b"\x00")
EXTRA = 12  # place of extraData in a header


def key(number: int) -> PrivateKey:
    """The key of a validator."""
    return PrivateKey((number + 1).to_bytes(32, "big"))


def address(signer: PrivateKey) -> bytes:
    return keccak(signer.public_key.format(compressed=False)[1:])[12:]


def fields(number: int = 6, parent: bytes = bytes(32)) -> list[Any]:
    """A header of the rules of Paris that has no extraData yet."""
    roots = [keccak(bytes([at])) for at in range(4)]
    return [
        parent, roots[0], bytes(20), roots[1], roots[2], roots[3], bytes(256), b"\x01",
        _number(number), _number(30_000_000), b"", _number(1_795_000_000 + number), b"",
        bytes(32), bytes(8),
    ]  # fmt: skip


def sealed(
    header: Sequence[Any],
    signers: Sequence[PrivateKey],
    *,
    validators: Sequence[bytes],
    vote: Sequence[bytes] = (),
    turn: int = 0,
    signed_turn: int | None = None,
) -> bytes:
    """A header with the seals of these signers.

    Args:
        turn: its round. signed_turn: the round that was signed, where it is another one.
    """

    def with_extra(number: int, seals: Sequence[bytes]) -> bytes:
        extra = rlp.encode([VANITY, validators, vote, _number(number), seals])
        return bytes(rlp.encode([*header[:EXTRA], extra, *header[EXTRA + 1 :]]))

    digest = keccak(with_extra(turn if signed_turn is None else signed_turn, []))
    return with_extra(turn, [one.sign_recoverable(digest, hasher=None) for one in signers])


def of_block(block: dict[str, Any]) -> bytes:
    """The header of a block before London as a node's JSON tells it."""
    numbers = {"difficulty", "number", "gasLimit", "gasUsed", "timestamp"}
    names = (
        "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot",
        "logsBloom", "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData",
        "mixHash", "nonce",
    )  # fmt: skip
    return bytes(
        rlp.encode(
            [
                _number(int(block[name], 16)) if name in numbers else bytes.fromhex(block[name][2:])
                for name in names
            ]
        )
    )


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
