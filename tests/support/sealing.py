"""A chain of the real EVM whose blocks three signers seal in turns, as on a Clique chain."""

from __future__ import annotations

from typing import Any

import rlp
from coincurve import PrivateKey
from eth_utils import keccak

from ledger.adapters.chain.contracts import sign_transaction, wait
from ledger.adapters.chain.local import LocalChain
from ledger.domain.chain.clique import Clique
from tests.support.clique import KEYS, NAMES
from tests.support.desk import Desk

THREE = Clique(1, None, frozenset(NAMES[:3]), 2)


class TurningChain(LocalChain):
    """Signers whose turn comes by the number of the block, ``turns``; ``confirmations`` as nodes
    count them.
    """

    turns = (0, 1, 2)
    confirmations = 0
    difficulty = 0

    @classmethod
    def _chain_class(cls, number: int, key: PrivateKey) -> Any:  # type: ignore[override]
        sealing = LocalChain._chain_class(number, key)
        ((_, vm),) = sealing.vm_configuration

        class TurningVM(vm):  # type: ignore[misc, valid-type]
            @classmethod
            def validate_header(cls, header: Any, *more: Any, **options: Any) -> None:
                """As the rules of Paris say, but for the difficulty that these headers have."""
                vm.validate_header(header.copy(difficulty=0), *more, **options)

            def validate_block(self, block: Any) -> None:
                header = block.header.copy(difficulty=0)
                super().validate_block(block.copy(header=header))

            def finalize_block(self, block: Any) -> Any:
                result = super().finalize_block(block)
                header = result.block.header
                unsealed = header.copy(extra_data=header.extra_data[:32], difficulty=cls.difficulty)
                signer = KEYS[cls.turns[header.block_number % len(cls.turns)]]
                seal = signer.sign_recoverable(keccak(rlp.encode(unsealed)), hasher=None)
                sealed = unsealed.copy(extra_data=unsealed.extra_data + seal)
                return result._replace(block=result.block.copy(header=sealed))

        return type("TurningChain", (sealing,), {"vm_configuration": ((0, TurningVM),)})

    def final(self) -> int:
        return max(self.head().number - self.confirmations, 0)


def mine(desk: Desk, count: int) -> None:
    """More blocks, each with nothing of ours in it."""
    chain, key = desk.node.contracts.chain, desk.home.keyring.get("governor")
    for _ in range(count):
        nonce = chain.nonce(desk.governor)
        raw = sign_transaction(chain, key, to=bytes(20), data=b"", gas=21_000, nonce=nonce)
        wait(chain, chain.send(raw))
