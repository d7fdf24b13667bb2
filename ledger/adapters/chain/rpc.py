"""Any EVM chain by JSON-RPC over HTTP: a consortium chain, a public one, Hardhat node or anvil."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any, Final

from ledger.adapters.chain import rpc_header
from ledger.adapters.chain.abi import explain_revert
from ledger.adapters.chain.json_rpc import HINT, WHO, JsonRpc
from ledger.adapters.web.client import TooLongError, WebError
from ledger.domain.chain import finality
from ledger.domain.chain.evm import keccak256, parse_header
from ledger.domain.chain.finality import HeaderHash
from ledger.domain.chain.recognition import Kind, ToldBlock
from ledger.domain.errors import ChainError, FormatError, NetworkError, NotFoundError
from ledger.domain.ports.node_and_chain import BlockRef, ChainLog, StateProof, TransactionReceipt
from ledger.domain.untrusted import shapes
from ledger.domain.untrusted.shapes import Maybe

_KNOWN: Final = ("already known", "known transaction", "already imported", "nonce too low")
_COMPARED: Final = 60.0  # seconds for which an answer to eth_chainId is believed
_MOST_FEE: Final = 10**13  # wei for a unit of gas: several times what was ever paid on any chain
_LONGEST_MESSAGE: Final = 300
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
#: How nodes tell who may seal a block, by kind of chain, in the order in which they are asked.
_SIGNERS: Final[dict[Kind, tuple[str, ...]]] = {
    "clique": ("clique_getSigners",),
    "qbft": ("qbft_getValidatorsByBlockNumber", "istanbul_getValidators"),
    "none": (),
}
_RECEIPT: Final = {
    "transactionHash": rpc_header.WORD,
    "status": rpc_header.NUMBER,
    "blockNumber": rpc_header.NUMBER,
    "blockHash": rpc_header.WORD,
    "gasUsed": rpc_header.NUMBER,
    "contractAddress": Maybe(_ADDRESS),
}
_LOG: Final = {
    "address": _ADDRESS,
    "topics": [rpc_header.WORD],
    "data": rpc_header.HEX,
    "blockNumber": rpc_header.NUMBER,
}
_PROOF: Final = {"accountProof": [rpc_header.HEX], "storageProof": [{"proof": [rpc_header.HEX]}]}


class RpcChain:
    """A chain behind ``url``.

    Args:
        confirmations: blocks on top of one that make it final, where the chain does not answer
            "finalized".
        timeout: seconds for which it may be silent; a call may take three times as long in all.
        expected: chain id that it must have. It is then known without asking, and compared before
            anything else is asked, once a minute: a service that fails over to another network
            would make a home look forged.
        headers: how it computes block hashes.

    Raises:
        UsageError: no plain URL. From every method also: NetworkError, no answer in time, or one
            that makes no sense.
    """

    # whoever reads it in a trust root may judge without ever asking this chain
    label = "consortium chain"

    def __init__(
        self,
        url: str,
        *,
        confirmations: int = 12,
        timeout: float = 10.0,
        expected: int | None = None,
        headers: HeaderHash = "plain",
    ) -> None:
        self.headers: HeaderHash = headers
        self._rpc = JsonRpc(url, timeout)
        self._confirmations = confirmations
        self._expected = expected
        self._compared = -_COMPARED

    def _ask(self, method: str, *params: Any, shape: Any = object) -> Any:
        """The result of one call, of a shape (see domain.shapes).

        Raises:
            NetworkError: no answer, or one of another shape or chain. _RpcError: it says that it
                cannot.
        """
        self._compare()
        return self._asked(method, *params, shape=shape)

    def _compare(self) -> None:
        if self._expected is None or time.monotonic() - self._compared < _COMPARED:
            return
        if (found := self._asked_id()) != self._expected:
            # No error of the chain itself, which contradicts: the one meant did not answer.
            raise NetworkError(
                f"the chain that answers is {found}, expected {self._expected}",
                where=self._rpc.at,
                hint="nothing was judged by it: check the address of the chain",
            )
        self._compared = time.monotonic()

    def _asked_id(self) -> int:
        return int(self._asked("eth_chainId", shape=rpc_header.NUMBER), 16)

    def _asked(self, method: str, *params: Any, shape: Any = object) -> Any:
        try:
            answer = self._rpc.call(method, params)
            if answer["error"] is not None:
                fault = answer["error"]
                raise _RpcError(fault if isinstance(fault, dict) else {"message": str(fault)})
            return shapes.fit(answer["result"], shape, what="result")
        except WebError as error:
            raise type(error)(
                WHO, f"{error.reason} ({method})", where=error.where, hint=HINT
            ) from error
        except FormatError as error:
            raise WebError(
                WHO, f"answered nonsense to {method}: {error.message}", hint=HINT
            ) from error

    def chain_id(self) -> int:
        """EIP-155 chain id."""
        return self._asked_id() if self._expected is None else self._expected

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
            answer = self._ask(
                "eth_getBlockByNumber",
                "finalized",
                False,
                shape=Maybe({"number": rpc_header.NUMBER}),
            )
        except _RpcError:
            return by_depth
        final = int(answer["number"], 16) if answer else 0
        if final > head:  # believed, it would be read towards without end
            raise WebError(WHO, f"answered nonsense: final {final}, newest {head}", hint=HINT)
        return max(final, by_depth)

    def block(self, number: int) -> BlockRef:
        """A canonical block."""
        found = self._block(hex(number))
        if found.number != number:
            raise WebError(WHO, f"answered nonsense: another block than {number}", hint=HINT)
        return found

    def _block(self, which: str) -> BlockRef:
        told = self.told(which)
        try:
            digest = finality.block_hash(told.raw, self.headers)
        except FormatError as error:
            raise ChainError(f"block {which} is none of a QBFT chain: {error.message}") from error
        if digest != told.hash:
            raise ChainError(
                f"the header of block {which} does not hash to what the chain says: an unknown "
                "fork?"
            )
        header = parse_header(told.raw)
        return BlockRef(header.number, digest, header.time, told.raw)

    def told(self, which: str) -> ToldBlock:
        """A block as the node shows it, for whoever does not know yet how the chain computes
        hashes: nothing of it is checked.

        Raises:
            NotFoundError: there is none.
        """
        answer = self._ask("eth_getBlockByNumber", which, False, shape=Maybe(rpc_header.BLOCK))
        if answer is None:
            raise NotFoundError(f"the chain has no block {which}")
        return ToldBlock(rpc_header.encode(answer), _bytes(answer["hash"]))

    def signers(self, kind: Kind, number: int) -> frozenset[bytes] | None:
        """Who may seal the block behind one, as the node says; None where it does not say."""
        for method in _SIGNERS[kind]:
            try:
                answer = self._ask(method, hex(number), shape=[_ADDRESS])
            except _RpcError:
                continue  # it does not offer that one
            return frozenset(map(_bytes, answer))
        return None

    def nonce(self, address: bytes) -> int:
        """Number of mined transactions of an account."""
        return int(
            self._ask(
                "eth_getTransactionCount", "0x" + address.hex(), "latest", shape=rpc_header.NUMBER
            ),
            16,
        )

    def fees(self) -> tuple[int, int]:
        """Twice the base fee and what the chain suggests as tip."""
        newest = self._ask(
            "eth_getBlockByNumber", "latest", False, shape={"baseFeePerGas": Maybe(rpc_header.WEI)}
        )
        base = int(newest["baseFeePerGas"] or "0x0", 16)
        try:
            tip = int(self._ask("eth_maxPriorityFeePerGas", shape=rpc_header.WEI), 16)
        except ChainError:
            tip = 1_000_000_000
        if 2 * base + tip > _MOST_FEE:  # signed, it would be paid, or be refused for ever
            raise WebError(
                WHO, f"answered nonsense: {2 * base + tip} wei for a unit of gas", hint=HINT
            )
        return 2 * base + tip, tip

    def call(
        self, to: bytes, data: bytes, *, sender: bytes | None = None, block: int | None = None
    ) -> bytes:
        """Read-only call at a block, by default the latest."""
        request = {"to": "0x" + to.hex(), "data": "0x" + data.hex()}
        if sender is not None:
            request["from"] = "0x" + sender.hex()
        try:
            return _bytes(
                self._ask(
                    "eth_call",
                    request,
                    "latest" if block is None else hex(block),
                    shape=rpc_header.HEX,
                )
            )
        except _RpcError as error:
            if not error.revert_data() and "revert" not in error.message.lower():
                raise
            raise ChainError(
                f"the contract refused: {explain_revert(error.revert_data())}"
            ) from error

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
        shape = Maybe({"hash": rpc_header.WORD})
        found = self._ask("eth_getTransactionByHash", "0x" + digest.hex(), shape=shape)
        return found is not None and _bytes(found["hash"]) == digest

    def receipt(self, transaction: bytes) -> TransactionReceipt | None:
        """Receipt of a mined transaction, or None."""
        answer = self._ask(
            "eth_getTransactionReceipt", "0x" + transaction.hex(), shape=Maybe(_RECEIPT)
        )
        if answer is None:
            return None
        if _bytes(answer["transactionHash"]) != transaction:
            raise WebError(WHO, "answered nonsense: the receipt of another transaction", hint=HINT)
        contract = _bytes(answer["contractAddress"]) if answer["contractAddress"] else None
        return TransactionReceipt(
            int(answer["status"], 16) == 1,
            int(answer["blockNumber"], 16),
            _bytes(answer["blockHash"]),
            int(answer["gasUsed"], 16),
            contract,
        )

    def code(self, address: bytes) -> bytes:
        """Code at an address."""
        return _bytes(
            self._ask("eth_getCode", "0x" + address.hex(), "latest", shape=rpc_header.HEX)
        )

    def logs(self, addresses: Sequence[bytes], first: int, last: int) -> list[ChainLog]:
        """eth_getLogs, in as many parts as the node wants: many refuse long ranges or large
        answers, each in words of its own.
        """
        found: list[ChainLog] = []
        step = last - first + 1
        while first <= last:
            until = min(first + step - 1, last)
            wanted = {
                "address": ["0x" + address.hex() for address in addresses],
                "fromBlock": hex(first),
                "toBlock": hex(until),
            }
            try:
                answer = [_log(one) for one in self._ask("eth_getLogs", wanted, shape=[_LOG])]
            except (_RpcError, TooLongError):
                if step == 1:
                    raise
                step = max(step // 4, 1)
                continue
            if any(
                one.address not in addresses or not first <= one.block <= until for one in answer
            ):
                raise WebError(WHO, "answered nonsense: logs that nobody asked for", hint=HINT)
            found += answer
            first = until + 1
        return found

    def prove(self, address: bytes, slots: Sequence[bytes], block: int) -> StateProof:
        """EIP-1186 proofs; old blocks need a node that keeps their state."""
        wanted = ["0x" + slot.hex() for slot in slots]
        answer = self._ask("eth_getProof", "0x" + address.hex(), wanted, hex(block), shape=_PROOF)
        storage = tuple(_nodes(one["proof"]) for one in answer["storageProof"])
        if len(storage) != len(slots):
            raise WebError(
                WHO, "answered nonsense: proofs of other slots than were asked for", hint=HINT
            )
        return StateProof(_nodes(answer["accountProof"]), storage)

    def close(self) -> None:
        """Release connections."""
        self._rpc.close()


class _RpcError(NetworkError):
    """An error object in a JSON-RPC answer: a service that is too busy says the same as one that
    cannot. What it says of a contract or a transaction is told by whoever asked for that.
    """

    def __init__(self, fault: dict[str, Any]) -> None:
        super().__init__(
            "".join(
                one if one.isprintable() else "?"
                for one in str(fault.get("message", "error"))[:_LONGEST_MESSAGE]
            )
        )
        self.fault = fault

    def revert_data(self) -> bytes:
        """Revert data, which nodes nest differently."""
        data = self.fault.get("data")
        while isinstance(data, dict):
            data = data.get("data") or data.get("result")
        try:
            return (
                bytes.fromhex(data[2:]) if isinstance(data, str) and data.startswith("0x") else b""
            )
        except ValueError:
            return b""


def _log(found: dict[str, Any]) -> ChainLog:
    topics = tuple(_bytes(topic) for topic in found["topics"])
    return ChainLog(
        _bytes(found["address"]), topics, _bytes(found["data"]), int(found["blockNumber"], 16)
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _nodes(proof: list[str]) -> tuple[bytes, ...]:
    nodes = [_bytes(node) for node in proof]
    return tuple(node for number, node in enumerate(nodes) if number == 0 or len(node) >= 32)
