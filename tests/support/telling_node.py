"""A node that tells of an in-process chain by JSON-RPC over HTTP on loopback, as geth or Besu do; and
lies as a test wants.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol

import rlp

from ledger.adapters.chain import rpc_header
from ledger.domain.errors import ChainError, NetworkError, NotFoundError
from ledger.domain.ports.node_and_chain import BlockRef, Chain
from tests.support.listening import listening

#: What a node answers in place of something true: (method, parameters, the true answer) -> answer.
Lie = Callable[[str, list[Any], Any], Any]
#: Who may seal the block behind one.
Signers = Sequence[bytes] | Callable[[int], Sequence[bytes]]


class NoMethodError(Exception):
    """The node does not offer a method."""


class RefusedError(Exception):
    """The node answers with an error of JSON-RPC."""

    def __init__(self, fault: Any) -> None:
        super().__init__(str(fault))
        self.fault = fault


def honest(_method: str, _params: list[Any], answer: Any) -> Any:
    return answer


def block_json(header: bytes, digest: bytes) -> dict[str, Any]:
    """A block as a node tells it."""
    names = rpc_header._FIELDS
    told = {}
    for name, value in zip(names, rlp.decode(header), strict=False):
        number = name in rpc_header._NUMBERS
        told[name] = hex(int.from_bytes(value, "big")) if number else "0x" + value.hex()
    return {**told, "hash": "0x" + digest.hex()}


class TellingNode:
    """``chain`` behind an address; ``signers`` by the method that tells them, the same for all
    blocks or by the number of one.
    """

    def __init__(self, chain: Chain, signers: dict[str, Signers]) -> None:
        self.chain, self.signers = chain, signers
        self.lie: Lie = honest
        self.asked: list[str] = []

    def answer(self, method: str, params: list[Any]) -> Any:
        self.asked.append(method)
        if method in self.signers:
            told = self.signers[method]
            known = told(int(params[0], 16)) if callable(told) else told
            true: Any = ["0x" + address.hex() for address in known]
        else:
            try:
                true = self._answers()[method](*params)
            except KeyError as error:
                raise NoMethodError(method) from error
        return self.lie(method, params, true)

    def _answers(self) -> dict[str, Callable[..., Any]]:
        chain = self.chain
        return {
            "eth_chainId": lambda: hex(chain.chain_id()),
            "eth_getBlockByNumber": lambda which, _: self._block(which),
            "eth_getTransactionCount": lambda who, _: hex(chain.nonce(_bytes(who))),
            "eth_maxPriorityFeePerGas": lambda: hex(chain.fees()[1]),
            "eth_call": self._call,
            "eth_sendRawTransaction": lambda raw: "0x" + chain.send(_bytes(raw)).hex(),
            "eth_getTransactionByHash": lambda _: None,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getCode": lambda who, _: "0x" + chain.code(_bytes(who)).hex(),
            "eth_getLogs": self._logs,
            "eth_getProof": self._proof,
        }

    def _block(self, which: str) -> Any:
        if which == "finalized":
            raise NoMethodError(which)
        try:
            found = self.chain.head() if which == "latest" else self.chain.block(int(which, 16))
        except NotFoundError:
            return None
        return block_json(found.header, found.hash)

    def _call(self, request: dict[str, str], which: str) -> str:
        sender = _bytes(request["from"]) if "from" in request else None
        block = None if which == "latest" else int(which, 16)
        done = self.chain.call(
            _bytes(request["to"]), _bytes(request["data"]), sender=sender, block=block
        )
        return "0x" + done.hex()

    def _receipt(self, digest: str) -> Any:
        found = self.chain.receipt(_bytes(digest))
        return found and {
            "transactionHash": digest,
            "status": hex(found.succeeded),
            "blockNumber": hex(found.block),
            "blockHash": "0x" + found.block_hash.hex(),
            "gasUsed": hex(found.gas_used),
            "contractAddress": None if found.contract is None else "0x" + found.contract.hex(),
        }

    def _logs(self, wanted: dict[str, Any]) -> Any:
        first, last = (int(wanted[name], 16) for name in ("fromBlock", "toBlock"))
        return [
            {
                "address": "0x" + log.address.hex(),
                "topics": ["0x" + topic.hex() for topic in log.topics],
                "data": "0x" + log.data.hex(),
                "blockNumber": hex(log.block),
            }
            for log in self.chain.logs([_bytes(one) for one in wanted["address"]], first, last)
        ]

    def _proof(self, address: str, slots: list[str], which: str) -> Any:
        proof = self.chain.prove(_bytes(address), [_bytes(slot) for slot in slots], int(which, 16))
        return {
            "accountProof": ["0x" + node.hex() for node in proof.account],
            "storageProof": [
                {"proof": ["0x" + node.hex() for node in nodes]} for nodes in proof.storage
            ],
        }


class HeaderChain:
    """Headers alone, by number, of which the last is the newest: enough to be looked at."""

    def __init__(self, number: int, blocks: Sequence[tuple[bytes, bytes]]) -> None:
        self._id = number
        self._blocks = [
            BlockRef(int.from_bytes(rlp.decode(raw)[8], "big"), digest, 0, raw)
            for raw, digest in blocks
        ]

    def chain_id(self) -> int:
        return self._id

    def head(self) -> BlockRef:
        return self._blocks[-1]

    def block(self, number: int) -> BlockRef:
        found = [block for block in self._blocks if block.number == number]
        if not found:
            raise NotFoundError("no such block")
        return found[0]


class Answering(Protocol):
    """What answers in the place of a node; a NetworkError ends the connection without an answer."""

    def answer(self, method: str, params: list[Any]) -> Any: ...


@contextmanager
def telling(node: Answering) -> Iterator[str]:
    """The address of a node while it answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
            try:
                told["result"] = node.answer(asked["method"], asked["params"])
            except NoMethodError:
                told["error"] = {"code": -32601, "message": "the method does not exist"}
            except RefusedError as error:
                told["error"] = error.fault
            except NetworkError:
                return
            except ChainError as error:
                told["error"] = {"code": 3, "message": f"execution reverted: {error.message}"}
            body = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with listening(Handler) as url:
        yield url


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
