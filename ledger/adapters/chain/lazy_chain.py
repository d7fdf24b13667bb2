"""A chain that is opened when it is first asked: most commands never ask it, and opening costs more
than they do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

from ledger.domain.chain.finality import HeaderHash
from ledger.domain.chain.recognition import Kind
from ledger.domain.errors import StorageError
from ledger.domain.ports.node_and_chain import (
    BlockRef,
    Chain,
    ChainLog,
    StateProof,
    TransactionReceipt,
)

LOCAL_LABEL: Final = "local: not tamper-evident against its owner"


class DeferredChain:
    """See ports.Chain. Only an embedded one is opened late.

    Args:
        chain_id, label: what is known without asking.
        opener: opens the chain; what it raises comes from the first call that needs it.
    """

    headers: HeaderHash = "plain"

    def __init__(self, chain_id: int, label: str, opener: Callable[[], Chain]) -> None:
        self.label = label
        self._chain_id = chain_id
        self._opener = opener
        self._mutex = threading.Lock()
        self._chain: Chain | None = None
        self._closed = False

    def _opened(self) -> Chain:
        with self._mutex:
            if self._closed:  # opening it again would take a lock that nobody gives back
                raise StorageError(
                    "the chain is closed: the node is being stopped",
                    hint="try again when it is back",
                )
            if self._chain is None:
                self._chain = self._opener()
            return self._chain

    def chain_id(self) -> int:
        """EIP-155 chain id."""
        return self._chain_id

    def head(self) -> BlockRef:
        """The latest block."""
        return self._opened().head()

    def final(self) -> int:
        """Number of the newest final block."""
        return self._opened().final()

    def block(self, number: int) -> BlockRef:
        """A canonical block."""
        return self._opened().block(number)

    def signers(self, kind: Kind, number: int) -> frozenset[bytes] | None:
        """Who may seal the block behind one."""
        return self._opened().signers(kind, number)

    def nonce(self, address: bytes) -> int:
        """Number of mined transactions of an account."""
        return self._opened().nonce(address)

    def fees(self) -> tuple[int, int]:
        """(maximum fee, priority fee) per gas in wei."""
        return self._opened().fees()

    def call(
        self, to: bytes, data: bytes, *, sender: bytes | None = None, block: int | None = None
    ) -> bytes:
        """Read-only call."""
        return self._opened().call(to, data, sender=sender, block=block)

    def send(self, raw: bytes) -> bytes:
        """Send a signed transaction."""
        return self._opened().send(raw)

    def receipt(self, transaction: bytes) -> TransactionReceipt | None:
        """Receipt of a mined transaction, or None."""
        return self._opened().receipt(transaction)

    def code(self, address: bytes) -> bytes:
        """Code at an address."""
        return self._opened().code(address)

    def logs(self, addresses: Sequence[bytes], first: int, last: int) -> list[ChainLog]:
        """Log records of contracts."""
        return self._opened().logs(addresses, first, last)

    def prove(self, address: bytes, slots: Sequence[bytes], block: int) -> StateProof:
        """Account and storage proofs at a block."""
        return self._opened().prove(address, slots, block)

    def close(self) -> None:
        """Close it if it was opened."""
        with self._mutex:
            self._closed = True
            if self._chain is not None:
                self._chain.close()
                self._chain = None
