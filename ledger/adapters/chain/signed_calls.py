"""Signed calls of our contracts (EIP-1559 over EIP-2718): made, and taken apart again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from coincurve import PublicKey

from ledger.adapters.chain import abi
from ledger.adapters.recursion_limit import limited
from ledger.domain.chain.evm import keccak256
from ledger.domain.codecs import rlp
from ledger.domain.errors import ChainError, FormatError

_REGISTRY: Final = "AgencyRegistry"
_PUBLISH: Final = "publishDescriptor"
_GAS: Final = 200_000  # twice what publishing a descriptor takes


@dataclass(frozen=True, slots=True)
class Place:
    """Where a transaction goes: the chain, its number at the account, and its fees per gas in
    wei.
    """

    chain: int
    nonce: int
    fee: int
    tip: int


@dataclass(frozen=True, slots=True)
class SignedCall:
    """A signed call taken apart: the account that signed it (20 bytes), its number, its data."""

    sender: bytes
    nonce: int
    data: bytes


def sign(
    key: bytes, place: Place, *, to: bytes | None, data: bytes, gas: int, value: int = 0
) -> bytes:
    """Sign a transaction, ``value`` in wei; returns the exact bytes to record and send."""
    with limited():
        from eth_account import Account  # over a second of imports, needed for anchoring only

    fields: dict[str, Any] = {
        "type": 2,
        "chainId": place.chain,
        "nonce": place.nonce,
        "maxFeePerGas": place.fee,
        "maxPriorityFeePerGas": place.tip,
        "gas": gas,
        "value": value,
        "data": data,
    }
    if to is not None:
        fields["to"] = to
    return bytes(Account.sign_transaction(fields, key).raw_transaction)


def read(raw: bytes, *, to: bytes, chain: int) -> SignedCall:
    """Take a signed call apart.

    Raises:
        FormatError: it is none of this contract on this chain.
    """
    try:
        fields = rlp.decode(raw[1:], what="transaction")
        if (
            raw[:1] != b"\x02"
            or not isinstance(fields, list)
            or len(fields) != 12
            or fields[5] != to
        ):
            raise FormatError("transaction: not one to the contract")
        found, nonce, parity, r, s = (
            rlp.number(fields[place], what="transaction") for place in (0, 1, 9, 10, 11)
        )
        if found != chain or parity > 1 or not isinstance(fields[7], bytes):
            raise FormatError("transaction: for another chain")
        signed = keccak256(b"\x02" + rlp.encode(fields[:9]))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
        key = PublicKey.from_signature_and_message(signature, signed, hasher=None)
    except (ValueError, OverflowError) as error:
        raise FormatError("transaction: not one that is signed") from error
    return SignedCall(keccak256(key.format(compressed=False)[1:])[12:], nonce, fields[7])


def sign_publication(
    key: bytes, place: Place, registry: bytes, agency: bytes, digest: bytes
) -> bytes:
    """The governor's transaction that publishes the next version of an agency's descriptor."""
    data = abi.encode_call(_REGISTRY, _PUBLISH, agency, digest)
    return sign(key, place, to=registry, data=data, gas=_GAS)


def read_publication(raw: bytes, registry: bytes, chain: int) -> tuple[bytes, bytes, bytes]:
    """What such a transaction publishes: who signed it, agency and digest.

    Raises:
        ChainError: it is none that publishes a descriptor in this registry.
    """
    try:
        sent = read(raw, to=registry, chain=chain)
    except FormatError as error:
        raise ChainError("these bytes are no transaction to the registry") from error
    function, arguments = abi.decode_call(_REGISTRY, sent.data)
    if function != _PUBLISH:
        raise ChainError(f"a transaction that calls {function}, which publishes no descriptor")
    return sent.sender, bytes(arguments[0]), bytes(arguments[1])
