"""A block as nodes tell it by JSON-RPC, and its header as bytes."""

from __future__ import annotations

import re
from typing import Any, Final

from ledger.domain.codecs import rlp
from ledger.domain.untrusted.shapes import Maybe

_FIELDS: Final = (
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot",
    "logsBloom", "difficulty",
    "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce",
    # Fields of later forks, in the order in which they came; absent ones are left out.
    "baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot",
    "requestsHash",
)  # fmt: skip
_NUMBERS: Final = {
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "baseFeePerGas",
    "blobGasUsed",
    "excessBlobGas",
}
#: Hex as JSON-RPC writes it; text, so that a shape is checked before anything is read from it.
HEX: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
WORD: Final = re.compile(r"0x[0-9a-fA-F]{64}")
NUMBER: Final = re.compile(r"0x[0-9a-fA-F]{1,14}")  # blocks, times, gas: what any column can hold
WEI: Final = re.compile(r"0x[0-9a-fA-F]{1,16}")  # a fee per gas: eighteen ether at most
_QUANTITY: Final = re.compile(r"0x[0-9a-fA-F]{1,64}")
_HEADER: Final[dict[str, Any]] = {
    name: Maybe(_QUANTITY if name in _NUMBERS else HEX) for name in _FIELDS
}
#: What an answer with a block looks like.
BLOCK: Final = _HEADER | {
    "hash": WORD,
    "number": NUMBER,
    "timestamp": NUMBER,
    "baseFeePerGas": Maybe(WEI),
}


def encode(block: dict[str, Any]) -> bytes:
    """The header of a block of that shape, as RLP."""
    return rlp.encode([_field(name, block[name]) for name in _FIELDS if block[name] is not None])


def _field(name: str, value: str) -> bytes:
    return rlp.encode_number(int(value, 16)) if name in _NUMBERS else bytes.fromhex(value[2:])
