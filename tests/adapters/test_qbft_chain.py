"""A QBFT chain that is asked: its blocks are held to the hash that such a chain gives them."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.chain.rpc import RpcChain
from ledger.domain.chain import evm
from ledger.domain.errors import ChainError
from tests.support.hostile import Talk, answer, hostile, says

REAL = json.loads((Path(__file__).parents[1] / "vectors" / "qbft.json").read_text())["block"]


def telling(block: dict[str, Any]) -> Talk:
    return says(answer(json.dumps({"jsonrpc": "2.0", "id": 0, "result": block}).encode()))


def test_a_chain_of_qbft_is_held_to_the_hash_that_its_kind_gives_a_block() -> None:
    """Round and seals lie outside that hash: another node of the chain may show others."""
    with hostile(telling(REAL)) as server:
        with closing(RpcChain(server.url, headers="qbft")) as chain:
            found = chain.block(6)
        with closing(RpcChain(server.url)) as chain, pytest.raises(ChainError, match="hash to"):
            chain.block(6)
    assert "0x" + found.hash.hex() == REAL["hash"]
    assert evm.parse_header(found.header).extra.hex() == REAL["extraData"][2:]


def test_a_block_of_another_kind_of_chain_is_an_error_of_the_chain() -> None:
    clique = REAL | {"extraData": "0x" + bytes(97).hex()}
    with (
        hostile(telling(clique)) as server,
        closing(RpcChain(server.url, headers="qbft")) as chain,
        pytest.raises(ChainError, match="block 0x6 is none of a QBFT chain"),
    ):
        chain.block(6)
