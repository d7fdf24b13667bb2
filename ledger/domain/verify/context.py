"""What the steps of a verification know of a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.domain.bundle.bundle import Bundle
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.errors import (
    IncompleteError,
)
from ledger.domain.event.document import Event
from ledger.domain.identity.certificate import Certificate
from ledger.domain.log.receipt import Receipt
from ledger.domain.log.statement import Statement
from ledger.domain.verify.state import ContractState, ProvenContractState, ProvenDescriptors

#: What to do where something is not anchored, or not in the bundle.
AGAIN: Final = "ask the agency to anchor its log and to export the bundle again"


@dataclass
class VerificationContext:
    """A bundle with everything parsed out of it, filled in as the steps go."""

    bundle: Bundle
    root: TrustRoot
    logs: list[bytes]
    statements: list[Statement]
    events: list[Event | None]
    receipts: list[Receipt | None]
    certificates: dict[bytes, Certificate]
    proven: list[int | None]
    seen: ContractState | None = None
    _state: ProvenContractState | None = None
    _directory: ProvenDescriptors | None = None

    @property
    def state(self) -> ContractState:
        """The contract state: proven by the bundle, or as the verifier's own node sees it.

        Raises:
            IncompleteError: the bundle has no chain section.
        """
        if self.seen is not None:
            return self.seen
        if self.bundle.chain is None:
            raise IncompleteError(6, "the bundle holds no proofs of the chain", hint=AGAIN)
        if self._state is None:
            self._state = ProvenContractState(self.bundle.chain, self.root)
        return self._state

    @property
    def directory(self) -> ProvenDescriptors:
        """The descriptors of the bundle, each proven by the registry."""
        if self._directory is None:
            self._directory = ProvenDescriptors(self.bundle.descriptors, self.state)
        return self._directory
