"""The embedded chain: py-evm over SQLite, one writer, durable against SIGKILL.

Every block is sealed like a Clique block by the home's own key, so that bundles made later verify
with the trust root given out before. It convinces nobody who does not trust its owner, and its
label says so.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import rlp as pyrlp
from coincurve import PrivateKey
from eth_utils.exceptions import ValidationError
from trie import HexaryTrie

from ledger.adapters import files
from ledger.adapters.chain.abi import explain_revert
from ledger.adapters.chain.lazy_chain import LOCAL_LABEL
from ledger.adapters.chain.sqlitedb import SqliteDB
from ledger.adapters.filelock import FileLock
from ledger.adapters.recursion_limit import limited
from ledger.domain.chain.evm import keccak256
from ledger.domain.chain.finality import HeaderHash
from ledger.domain.chain.recognition import Kind
from ledger.domain.codecs import rlp
from ledger.domain.errors import ChainError, NotFoundError, StorageError
from ledger.domain.ports.node_and_chain import (
    BlockRef,
    ChainLog,
    Clock,
    StateProof,
    TransactionReceipt,
)

with limited():
    from eth.chains.base import MiningChain
    from eth.exceptions import HeaderNotFound, TransactionNotFound, VMError
    from eth.vm.forks.paris import ParisVM
    from eth.vm.spoof import SpoofTransaction

_VANITY: Final = b"custody local chain".ljust(32, b"\x00")
_GAS_LIMIT: Final = 30_000_000
_CALL_GAS: Final = 10_000_000
_ZERO: Final = bytes(20)


class LocalChain:
    """The chain in ``directory``; created on first use.

    Args:
        sealer: 32-byte secp256k1 key that seals blocks.
        funded: accounts given ether at genesis; used on creation only.
        view: one moment of it, beside the process that has it; nothing is written.

    Raises:
        LockedError: another process has it open; says which.
        StorageError: the file is damaged.
    """

    label = LOCAL_LABEL
    headers: HeaderHash = "plain"

    def __init__(
        self,
        directory: Path,
        *,
        chain_id: int,
        sealer: bytes,
        clock: Clock,
        funded: Sequence[bytes] = (),
        view: bool = False,
    ) -> None:
        if not view:
            files.private_folder(directory)
        self._lock = None if view else FileLock(directory / "chain.lock", what="the embedded chain")
        self._mutex = threading.RLock()
        self._clock = clock
        self._chain_id = chain_id
        try:
            self._db = SqliteDB(directory / "chain.sqlite", view=view)
        except BaseException:
            if self._lock is not None:
                self._lock.release()
            raise
        chain_class = self._chain_class(chain_id, PrivateKey(sealer))
        try:
            if self._db.exists(b"custody:genesis"):
                self._chain: Any = chain_class(self._db)
            else:
                with self._db.unit():
                    self._chain = chain_class.from_genesis(
                        self._db, self._genesis(), self._accounts(funded)
                    )
                    self._db[b"custody:genesis"] = self._chain.get_canonical_block_header_by_number(
                        0
                    ).hash
        except (HeaderNotFound, KeyError) as error:
            self.close()
            raise StorageError(
                "the embedded chain is damaged: its head cannot be read", hint="restore a backup"
            ) from error

    @staticmethod
    def _chain_class(number: int, key: PrivateKey) -> Any:
        class SealingVM(ParisVM):  # type: ignore[misc]
            extra_data_max_bytes = 32 + 65

            def finalize_block(self, block: Any) -> Any:
                result = super().finalize_block(block)
                unsealed = result.block.header.copy(extra_data=_VANITY)
                digest = keccak256(pyrlp.encode(unsealed))
                header = unsealed.copy(
                    extra_data=_VANITY + key.sign_recoverable(digest, hasher=None)
                )
                return result._replace(block=result.block.copy(header=header))

        class SealingChain(MiningChain):  # type: ignore[misc]
            chain_id = number
            vm_configuration = ((0, SealingVM),)

        return SealingChain

    def _genesis(self) -> dict[str, Any]:
        return {
            "coinbase": _ZERO,
            "difficulty": 0,
            "extra_data": _VANITY,
            "gas_limit": _GAS_LIMIT,
            "base_fee_per_gas": 7,
            "nonce": bytes(8),
            "timestamp": self._clock.now()
            - 10,  # blocks are a second apart at least, and must not run ahead
        }

    @staticmethod
    def _accounts(funded: Sequence[bytes]) -> dict[bytes, Any]:
        return {
            address: {"balance": 10**24, "nonce": 0, "code": b"", "storage": {}}
            for address in funded
        }

    def chain_id(self) -> int:
        """EIP-155 chain id."""
        return self._chain_id

    def head(self) -> BlockRef:
        """The latest block; final as soon as it is on disk."""
        with self._mutex:
            return self._ref(self._chain.get_canonical_head())

    def final(self) -> int:
        """The head: there is one writer and no reorganisation."""
        return self.head().number

    def block(self, number: int) -> BlockRef:
        """A block by number."""
        with self._mutex:
            try:
                return self._ref(self._chain.get_canonical_block_header_by_number(number))
            except HeaderNotFound as error:
                raise NotFoundError(f"the chain has no block {number}") from error

    @staticmethod
    def _ref(header: Any) -> BlockRef:
        return BlockRef(header.block_number, header.hash, header.timestamp, pyrlp.encode(header))

    def signers(self, kind: Kind, number: int) -> frozenset[bytes] | None:  # noqa: ARG002
        """Nobody says: its one sealer seals each block."""
        return None

    def nonce(self, address: bytes) -> int:
        """Number of mined transactions of an account."""
        with self._mutex:
            return int(
                self._chain.get_vm(self._chain.get_canonical_head()).state.get_nonce(address)
            )

    def fees(self) -> tuple[int, int]:
        """Twice the base fee, and one wei."""
        with self._mutex:
            return 2 * int(self._chain.header.base_fee_per_gas) + 1, 1

    def call(
        self, to: bytes, data: bytes, *, sender: bytes | None = None, block: int | None = None
    ) -> bytes:
        """Read-only call at a block, by default the head."""
        with self._mutex:
            header = (
                self._chain.get_canonical_head()
                if block is None
                else self._chain.get_canonical_block_header_by_number(block)
            )
            nonce = self._chain.get_vm(header).state.get_nonce(sender or _ZERO)
            unsigned = self._chain.create_unsigned_transaction(
                nonce=nonce, gas_price=0, gas=_CALL_GAS, to=to, value=0, data=data
            )
            try:
                return bytes(
                    self._chain.get_transaction_result(
                        SpoofTransaction(unsigned, from_=sender or _ZERO), header
                    )
                )
            except VMError as error:
                raise ChainError(
                    f"the contract refused: {explain_revert(_revert_data(error))}"
                ) from error

    def send(self, raw: bytes) -> bytes:
        """Mine a transaction in a block of its own; it is on disk when this returns."""
        digest = keccak256(raw)
        with self._mutex:
            if self.receipt(digest) is not None:
                return digest
            try:
                transaction = self._chain.get_vm().get_transaction_builder().decode(raw)
                head = self._chain.get_canonical_head()
                with self._db.unit():
                    self._chain.header = self._chain.create_header_from_parent(head)
                    self._chain.set_header_timestamp(max(self._clock.now(), head.timestamp + 1))
                    self._chain.mine_all([transaction])
            except (ValidationError, pyrlp.exceptions.DecodingError) as error:
                raise ChainError(f"the chain refused the transaction: {error}") from error
            finally:
                self._chain.header = self._chain.create_header_from_parent(
                    self._chain.get_canonical_head()
                )
        return digest

    def receipt(self, transaction: bytes) -> TransactionReceipt | None:
        """Receipt of a mined transaction; every block holds one transaction, so gas is not
        cumulative.
        """
        with self._mutex:
            try:
                number, index = self._chain.get_canonical_transaction_index(transaction)
            except TransactionNotFound:
                return None
            receipt = self._chain.get_transaction_receipt_by_index(number, index)
            mined = self._chain.get_canonical_transaction_by_index(number, index)
            header = self._chain.get_canonical_block_header_by_number(number)
            contract = None
            if mined.to == b"":
                contract = keccak256(rlp.encode([mined.sender, rlp.encode_number(mined.nonce)]))[
                    12:
                ]
            return TransactionReceipt(
                receipt.state_root == b"\x01", number, header.hash, receipt.gas_used, contract
            )

    def code(self, address: bytes) -> bytes:
        """Code at an address."""
        with self._mutex:
            return bytes(
                self._chain.get_vm(self._chain.get_canonical_head()).state.get_code(address)
            )

    def logs(self, addresses: Sequence[bytes], first: int, last: int) -> list[ChainLog]:
        """Log records of contracts, from the receipt of the one transaction that every block
        holds.
        """
        found = []
        with self._mutex:
            for number in range(max(first, 1), min(last, self.head().number) + 1):
                for log in self._chain.get_transaction_receipt_by_index(number, 0).logs:
                    if log.address in addresses:
                        topics = tuple(int(topic).to_bytes(32, "big") for topic in log.topics)
                        found.append(ChainLog(bytes(log.address), topics, bytes(log.data), number))
        return found

    def prove(self, address: bytes, slots: Sequence[bytes], block: int) -> StateProof:
        """Account and storage proofs at any block: no state is ever pruned."""
        with self._mutex:
            root = self._chain.get_canonical_block_header_by_number(block).state_root
            accounts = HexaryTrie(self._db, root)
            key = keccak256(address)
            account = accounts.get(key)
            storage: tuple[tuple[bytes, ...], ...] = ()
            if account:
                fields = rlp.decode(account, what="account")
                assert isinstance(fields, list)
                assert isinstance(fields[2], bytes)
                trie = HexaryTrie(self._db, fields[2])
                storage = tuple(_nodes(trie, keccak256(slot)) for slot in slots)
            return StateProof(_nodes(accounts, key), storage)

    def close(self) -> None:
        """Close the file and release the lock; a call under way in another thread ends first, since
        SQLite would crash under it.
        """
        with self._mutex:
            self._db.close()
            if self._lock is not None:
                self._lock.release()


def _nodes(trie: HexaryTrie, key: bytes) -> tuple[bytes, ...]:
    encoded = [pyrlp.encode(node) for node in trie.get_proof(key)]
    # A node shorter than 32 bytes stands inside its parent and is no node of the proof (EIP-1186
    # answers leave it out).
    return tuple(node for number, node in enumerate(encoded) if number == 0 or len(node) >= 32)


def _revert_data(error: VMError) -> bytes:
    return error.args[0] if error.args and isinstance(error.args[0], bytes) else b""
