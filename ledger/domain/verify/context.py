"""What the steps of a verification know of a bundle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from ledger.domain.bundle.bundle import Bundle
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.chain import contract_layout
from ledger.domain.chain.evm import parse_header
from ledger.domain.codecs import strict_json
from ledger.domain.errors import FormatError, IncompleteError
from ledger.domain.event import disclosure as disclosures
from ledger.domain.event import document as documents
from ledger.domain.event.document import Event
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.names import agency_id
from ledger.domain.item.statement_standings import CustodyBranch
from ledger.domain.log import item_map
from ledger.domain.log import receipt as receipts
from ledger.domain.log import statement as statements
from ledger.domain.log.receipt import Receipt
from ledger.domain.log.statement import Statement
from ledger.domain.verify import completeness, shown_branch
from ledger.domain.verify.completeness import ShownList
from ledger.domain.verify.shown_branch import BesideStatement
from ledger.domain.verify.state import ContractState, ProvenContractState, ProvenDescriptors

#: What to do where something is not anchored, or not in the bundle.
AGAIN: Final = "ask the agency to anchor its log and to export the bundle again"
#: Bytes of memory that parsed documents may take, for each byte of a bundle and for any bundle.
_GROWTH: Final = 5
_FREE: Final = 256 << 10


@dataclass
class VerificationContext:
    """A bundle with everything parsed out of it, filled in as the steps go. Its statements are
    those of the branch that it shows, ``beside`` what stands behind them; ``is_part``: later events
    of it are not judged, and what belongs to them is not spare; ``is_excerpt``: whoever sent it was
    asked for no later ones; ``as_of``: the time to which nothing may be missing.
    """

    bundle: Bundle
    root: TrustRoot
    logs: list[bytes]
    statements: list[Statement]
    events: list[Event | None]
    receipts: list[Receipt | None]
    certificates: dict[bytes, Certificate]
    proven: list[int | None]
    beside: list[BesideStatement]
    seen: ContractState | None = None
    is_part: bool = False
    is_excerpt: bool = False
    as_of: int | None = None
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

    @cached_property
    def lists(self) -> dict[int, ShownList]:
        """What agencies' logs hold of the item, by the number of the log in the bundle."""
        return completeness.read(self)

    @cached_property
    def branch(self) -> CustodyBranch:
        """The branch that follows from all that is shown."""
        return shown_branch.derive_branch(
            self.bundle,
            self.logs,
            self.statements,
            self.events,
            self.beside,
            whole={one.agency for one in self.lists.values() if one.is_whole},
            is_part=self.is_part,
        )

    @property
    def directory(self) -> ProvenDescriptors:
        """The descriptors of the bundle, each proven by the registry."""
        if self._directory is None:
            self._directory = ProvenDescriptors(self.bundle.descriptors, self.state)
        return self._directory


def parse(bundle: Bundle, root: TrustRoot, state: ContractState | None) -> VerificationContext:
    """Step 1: everything in the bundle parses strictly."""
    logs = [
        contract_layout.log_id(
            root.chain_id, root.ledger.address, agency_id(log.agency), log.number
        )
        for log in bundle.logs
    ]
    parsed = [statements.parse_entry(statement.entry) for statement in bundle.statements]
    events = [
        None
        if statement.document is None
        else documents.parse(statement.document, statement.disclosures)
        for statement in bundle.statements
    ]
    for statement in bundle.statements:
        if statement.document is None and statement.disclosures:
            raise FormatError("bundle: disclosures of a document that is not there")
    given = [
        None if statement.receipt is None else receipts.parse(statement.receipt)
        for statement in bundle.statements
    ]
    for checkpoint in bundle.checkpoints:
        receipts.parse_checkpoint(checkpoint.note)
    for listed in bundle.lists:
        item_map.parse_proof(listed.proof)
    for crl in bundle.crls:
        revocation_lists.load_crl(crl)
    if bundle.chain is not None:
        for header in (bundle.chain.header, *bundle.chain.descendants):
            parse_header(header)
    by_digest = {
        certificate.digest: certificate
        for certificate in map(certificates.parse, bundle.certificates)
    }
    count = shown_branch.length(parsed)
    behind = zip(bundle.statements[count:], parsed[count:], given[count:], strict=True)
    beside = [BesideStatement(*row) for row in behind]
    shown = replace(bundle, statements=bundle.statements[:count])
    proven: list[int | None] = [None] * count
    return VerificationContext(
        shown, root, logs, parsed[:count], events[:count], given[:count], by_digest, proven,
        beside, state,
    )  # fmt: skip


def check_weight(bundle: Bundle, size: int) -> None:
    """Documents are parsed and kept all at once: a bundle of arrays of nothing would take a hundred
    times its size in memory.
    """
    total = 0
    for statement in bundle.statements:
        total += strict_json.weight(statement.document or b"") + sum(
            disclosures.weight(encoded) for encoded in statement.disclosures
        )
    if total > _GROWTH * size + _FREE:
        raise FormatError("bundle: too many values in its documents for its size")
