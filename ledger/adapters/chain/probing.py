"""What a chain is: asked of its node, and held against the headers that it shows."""

from __future__ import annotations

from typing import Final

from ledger.adapters.chain.rpc import RpcChain
from ledger.domain.chain import recognition
from ledger.domain.chain.evm import parse_header
from ledger.domain.chain.recognition import Recognised
from ledger.domain.errors import ChainError, FormatError

_LOOK: Final = 32  # newest blocks; as many calls, each of some milliseconds


def probe(chain: RpcChain, expected: frozenset[bytes] | None) -> Recognised:
    """Ask what a chain is.

    Args:
        chain: one that expects no chain id, so that it is asked for, before and after the rest.
        expected: who should seal its blocks, where somebody says so.

    Raises:
        ChainError: the node contradicts itself, or what is expected. NetworkError: it does not
            answer, or answers nonsense.
    """
    number = chain.chain_id()
    try:
        genesis = chain.told("0x0")
        head = parse_header(chain.told("latest").raw).number
        first = max(head - _LOOK + 1, 1) if head else 0
        blocks = [chain.told(hex(at)) for at in range(first, head + 1)]
        headers = [parse_header(block.raw) for block in blocks]
        if [header.number for header in headers] != list(range(first, head + 1)):
            raise ChainError(
                f"the node of the chain shows other blocks than {first} to {head}",
                hint="ask another node of the chain",
            )
        told = chain.signers(recognition.kind_of(headers), head)
        found = recognition.recognise(number, genesis, blocks, told, expected)
    except FormatError as error:
        raise ChainError(
            f"the node of the chain shows a block that is none: {error.message}",
            hint="ask another node of the chain",
        ) from error
    if (after := chain.chain_id()) != number:
        raise ChainError(
            f"the chain that answers is {after}, and was {number} a moment ago",
            hint="ask one node of one chain, and no service that chooses among several",
        )
    return found
