"""A parcel from another agency's node: opened, verified as any court would, and kept without
replacing anything of ours.

- nothing in it is believed because of who sent it
- a parcel with proofs of the chain is judged by them and by our own view of the chain; one without,
  by our own view alone
- only rows of the item that was asked about are written, and none that is there already is written
  over
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle import parcel
from ledger.domain.bundle.bundle import Bundle, BundledStatement
from ledger.domain.bundle.parcel import Parcel
from ledger.domain.chain import contract_layout, evm
from ledger.domain.chain.contract_layout import ContractName
from ledger.domain.codecs.text import evidence_bytes
from ledger.domain.crypto import content_encryption, grants
from ledger.domain.errors import IncompleteError, VerificationError
from ledger.domain.event import document as documents
from ledger.domain.event.document import Event
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.names import agency_id
from ledger.domain.item.custody_transitions import ItemState
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Statement
from ledger.domain.verify import ContractState, Status, Verdict, procedure, shown_branch
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.bundles import agency_trust
from ledger.services.log.merkle_log import entry_row
from ledger.services.node.context import Node
from ledger.services.records import foreign_history, item_tokens


@dataclass(frozen=True)
class Opened:
    """A parcel with everything in it parsed; ``events`` are None where a document was destroyed,
    ``record`` where its key was not given. The statements of ``bundle`` are those of the branch;
    ``beside`` stand what logs hold besides.
    """

    parcel: Parcel
    bundle: Bundle
    beside: tuple[BundledStatement, ...]
    statements: tuple[Statement, ...]
    events: tuple[Event | None, ...]
    record: bytes | None

    def filled(self) -> Bundle:
        """The bundle with its documents."""
        rows = tuple(
            statement
            if event is None
            else replace(
                statement,
                document=event.raw,
                disclosures=tuple(shown.encoded for shown in event.disclosures),
            )
            for statement, event in zip(self.bundle.statements, self.events, strict=True)
        )
        return replace(self.bundle, statements=(*rows, *self.beside))

    def kept(self) -> bytes:
        """What is kept of it as the record: without documents and proofs of the chain."""
        whole = (*self.bundle.statements, *self.beside)
        return replace(self.bundle, statements=whole).with_chain(None).encode()


def open_parcel(node: Node, data: bytes, evidence: str) -> Opened:
    """Parse a parcel and open its documents.

    Returns:
        the parcel, with every document that a key in it opens.

    Raises:
        FormatError, VerificationError, KeyringError: it is malformed, about another item, or not
            for us.
    """
    given = parcel.parse(data)
    bundle = bundles.parse(given.bundle)
    if bundle.evidence != evidence:
        raise VerificationError(2, "the parcel holds another item than was asked for")
    if any(row.document is not None or row.disclosures for row in bundle.statements):
        # Nobody would look at them, and they would be kept with the record.
        raise VerificationError(2, "the parcel holds documents that are not sealed")
    keys = _Keys(node, given.grants, evidence)
    sealed = {part.digest: part for part in given.documents}
    whole = [statements.parse_entry(statement.entry) for statement in bundle.statements]
    count = shown_branch.length(whole)
    parsed, beside = tuple(whole[:count]), bundle.statements[count:]
    bundle = replace(bundle, statements=bundle.statements[:count])
    events: list[Event | None] = []
    for statement in parsed:
        document = sealed.get(statement.payload)
        key = keys.document(statement.payload) if document is not None else None
        if document is None or key is None:
            events.append(None)
            continue
        raw = content_encryption.open_sealed_document(key, document.digest, document.sealed)
        shown = [(digest, data, keys.disclosure(digest)) for digest, data in document.disclosures]
        opened = [
            content_encryption.open_sealed_disclosure(key, digest, data)
            for digest, data, key in shown
            if key is not None
        ]
        events.append(documents.parse(raw, opened))
    return Opened(given, bundle, beside, parsed, tuple(events), keys.record)


class _Keys:
    """The keys in a parcel that are sealed to our node: of the whole record, or of single documents
    and disclosures.
    """

    def __init__(self, node: Node, given: tuple[bytes, ...], evidence: str) -> None:
        self.record: bytes | None = None
        self._single: dict[tuple[str, bytes], bytes] = {}
        for grant in map(grants.parse, given):
            if grant.evidence != evidence_bytes(evidence):
                raise VerificationError(2, "the parcel holds a key of another item")
            if grant.scope == "record" and grant.recipient in node.keys.recipients:
                if self.record is not None:
                    raise VerificationError(2, "the parcel holds two record keys")
                self.record = node.keys.open(grant)
            elif grant.scope in ("document", "disclosure") and grant.binding is not None:
                self._single[grant.scope, grant.binding] = node.keys.open(grant)

    def document(self, digest: bytes) -> bytes | None:
        """The key of a document, if it was given to us."""
        return (
            content_encryption.document_key(self.record, digest)
            if self.record is not None
            else self._single.get(("document", digest))
        )

    def disclosure(self, digest: bytes) -> bytes | None:
        """The key of a disclosure, if it was given to us."""
        return (
            content_encryption.disclosure_key(self.record, digest)
            if self.record is not None
            else self._single.get(("disclosure", digest))
        )


def require_whole(events: Iterable[Event | None]) -> None:
    """Check of documents that bind us once we take what they are about that nothing in them is
    withheld: a giver who leaves a condition out would have us take it on without.

    Raises:
        VerificationError: members are withheld.
    """
    for event in events:
        if event is not None and event.withheld:
            raise VerificationError(
                2,
                f"members of event {event.value['seq']} are withheld from us: "
                f"{', '.join(event.withheld)}",
                hint="ask the giver for all of it; take nothing whose conditions are not shown",
            )


class OwnView(ContractState):
    """The contracts as our own chain has them in its newest final block.

    Args:
        until: a bundle that shows the item as it stood after its last concluded handover;
            commitments to handovers are never altered, so that what the contract said then follows
            from what it says now. None for the item as it stands now.
    """

    def __init__(self, node: Node, until: Bundle | None = None, ref: bytes = b"") -> None:
        chain = node.contracts.chain
        number = chain.final()
        header = evm.parse_header(chain.block(number).header)
        super().__init__(number, header.time)
        self._chain = chain
        self._root = header.state_root
        self._addresses = {"registry": node.contracts.registry, "ledger": node.contracts.ledger}
        self._hops = (
            tuple(hop for hop in until.hops if hop.outcome != contract_layout.OPEN)
            if until is not None
            else ()
        )
        self._slot = (
            contract_layout.custody_slot(contract_layout.custody_key(agency_id(until.origin), ref))
            if until is not None
            else b""
        )

    def read(self, contract: ContractName, slot: bytes, *, step: int, what: str) -> bytes:  # noqa: ARG002  (of the port)
        """A word, proven to us by the node of the chain that we use."""
        address = self._addresses[contract]
        proof = self._chain.prove(address, [slot], self.number)
        word = evm.prove_storage(
            evm.prove_account(self._root, address, proof.account).storage_root,
            slot,
            proof.storage[0],
        )
        if (
            slot != self._slot
            or not self._hops
            or contract_layout.unpack_custody(word).hops <= len(self._hops)
        ):
            return word
        last = self._hops[-1]
        holder = last.taker if last.outcome == contract_layout.ACCEPTED else last.giver
        return bytes(4) + len(self._hops).to_bytes(4, "big") + holder[:24]


def verify_bundle(
    node: Node, bundle: Bundle, state: ContractState | None = None, *, is_excerpt: bool = False
) -> None:
    """The ten steps of verification, the chain judged by our own view of it.

    Args:
        is_excerpt: we asked for it up to an event: what else its sender's log holds does not
            matter.

    Raises:
        VerificationError, IncompleteError: it does not verify.
    """
    chain = node.contracts.chain

    def confirm(number: int, _: bytes) -> set[bytes]:
        if chain.final() < number:
            raise IncompleteError(
                7, f"block {number} is not final here yet", hint="try again in a moment"
            )
        return {chain.block(number).hash}

    root = agency_trust.of_contracts(node.contracts, node.agency, seal_rules=[], confirmations=0)
    report = procedure.verify_bundle(
        bundle, root, confirm=confirm, state=state, is_excerpt=is_excerpt
    )
    if report.verdict is not Verdict.VERIFIED:
        bad = next(
            (
                step
                for step in report.steps.values()
                if step.status in (Status.FAILED, Status.NOT_CHECKED)
            ),
            report.steps[1],
        )
        kind = VerificationError if report.verdict is Verdict.FAILED else IncompleteError
        raise kind(
            bad.number,
            f"what the other agency's node sent does not verify: {bad.detail}",
            hint=bad.hint or "ask that agency",
        )
    if any(one["standing"] in ("fork", "opened twice") for one in report.beside):
        raise VerificationError(
            8,
            "the log of the other agency has more than one history of the item",
            hint="refuse it: ask that agency why",
        )


def require_history(
    unit: UnitOfWork, state: ItemState, origin: str, parsed: tuple[Statement, ...]
) -> None:
    """Check that what came is about the very item that is known here, and goes on from what is
    known of it.

    Raises:
        VerificationError: another item of that name, or another history of it.
    """
    same = (origin, parsed[0].claims.ref) == (state.origin, state.ref)
    known = [row for row in unit.logs.events(state.evidence) if row.seq <= state.seq]
    if (
        not same
        or len(parsed) <= state.seq
        or any(parsed[row.seq].digest != row.digest for row in known)
    ):
        raise VerificationError(
            8,
            "another item, or another history of it, is known here under that name",
            hint="ask where it comes from",
        )


def keep(
    node: Node, unit: UnitOfWork, opened: Opened, numbers: Iterable[int], key: bytes | None
) -> None:
    """Keep these events of a verified parcel: entries of other logs, certificates, documents sealed
    anew, and what they are found by.

    Args:
        key: the item's record key here; None where it was destroyed, and with it what documents
            say.

    Raises:
        VerificationError: an event in our own log that is not there. ConflictError: another entry
            is known at its place.
    """
    ders = {certificates.parse(der).digest: der for der in opened.bundle.certificates}
    for number in numbers:
        statement, event = opened.statements[number], opened.events[number]
        log = log_of(node, opened.bundle, opened.bundle.statements[number])
        if log == node.log_id:
            if unit.logs.entry_by_digest(statement.digest) is None:
                raise VerificationError(
                    5,
                    "the parcel shows an event in our log that is not there",
                    hint="run: custody doctor",
                )
            continue
        unit.logs.keep_entry(
            replace(entry_row(log, statement), index=opened.bundle.statements[number].index)
        )
        unit.people.put_certificate(statement.certificate, ders[statement.certificate])
        if event is None or key is None:
            continue
        evidence = opened.bundle.evidence
        unit.documents.keep(
            event.digest, evidence, content_encryption.seal_document(key, event.raw)
        )
        for position, shown in enumerate(event.disclosures):
            unit.documents.keep_disclosure(
                shown.digest,
                event.digest,
                position,
                content_encryption.seal_disclosure(key, shown.encoded),
            )
        for link in foreign_history.links_of(event):
            unit.copies.put_link(link)
    if key is not None:
        item_tokens.index(node, unit, opened.bundle.evidence, key)


def log_of(node: Node, given: Bundle, bundled: BundledStatement) -> bytes:
    """Id of the log that sequenced a statement."""
    ref = given.logs[bundled.log]
    return node.contracts.log_id(agency_id(ref.agency), ref.number)
