"""Answers that are good, and to another call than the one that was made: a server, or whatever
stands before several, sends one twice, too late, or in another order.
"""

from __future__ import annotations

import json
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from ledger.adapters.chain.rpc import RpcChain
from ledger.adapters.node.client import NodeClient
from ledger.adapters.web.client import WebError
from ledger.domain.errors import ChainError, NetworkError
from tests.adapters.test_hostile_servers import logged_in
from tests.support.listening import listening

_MINED = {
    "status": "0x1",
    "blockNumber": "0x1",
    "blockHash": "0x" + "11" * 32,
    "gasUsed": "0x1",
    "contractAddress": None,
}


class _Answers(BaseHTTPRequestHandler):
    """Says ``said`` of what was asked; ``asked`` are the bodies so far."""

    asked: list[Any]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append(json.loads(body) if body else None)
        told = json.dumps(self.said()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST

    def said(self) -> Any:
        raise NotImplementedError

    def log_message(self, *_: Any) -> None:
        pass


def test_an_answer_of_the_chain_to_an_earlier_call_is_none_to_this_one() -> None:
    class Late(_Answers):
        asked: list[Any] = []

        def said(self) -> Any:
            first = self.asked[0]  # that answer again and again, whatever is asked
            return {"jsonrpc": "2.0", "id": first["id"], "result": "0x7"}

    with listening(Late) as url, closing(RpcChain(url)) as chain:
        assert chain.nonce(bytes(20)) == 7
        with pytest.raises(WebError, match="another call"):
            chain.nonce(bytes([1]) * 20)


def test_an_error_that_names_no_call_is_told_as_the_chains() -> None:
    class Unread(_Answers):
        asked: list[Any] = []

        def said(self) -> Any:
            return {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "unread"}}

    with (
        listening(Unread) as url,
        closing(RpcChain(url)) as chain,
        pytest.raises(NetworkError, match="unread"),
    ):
        chain.nonce(bytes(20))


def test_the_receipt_of_another_transaction_is_none_of_ours() -> None:
    other = "0x" + "22" * 32

    class Other(_Answers):
        asked: list[Any] = []

        def said(self) -> Any:
            asked = self.asked[-1]
            of = {
                "eth_getTransactionReceipt": {**_MINED, "transactionHash": other},
                "eth_getTransactionByHash": {"hash": other},
            }
            told: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
            if asked["method"] in of:
                return told | {"result": of[asked["method"]]}
            return told | {"error": {"code": -32000, "message": "nonce too low"}}

    with listening(Other) as url, closing(RpcChain(url)) as chain:
        assert chain.receipt(bytes.fromhex(other[2:])) is not None
        with pytest.raises(WebError, match="receipt of another transaction"):
            chain.receipt(bytes(32))
        with pytest.raises(ChainError, match="nonce too low"):
            chain.send(b"signed")  # the chain has another one, and not this


def test_a_list_of_time_stamps_that_begins_again_has_an_end() -> None:
    class Again(_Answers):
        asked: list[Any] = []

        def said(self) -> Any:
            assert len(self.asked) < 9, "pages are turned for ever"
            return {"stamps": [], "next": 100}

    with listening(Again) as url:
        client = logged_in(NodeClient(url))
        with closing(client), pytest.raises(WebError, match="does not go on"):
            list(client.timestamps())
