"""A chain shared by agencies: accounts that need gas, and whether contracts that somebody else
deployed are the genuine ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.adapters.chain import abi
from ledger.adapters.chain.contracts import (
    LEDGER,
    REGISTRY,
    Contracts,
    address_of,
    sign_transaction,
    wait,
)
from ledger.domain.errors import ChainError
from ledger.domain.ports.node_and_chain import Chain

_TRANSFER_GAS = 21_000
_HINT = "do not join: ask who deployed them with which version of custody"


def fund(chain: Chain, key: bytes, accounts: Sequence[bytes], wei: int) -> None:
    """Send ``wei`` to each account, for chains that charge for gas.

    Raises:
        ChainError: the account of ``key`` cannot pay.
    """
    for account in accounts:
        nonce = chain.nonce(address_of(key))
        wait(
            chain,
            chain.send(
                sign_transaction(
                    chain, key, to=account, data=b"", gas=_TRANSFER_GAS, nonce=nonce, value=wei
                )
            ),
        )


def check_genuine(contracts: Contracts) -> None:
    """Compare the code on chain with the code of this version, byte for byte but for the constants
    set at deployment.

    Raises:
        ChainError: other code, or contracts that do not belong together.
    """
    for name, address in ((REGISTRY, contracts.registry), (LEDGER, contracts.ledger)):
        artifact = abi.artifact(name)
        expected, found = (
            bytearray.fromhex(artifact["deployedBytecode"][2:]),
            bytearray(contracts.chain.code(address)),
        )
        if len(expected) == len(found):
            for place in artifact["immutables"]:
                start, end = place["start"], place["start"] + place["length"]
                expected[start:end] = found[start:end] = bytes(place["length"])
        if expected != found:
            raise ChainError(
                f"the code at 0x{address.hex()} is not the {name} of this version", hint=_HINT
            )
    (ledger,) = abi.decode_result(
        REGISTRY,
        "ledger",
        contracts.chain.call(contracts.registry, abi.encode_call(REGISTRY, "ledger")),
    )
    (registry,) = abi.decode_result(
        LEDGER,
        "registry",
        contracts.chain.call(contracts.ledger, abi.encode_call(LEDGER, "registry")),
    )
    if (bytes.fromhex(ledger[2:]), bytes.fromhex(registry[2:])) != (
        contracts.ledger,
        contracts.registry,
    ):
        raise ChainError("registry and ledger name other partners than one another", hint=_HINT)
