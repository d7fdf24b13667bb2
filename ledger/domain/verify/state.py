"""The state of the two contracts as a bundle's chain section proves it (verification steps 4 and
6).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

from ledger.domain.bundle.bundle import BundledCheckpoint, BundledDescriptor, ChainSection
from ledger.domain.bundle.trust import Contract, TrustRoot
from ledger.domain.chain import contract_layout, evm
from ledger.domain.chain.contract_layout import ContractName
from ledger.domain.codecs.digests import same
from ledger.domain.codecs.text import counted, told_time
from ledger.domain.errors import IncompleteError, VerificationError
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.identity.names import agency_id

_ZERO: Final = bytes(32)


class ContractState(ABC):
    """The storage words of registry and ledger at a block, from wherever the verifier has them.

    Args:
        number: of the block. time: of the block, seconds since 1970.
    """

    def __init__(self, number: int, time: int) -> None:
        self.number = number
        self.time = time

    @abstractmethod
    def read(self, contract: ContractName, slot: bytes, *, step: int, what: str) -> bytes:
        """A word of "registry" or "ledger".

        Raises:
            IncompleteError: it cannot be had.
        """

    def require_all_used(self) -> None:  # noqa: B027  (a view of one's own proves nothing to spare)
        """Check that nothing is proven that serves no check.

        Raises:
            VerificationError: otherwise.
        """

    def check_checkpoint(self, log: bytes, checkpoint: BundledCheckpoint) -> None:
        """Compare a checkpoint with its commitment.

        Raises:
            VerificationError: step 6, never anchored or anchored with other values.
        """
        what = f"the checkpoint of {counted(checkpoint.size, 'entry')}"
        held = self.read(
            "ledger", contract_layout.checkpoint_slot(log, checkpoint.size), step=6, what=what
        )
        expected = contract_layout.checkpoint_commitment(
            checkpoint.prev,
            checkpoint.size,
            checkpoint.root,
            checkpoint.map_root,
            checkpoint.version,
            checkpoint.time,
            checkpoint.block,
        )
        if held == _ZERO:
            raise VerificationError(6, f"{what} was never anchored")
        if not same(held, expected):
            raise VerificationError(
                6, f"{what} was anchored with other values than the bundle says"
            )
        if checkpoint.block > self.number:
            raise VerificationError(6, f"{what} is younger than the block that proves it")


class ProvenContractState(ContractState):
    """Storage words of registry and ledger, each proven to the header's state root.

    Raises:
        VerificationError: step 6, when an account or its code differs, or a proof does not lead to
            its slot.
    """

    def __init__(self, chain: ChainSection, root: TrustRoot) -> None:
        self.header = evm.parse_header(chain.header)
        super().__init__(self.header.number, self.header.time)
        storage_roots = {
            "registry": self._account(root.registry, chain.registry, "registry"),
            "ledger": self._account(root.ledger, chain.ledger, "ledger"),
        }
        self._words = {
            (proof.contract, proof.slot): evm.prove_storage(
                storage_roots[proof.contract], proof.slot, proof.nodes
            )
            for proof in chain.storage
        }
        self._used: set[tuple[str, bytes]] = set()

    def _account(self, contract: Contract, proof: tuple[bytes, ...], name: str) -> bytes:
        account = evm.prove_account(self.header.state_root, contract.address, proof)
        if not same(account.code_hash, contract.code_hash):
            raise VerificationError(
                6,
                (
                    f"{name}: code 0x{account.code_hash.hex()}, the trust root pins "
                    f"0x{contract.code_hash.hex()}"
                ),
            )
        return account.storage_root

    def read(self, contract: ContractName, slot: bytes, *, step: int, what: str) -> bytes:
        """A proven word.

        Raises:
            IncompleteError: the bundle does not prove this slot.
        """
        if (contract, slot) not in self._words:
            raise IncompleteError(
                step, f"the bundle holds no proof of {what}", hint="export the bundle again"
            )
        self._used.add((contract, slot))
        return self._words[contract, slot]

    def require_all_used(self) -> None:
        """Every proof of a bundle serves a check: what nobody asked for is not evidence.

        Raises:
            VerificationError: otherwise.
        """
        if unused := set(self._words) - self._used:
            raise VerificationError(
                6, f"{len(unused)} storage proofs belong to nothing in the bundle"
            )


class ProvenDescriptors:
    """The descriptors of a bundle, each compared with its commitment on chain (verification step
    4).
    """

    def __init__(self, bundled: tuple[BundledDescriptor, ...], state: ContractState) -> None:
        self._state = state
        self._versions: dict[tuple[str, int], tuple[Descriptor, int]] = {}
        for given in bundled:
            parsed = descriptors.parse(given.document)
            slot = contract_layout.descriptor_slot(agency_id(parsed.agency), parsed.version)
            what = f"version {parsed.version} of the descriptor of {parsed.agency}"
            expected = contract_layout.descriptor_commitment(
                parsed.digest, given.active_from, given.block
            )
            if not same(state.read("registry", slot, step=4, what=what), expected):
                raise VerificationError(4, f"{what} is not the one that the registry holds")
            if (parsed.agency, parsed.version) in self._versions:
                raise VerificationError(4, f"{what} stands twice in the bundle")
            self._versions[parsed.agency, parsed.version] = (parsed, given.active_from)

    def version(self, agency: str, version: int) -> Descriptor:
        """The descriptor with this number.

        Raises:
            IncompleteError: not in the bundle.
        """
        if (agency, version) not in self._versions:
            raise IncompleteError(
                4, f"version {version} of the descriptor of {agency} is not in the bundle"
            )
        return self._versions[agency, version][0]

    def in_force(self, agency: str, time: int) -> Descriptor:
        """The descriptor in force at ``time``: active from then or earlier, the next one later or
        absent.

        Raises:
            IncompleteError: the bundle does not hold it, or does not prove what came after it.
        """
        best = [
            (version, parsed)
            for (code, version), (parsed, active_from) in self._versions.items()
            if code == agency and active_from <= time
        ]
        if not best:
            raise IncompleteError(
                4, f"the bundle holds no descriptor of {agency} in force at {told_time(time)}"
            )
        version, parsed = max(best, key=lambda item: item[0])
        following = self._versions.get((agency, version + 1))
        if following is not None:
            return parsed  # proven, and active only later
        slot = contract_layout.descriptor_slot(agency_id(agency), version + 1)
        if (
            self._state.read(
                "registry", slot, step=4, what=f"what followed version {version} of {agency}"
            )
            != _ZERO
        ):
            raise IncompleteError(
                4, f"version {version + 1} of the descriptor of {agency} is not in the bundle"
            )
        return parsed
