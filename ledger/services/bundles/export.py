"""Export of an item as a bundle: what our log proves of it, and what other agencies' logs proved
before it came to us.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ledger.domain.bundle.bundle import (
    Bundle,
    BundledCheckpoint,
    BundledDescriptor,
    BundledStatement,
    EntryList,
    LogRef,
)
from ledger.domain.chain import contract_layout
from ledger.domain.chain.contract_layout import Hop
from ledger.domain.errors import ConflictError, NotFoundError
from ledger.domain.event.document import Event
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.names import agency_id
from ledger.domain.log import receipt as receipts
from ledger.domain.log.merkle import leaf_hash
from ledger.rows.agencies import DescriptorRow
from ledger.rows.items import ItemRow
from ledger.rows.logs import CheckpointRow, EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.bundles import chain_proofs, descendants, entry_lists, timestamps
from ledger.services.log import merkle_log
from ledger.services.node.context import Node
from ledger.services.onchain import transfer_steps
from ledger.services.partners import directory
from ledger.services.records import documents, foreign_history
from ledger.services.registration import agency_statements

#: Chooses what of a document goes into a bundle: (document, disclosures), or (None, ()) for nothing
#: of it.
Shown = Callable[[int, Event], tuple[bytes | None, tuple[str, ...]]]
_Place = tuple[LogRef, int]


def everything(_: int, event: Event) -> tuple[bytes | None, tuple[str, ...]]:
    """Nothing is withheld: the document as it was signed, with all its disclosures."""
    return event.raw, tuple(disclosure.encoded for disclosure in event.disclosures)


def bundle(
    node: Node,
    evidence: str,
    *,
    until: int | None = None,
    is_excerpt: bool = False,
    shown: Shown | None = everything,
    prove: bool = True,
) -> Bundle:
    """The bundle of an item.

    Args:
        until: leave out events from this seq on, as far as they are not anchored: a bundle ends
            before the event that records its own export.
        is_excerpt: leave out the anchored ones, too. Such a bundle says of an event what it was,
            and nothing about what our log holds besides.
        shown: what of each document goes into it; None for no document at all, without opening any.
        prove: with proofs of the chain; without them it is a record of what logs say, for another
            node.

    Raises:
        NotFoundError: no such item. ConflictError: a handover is just being settled, or the item
            has gone on to others.
    """
    with node.records.read() as unit:
        item = unit.items.get(evidence)
        newest_own = unit.checkpoints.newest(node.log_id, ("final",))
        size = newest_own.size if newest_own is not None and not is_excerpt else 0
        rows = [
            row
            for row in foreign_history.events_that_count(unit, evidence)
            if until is None or row.seq < until or (row.log == node.log_id and row.index < size)
        ]
        if item is None or not rows:
            raise NotFoundError("no such item")
        firsts = [unit.checkpoints.covering(row.log, row.index) for row in rows]
        last_proven = max(
            (first.time for first in firsts if first is not None and first.state == "final"),
            default=0,
        )
        newest = unit.authority.newest_crl()
        stale = newest is None or newest.issued < last_proven
        signers = {
            certificates.parse(unit.people.certificate(row.certificate) or b"").agency
            for row in rows
            if row.log == node.log_id
        }
    if stale and last_proven:
        with node.records.write() as unit:
            agency_statements.fresh_crl(node, unit, last_proven)
    for code in sorted(signers - {node.agency}):
        directory.renew_crl(node, code, last_proven)
    with node.records.read() as unit:
        draft = _BundleBuilder(node, unit, item)
        for row in rows:
            draft.add(row, shown)
        draft.add_lists(own=not is_excerpt)
        return draft.finish(prove=prove)


@dataclass
class _BundleBuilder:
    """A bundle in the making."""

    node: Node
    unit: UnitOfWork
    item: ItemRow
    statements: list[tuple[BundledStatement, LogRef, int | None]] = field(default_factory=list)
    checkpoints: dict[_Place, BundledCheckpoint] = field(default_factory=dict)
    certificates: dict[bytes, bytes] = field(default_factory=dict)
    proven: list[tuple[str, int]] = field(default_factory=list)
    lists: dict[LogRef, tuple[int, EntryList]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unit, node = self.unit, self.node
        self.inherited = foreign_history.inherited(unit, self.item.state.evidence)
        self._foreign = (
            {leaf_hash(statement.entry): statement for statement in self.inherited.statements}
            if self.inherited is not None
            else {}
        )
        self._newest = unit.checkpoints.newest(node.log_id, ("final",))
        log = unit.logs.get(node.log_id)
        assert log is not None
        self._own = LogRef(node.agency, log.number)
        # One for all receipts: it keeps the tiles that it has read.
        self._read = merkle_log.reader(unit, node.log_id)

    def add(self, row: EntryRow, shown: Shown | None) -> None:
        """Add the item's next event, with what its log proves of it."""
        event = documents.read_event(self.node, self.unit, row) if shown is not None else None
        document, disclosures = (
            shown(row.seq, event) if shown is not None and event is not None else (None, ())
        )
        if row.log == self.node.log_id:
            receipt, first = self._prove(row)
            log, index = self._own, row.index
        else:
            log, index, receipt, first = self._inherit(row.digest)
        der = self.unit.people.certificate(row.certificate)
        if der is not None:
            self.certificates[row.certificate] = der
            if first is not None:
                self.proven.append(
                    (certificates.parse(der).agency, self.checkpoints[log, first].time)
                )
        self.statements.append(
            (
                BundledStatement(0, index, row.entry, document, disclosures, receipt, None),
                log,
                first,
            )
        )

    def add_lists(self, *, own: bool) -> None:
        """Add what the logs hold of the item, as their item maps prove it, with every entry that
        is not on the branch: what a log holds is shown, whatever became of it.
        """
        evidence, shown = self.item.state.evidence, {row.entry for row, _, _ in self.statements}
        besides: list[tuple[bytes, LogRef, int, bytes | None, int | None]] = []
        if self.inherited is not None:
            for log, size, row in entry_lists.inherited_lists(self.inherited, self._own):
                self.lists[log] = size, row
            for bundled in entry_lists.beside(self.inherited):
                if self.inherited.logs[bundled.log] in self.lists and bundled.entry not in shown:
                    besides.append((bundled.entry, *self._inherit(leaf_hash(bundled.entry))))
        if own and self._newest is not None:
            for entry in entry_lists.own_entries(self.unit, evidence, self._newest):
                if entry.entry not in shown:
                    besides.append((entry.entry, self._own, entry.index, *self._prove(entry)))
            listed = entry_lists.own_list(self.unit, evidence, self._newest)
            self.checkpoints[self._own, self._newest.size] = _checkpoint(self._newest)
            self.lists[self._own] = self._newest.size, listed
        for raw, log, index, receipt, first in besides:
            row_beside = BundledStatement(0, index, raw, None, (), receipt, None)
            self.statements.append((row_beside, log, first))

    def _prove(self, row: EntryRow) -> tuple[bytes | None, int | None]:
        """Receipt at our newest final checkpoint, and the size of the first one that covers the
        entry.
        """
        newest = self._newest
        if newest is None or row.index >= newest.size:
            return None, None
        first = self.unit.checkpoints.covering(row.log, row.index)
        assert first is not None
        for checkpoint in (first, newest, self._stamped(first)):
            if checkpoint is not None:
                self.checkpoints[self._own, checkpoint.size] = _checkpoint(checkpoint)
        # Under the key that its verifier asks for: that of the version which the chain names.
        key = self.node.log_key(self.unit, newest.version)
        return merkle_log.receipt(key, row, self._read, newest.size).encode(), first.size

    def _stamped(self, first: CheckpointRow) -> CheckpointRow | None:
        """The first checkpoint from there on that a time authority stamped: it saw the entry."""
        size = self.unit.timestamps.stamped_from(first.log, first.size)
        if size is None or self._newest is None or size > self._newest.size:
            return None
        return self.unit.checkpoints.covering(first.log, size - 1)

    def _inherit(self, digest: bytes) -> tuple[LogRef, int, bytes | None, int | None]:
        """What another agency's log proved of an event."""
        if self.inherited is None or digest not in self._foreign:
            raise NotFoundError(
                "what another agency's log proves of this item is not here",
                hint="run: custody doctor",
            )
        bundled, given = self._foreign[digest], self.inherited
        log = given.logs[bundled.log]
        if bundled.receipt is None or bundled.first is None:
            return log, bundled.index, None, None
        size = receipts.parse(bundled.receipt).size
        for checkpoint in given.checkpoints:
            if checkpoint.log == bundled.log and checkpoint.size in (
                size,
                given.checkpoints[bundled.first].size,
                timestamps.stamped_size(given, bundled),
            ):
                self.checkpoints[log, checkpoint.size] = checkpoint
        return log, bundled.index, bundled.receipt, given.checkpoints[bundled.first].size

    def finish(self, *, prove: bool) -> Bundle:
        """The bundle, with proofs of the chain where something in it is anchored."""
        logs = list(dict.fromkeys([*(log for _, log, _ in self.statements), *self.lists]))
        order = sorted(self.checkpoints, key=lambda place: (logs.index(place[0]), place[1]))
        numbers = {place: number for number, place in enumerate(order)}
        statements = tuple(
            replace(
                bundled, log=logs.index(log), first=None if first is None else numbers[log, first]
            )
            for bundled, log, first in self.statements
        )
        assembled = Bundle(
            evidence=self.item.state.evidence,
            origin=self.item.state.origin,
            logs=tuple(logs),
            statements=statements,
            certificates=tuple(self.certificates.values()),
            crls=self._crls(),
            checkpoints=tuple(
                replace(self.checkpoints[place], log=logs.index(place[0])) for place in order
            ),
            descriptors=(),
            hops=(),
            chain=None,
            lists=entry_lists.numbered(self.lists, numbers),
        )
        if not order:
            return assembled
        assembled = timestamps.stamped(self.unit, assembled, self.inherited)
        versions, registry_slots = self._descriptors(logs)
        if not prove:
            return replace(
                assembled,
                descriptors=versions,
                hops=transfer_steps.hops(self.unit, assembled.evidence),
            )
        block = descendants.choose(
            self.node.contracts.chain,
            self.node.seal_rules,
            max(
                *(checkpoint.block for checkpoint in assembled.checkpoints),
                *(version.block for version in versions),
            ),
        )
        hops = self._hops(block.number)
        assembled = replace(assembled, descriptors=versions, hops=hops)
        return assembled.with_chain(
            chain_proofs.prove(self.node, self.item, assembled, registry_slots, block)
        )

    def _crls(self) -> tuple[bytes, ...]:
        agencies = {certificates.parse(der).agency for der in self.certificates.values()} - {
            self.node.agency
        }
        rows = [self.unit.partners.get(code) for code in sorted(agencies)]
        newest = self.unit.authority.newest_crl()
        own = [newest.der] if newest is not None else []
        inherited = list(self.inherited.crls) if self.inherited is not None else []
        return tuple(
            dict.fromkeys(
                [*own, *inherited, *(row.crl for row in rows if row is not None and row.crl)]
            )
        )

    def _hops(self, block: int) -> tuple[Hop, ...]:
        hops = transfer_steps.hops(self.unit, self.item.state.evidence)
        seen = transfer_steps.query_contract(self.node, self.item, block)
        concluded = sum(hop.outcome != contract_layout.OPEN for hop in hops)
        if seen.hops > concluded and self.item.state.custodian != self.node.agency:
            raise ConflictError(
                f"the item has gone on from {self.item.state.custodian}",
                hint="ask the agency that holds it now for a bundle",
            )
        if (seen.hops, seen.open) != (concluded, len(hops) > concluded):
            raise ConflictError(
                "a handover of this item is just being settled on the chain",
                hint="try again in a moment",
            )
        return hops

    def _known(self, agency: str) -> dict[int, DescriptorRow]:
        """The versions of an agency's descriptor that are known here."""
        if agency == self.node.agency:
            return {row.version: row for row in self.unit.authority.descriptors()}
        inherited = [
            (descriptors.parse(descriptor.document), descriptor)
            for descriptor in (self.inherited.descriptors if self.inherited is not None else ())
        ]
        rows = [
            DescriptorRow(
                parsed.version, descriptor.document, descriptor.active_from, descriptor.block
            )
            for parsed, descriptor in inherited
            if parsed.agency == agency
        ]
        return {row.version: row for row in (*rows, *self.unit.partners.descriptors(agency))}

    def _descriptors(self, logs: list[LogRef]) -> tuple[tuple[BundledDescriptor, ...], list[bytes]]:
        """The versions that checkpoints name and those in force at proven times, with the proof
        that nothing came between.
        """
        wanted: set[tuple[str, int]] = {
            (log.agency, checkpoint.version) for (log, _), checkpoint in self.checkpoints.items()
        }
        absent: set[tuple[str, int]] = set()
        known = {
            agency: self._known(agency)
            for agency in {log.agency for log in logs} | {agency for agency, _ in self.proven}
        }
        for agency, time in set(self.proven):
            in_force = max(
                (row.version for row in known[agency].values() if row.active_from <= time),
                default=None,
            )
            if in_force is None:
                raise NotFoundError(
                    f"no descriptor of {agency} is known for the time of an event",
                    hint="add the agency as a partner",
                )
            wanted.add((agency, in_force))
            (wanted if in_force + 1 in known[agency] else absent).add((agency, in_force + 1))
        rows = [known[agency][version] for agency, version in sorted(wanted)]
        bundled = tuple(BundledDescriptor(row.document, row.active_from, row.block) for row in rows)
        return bundled, [
            contract_layout.descriptor_slot(agency_id(agency), version)
            for agency, version in sorted(wanted | (absent - wanted))
        ]


def _checkpoint(row: CheckpointRow) -> BundledCheckpoint:
    return BundledCheckpoint(
        0,
        row.prev,
        row.size,
        row.root,
        row.map_root,
        row.version,
        row.time,
        row.block,
        row.note,
    )
