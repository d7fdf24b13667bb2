"""Any EVM chain by JSON-RPC over HTTP (web3): a consortium chain, a public one, Hardhat node or anvil."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import requests
from web3 import HTTPProvider
from web3.types import RPCEndpoint

from ledger.adapters.chain.abi import explain_revert
from ledger.domain import rlp
from ledger.domain.errors import ChainError, NetworkError, NotFoundError
from ledger.domain.evm import keccak256
from ledger.domain.ports import BlockRef, ChainLog, StateProof, TransactionReceipt

_FIELDS: Final = (
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty",
    "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce",
    # Fields of later forks, in the order in which they came; absent ones are left out.
    "baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "requestsHash",
)  # fmt: skip
_NUMBERS: Final = {"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas"}
_KNOWN: Final = ("already known", "known transaction", "already imported", "nonce too low")
_RETRIES: Final = 3


class RpcChain:
    """A chain behind ``url``.

    Args:
        confirmations: blocks on top of one that make it final, where the chain does not answer "finalized".
        timeout: seconds for one call.
    """

    label: str

    def __init__(self, url: str, *, confirmations: int = 12, timeout: float = 10.0) -> None:
        self._provider = HTTPProvider(url, request_kwargs={"timeout": timeout}, exception_retry_configuration=None)
        self._confirmations = confirmations
        self.label = "chain reached by RPC"

    def _ask(self, method: str, *params: Any) -> Any:
        """One call; a lost answer is asked again, since every call here is safe to repeat."""
        for attempt in range(_RETRIES):
            try:
                answer = self._provider.make_request(RPCEndpoint(method), list(params))
                break
            except (requests.RequestException, ValueError) as error:
                if attempt == _RETRIES - 1:
                    raise NetworkError(
                        f"the chain did not answer {method}: {type(error).__name__}",
                        hint="check that the RPC address is right and reachable",
                    ) from error
                time.sleep(0.1 * 4**attempt)
        if "error" in answer:
            fault: Any = answer["error"]
            raise _RpcError(fault if isinstance(fault, dict) else {"message": str(fault)})
        return answer.get("result")

    def chain_id(self) -> int:
        """EIP-155 chain id."""
        return int(self._ask("eth_chainId"), 16)

    def head(self) -> BlockRef:
        """The latest block."""
        return self._block("latest")

    def final(self) -> int:
        """The chain's own finalized block where it has one, else by confirmations."""
        head = self.head().number
        by_depth = max(head - self._confirmations, 0)
        if self._confirmations == 0:
            return head
        try:
            found = self._ask("eth_getBlockByNumber", "finalized", False)
        except ChainError:
            return by_depth
        return max(int(found["number"], 16), by_depth) if found else by_depth

    def block(self, number: int) -> BlockRef:
        """A canonical block."""
        return self._block(hex(number))

    def _block(self, which: str) -> BlockRef:
        found = self._ask("eth_getBlockByNumber", which, False)
        if found is None:
            raise NotFoundError(f"the chain has no block {which}")
        header = rlp.encode([_field(name, found[name]) for name in _FIELDS if found.get(name) is not None])
        digest = keccak256(header)
        if digest != bytes.fromhex(found["hash"][2:]):
            raise ChainError(f"the header of block {which} does not hash to what the chain says: an unknown fork?")
        return BlockRef(int(found["number"], 16), digest, int(found["timestamp"], 16), header)

    def nonce(self, address: bytes) -> int:
        """Number of mined transactions of an account."""
        return int(self._ask("eth_getTransactionCount", "0x" + address.hex(), "latest"), 16)

    def fees(self) -> tuple[int, int]:
        """Twice the base fee and what the chain suggests as tip."""
        base = int(self._ask("eth_getBlockByNumber", "latest", False).get("baseFeePerGas", "0x0"), 16)
        try:
            tip = int(self._ask("eth_maxPriorityFeePerGas"), 16)
        except ChainError:
            tip = 1_000_000_000
        return 2 * base + tip, tip

    def call(self, to: bytes, data: bytes, *, sender: bytes | None = None, block: int | None = None) -> bytes:
        """Read-only call at a block, by default the latest."""
        request = {"to": "0x" + to.hex(), "data": "0x" + data.hex()}
        if sender is not None:
            request["from"] = "0x" + sender.hex()
        try:
            return bytes.fromhex(self._ask("eth_call", request, "latest" if block is None else hex(block))[2:])
        except _RpcError as error:
            raise ChainError(f"the contract refused: {explain_revert(error.revert_data())}") from error

    def send(self, raw: bytes) -> bytes:
        """Send a signed transaction; one that the chain already knows is no error."""
        digest = keccak256(raw)
        try:
            self._ask("eth_sendRawTransaction", "0x" + raw.hex())
        except _RpcError as error:
            if any(phrase in error.message.lower() for phrase in _KNOWN) and self._knows(digest):
                return digest
            data = error.revert_data()
            if data and self._knows(digest):
                return digest  # mined and reverted: the receipt tells
            reason = explain_revert(data) if data else error.message
            raise ChainError(f"the chain refused the transaction: {reason}") from error
        return digest

    def _knows(self, digest: bytes) -> bool:
        return self._ask("eth_getTransactionByHash", "0x" + digest.hex()) is not None

    def receipt(self, transaction: bytes) -> TransactionReceipt | None:
        """Receipt of a mined transaction, or None."""
        found = self._ask("eth_getTransactionReceipt", "0x" + transaction.hex())
        if found is None:
            return None
        contract = bytes.fromhex(found["contractAddress"][2:]) if found.get("contractAddress") else None
        return TransactionReceipt(
            int(found["status"], 16) == 1,
            int(found["blockNumber"], 16),
            bytes.fromhex(found["blockHash"][2:]),
            int(found["gasUsed"], 16),
            contract,
        )

    def code(self, address: bytes) -> bytes:
        """Code at an address."""
        return bytes.fromhex(self._ask("eth_getCode", "0x" + address.hex(), "latest")[2:])

    def logs(self, addresses: Sequence[bytes], first: int, last: int) -> list[ChainLog]:
        """eth_getLogs, in as many parts as the node wants: many refuse long ranges or large answers, each in words of its own."""
        found: list[ChainLog] = []
        step = last - first + 1
        while first <= last:
            until = min(first + step - 1, last)
            wanted = {"address": ["0x" + one.hex() for one in addresses], "fromBlock": hex(first), "toBlock": hex(until)}
            try:
                answer = self._ask("eth_getLogs", wanted)
            except _RpcError:
                if step == 1:
                    raise
                step = max(step // 4, 1)
                continue
            found += [_log(one) for one in answer]
            first = until + 1
        return found

    def prove(self, address: bytes, slots: Sequence[bytes], block: int) -> StateProof:
        """EIP-1186 proofs; old blocks need a node that keeps their state."""
        wanted = ["0x" + slot.hex() for slot in slots]
        found = self._ask("eth_getProof", "0x" + address.hex(), wanted, hex(block))
        storage = tuple(_nodes(one["proof"]) for one in found["storageProof"])
        return StateProof(_nodes(found["accountProof"]), storage)

    def close(self) -> None:
        """Nothing is kept open."""


class _RpcError(ChainError):
    """An error object in a JSON-RPC answer."""

    def __init__(self, fault: dict[str, Any]) -> None:
        super().__init__(str(fault.get("message", "error")))
        self.fault = fault

    def revert_data(self) -> bytes:
        """Revert data, which nodes nest differently."""
        data = self.fault.get("data")
        while isinstance(data, dict):
            data = data.get("data") or data.get("result")
        try:
            return bytes.fromhex(data[2:]) if isinstance(data, str) and data.startswith("0x") else b""
        except ValueError:
            return b""


def _log(found: dict[str, Any]) -> ChainLog:
    topics = tuple(bytes.fromhex(one[2:]) for one in found["topics"])
    return ChainLog(bytes.fromhex(found["address"][2:]), topics, bytes.fromhex(found["data"][2:]), int(found["blockNumber"], 16))


def _field(name: str, value: str) -> bytes:
    if name in _NUMBERS:
        return rlp.encode_number(int(value, 16))
    return bytes.fromhex(value[2:])


def _nodes(proof: list[str]) -> tuple[bytes, ...]:
    nodes = [bytes.fromhex(node[2:]) for node in proof]
    return tuple(node for number, node in enumerate(nodes) if number == 0 or len(node) >= 32)
