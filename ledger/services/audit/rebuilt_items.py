"""Rebuilds items in an empty database, for an audit to compare with the home's.

The statements of each item are applied once more in their order: those of our log, and those of the
record that came with an item from another agency. How a handover ended is taken from the chain.
Items whose keys were destroyed are rebuilt from statements alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from ledger.domain.audit.contract_events import handover_given
from ledger.domain.blocks import dag
from ledger.domain.bundle.bundle import Bundle, BundledStatement
from ledger.domain.bundle.parcel import Parcel
from ledger.domain.chain import contract_layout
from ledger.domain.chain.contract_layout import Hop
from ledger.domain.crypto import content_encryption
from ledger.domain.errors import CustodyError, DeniedError, RuleError
from ledger.domain.event import document as documents
from ledger.domain.event.document import Event
from ledger.domain.identity.names import agency_id
from ledger.domain.item.custody_transitions import ItemState
from ledger.domain.item.item_history import ItemHistory
from ledger.domain.item.recorded_event import RecordedEvent
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Statement
from ledger.domain.verify import shown_branch
from ledger.rows.handovers import LinkRow, TransferStepRow
from ledger.rows.items import ItemRow, ShareRow
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.audit import rebuilt_erasures, stored_items
from ledger.services.audit.foreign_history import InheritedRecords
from ledger.services.audit.rebuilding import Rebuild
from ledger.services.audit.row_comparison import shown
from ledger.services.audit.stored_items import ReconstructedItem, StoredItem, StoredItems, names
from ledger.services.bundles import unpacking
from ledger.services.bundles.unpacking import Opened
from ledger.services.handovers import incoming_parcels
from ledger.services.onchain import transfer_steps
from ledger.services.records import foreign_history, record_keys
from ledger.services.registration import sequencing

_LIMIT: Final = 10_000


def rebuild_items(
    book: Rebuild,
    take: Callable[[UnitOfWork, ReconstructedItem], None],
    advance: Callable[[int], None],
) -> tuple[int, int]:
    """Rebuild every item, and hand each to ``take`` with the rebuilt database.

    Args:
        advance: called with the number of items of each page that is done.

    Returns:
        how many items there are, and how many documents were looked for.
    """
    records, count, opened = InheritedRecords(book.node, book.state, book.authorities), 0, 0
    for page in names(book):
        with book.node.records.read() as unit, book.into.write() as into:
            stored = StoredItems(unit, page)
            for evidence in page:
                replay = _Replay(book, unit, into, records, stored, evidence)
                with book.guarded(f"item {evidence}"):
                    take(into, replay.run())
                count, opened = count + 1, opened + replay.opened
        advance(len(page))
    return count, opened


@dataclass
class _Replay:
    """One item, taken again statement by statement into the empty database."""

    book: Rebuild
    unit: UnitOfWork
    into: UnitOfWork
    records: InheritedRecords
    stored: StoredItems
    evidence: str
    events: dict[bytes, Event] = field(default_factory=dict)
    opened: int = 0
    _seen: set[bytes] = field(default_factory=set)

    def run(self) -> ReconstructedItem:
        """Apply every statement of the item in its order.

        Returns:
            the item as it should be.
        """
        self.erasure = self.stored.erasures.get(self.evidence)
        self.erased = self.erasure is not None and self.erasure.state != "due"
        self.key = self._record_key()
        self.bundle = self._inherited()
        self.foreign = self._taken_over()
        self.known = self.stored.items.get(self.evidence)
        self.transfer_steps = self.stored.transfer_steps.get(self.evidence, {})
        own = sorted(self.into.logs.events(self.evidence, void=True), key=lambda row: row.index)
        # One that never left needs no look at the chain: what we have just written is what stands.
        self.left = (
            self.bundle is not None
            or bool(self.transfer_steps)
            or any(row.effect == "offer" for row in own)
        )
        self.current: ItemRow | None = None
        for row in own:
            if row.log == self.book.node.log_id:
                self._catch_up(row.seq)
                self._take(row)
        self._catch_up(None)
        if self.bundle is not None:
            self.into.transfers.put_inherited(self.evidence, self.bundle.encode())
        assert self.current is not None
        self._carry(self.current, own)
        return self._examined(self.current, own)

    def _record_key(self) -> bytes | None:
        if self.erased:
            return None
        node = self.book.node
        mine = node.keys.recipients
        grants = self.stored.grants.get(self.evidence, [])
        try:
            ours = (
                row["data"]
                for row in grants
                if row["scope"] == "record" and row["recipient"] in mine
            )
            return record_keys.open_record_key(node, next(ours, None))
        except (CustodyError, ValueError):
            return None  # told where keys are checked, and by every document that does not open

    def _inherited(self) -> Bundle | None:
        data = self.unit.transfers.inherited(self.evidence)
        if data is None:
            return None
        try:
            return self.records.check(self.evidence, data)
        except CustodyError as error:
            self.book.find(
                "row-edited",
                f"inherited {self.evidence}",
                "the record that came with the item",
                error.message,
            )
            self.book.reported.add(f"inherited {self.evidence}")
            # What can still be told of the item is told from it.
            bundle = foreign_history.inherited(self.unit, self.evidence)
            return bundle if bundle is not None and bundle.evidence == self.evidence else None

    def _taken_over(self) -> list[tuple[BundledStatement, Statement]]:
        """The statements of the inherited record, up to the last one that the home took over. A
        record that tells how a handover ended may go on beyond that.
        """
        rows = self.bundle.statements if self.bundle is not None else ()
        parsed = [(row, statements.parse_entry(row.entry)) for row in rows]
        del parsed[shown_branch.length([statement for _, statement in parsed]) :]
        while parsed and self.unit.logs.entry_by_digest(parsed[-1][1].digest) is None:
            parsed.pop()
        return parsed

    def _take(self, row: EntryRow) -> None:
        """A statement of our own log."""
        statement = statements.parse_entry(row.entry)
        certificate = self.book.certificate(self.unit, statement.certificate)
        if certificate is None:
            place = f"certificate {shown(statement.certificate)}"
            self.book.find("row-missing", place, "an entry is signed with it", "none")
            raise DeniedError(f"the certificate of entry {row.index} is missing")
        event = self._event(statement, row.index)
        content = event.content if event is not None and row.effect == "open" else None
        stored = StoredItem(statement, certificate, event, content)
        item = sequencing.item_after(self.book.node, stored, self.current)
        # The document that named the CID was destroyed: only the home has it; see
        # column_sources.PARTLY.
        if row.effect == "open" and event is None and self.known is not None:
            item = replace(item, cid=self.known.cid)
        self.current = sequencing.write(self.book.node, self.into, stored, row, item, self.key)

    def _event(self, statement: Statement, index: int) -> Event | None:
        """The document of a statement, opened with its disclosures; None where it was destroyed, or
        is not what was signed.
        """
        if statement.digest in self._seen:
            return self.events.get(statement.digest)
        self._seen.add(statement.digest)
        place = f"document of entry {index}, event {statement.claims.seq} of {self.evidence}"
        sealed = self.unit.documents.get(statement.payload)
        if sealed is None and not self.erased:
            self._tell(statement, "document-missing", place, "the document that was signed", "none")
        if sealed is not None and self.erased:
            called_for = "nothing, as the keys were destroyed"
            self._tell(statement, "document-left", place, called_for, "a sealed document")
        if sealed is None or self.erased:
            return None
        try:
            if self.key is None:
                raise DeniedError("the key of the record is not there")
            raw = content_encryption.open_document(self.key, statement.payload, sealed)
            given = self.unit.documents.disclosures(statement.payload)
            event = documents.parse(
                raw,
                [
                    content_encryption.open_disclosure(self.key, digest, disclosure)
                    for digest, disclosure in given
                ],
            )
            # Nothing was registered without all of its disclosures.
            documents.require_complete(event)
        except CustodyError as error:
            self._tell(
                statement,
                "document-differs",
                place,
                f"a document of SHA-256 {shown(statement.payload)}",
                error.message,
            )
            return None
        self.events[statement.digest] = event
        self.opened += 1
        return event

    def _tell(self, statement: Statement, code: str, place: str, expected: str, found: str) -> None:
        self.book.find(code, place, expected, found)
        self.book.reported.add(f"document {shown(statement.payload)}")

    def _catch_up(self, until: int | None) -> None:
        """Apply what other logs sequenced and what the contract decided before our statement at seq
        ``until``; None for all of it.
        """
        while self.left:
            item, rows = (
                self.into.items.get(self.evidence),
                self.into.transfers.of_item(self.evidence),
            )
            self.current = item
            last = rows[-1] if rows and rows[-1].state in transfer_steps.UNSETTLED else None
            if item is not None and last is not None and self._settle(item.state, last, until):
                continue
            reached = item.state.seq if item is not None else -1
            count = sum(
                until is None or statement.claims.seq < until for _, statement in self.foreign
            )
            if count == 0 or self.foreign[count - 1][1].claims.seq <= reached:
                return
            self._receive(count)
            item = self.into.items.get(self.evidence)
            if item is None or item.state.seq <= reached:
                raise RuleError(
                    "the record that came with the item does not go on from what is known of it"
                )

    def _settle(self, state: ItemState, row: TransferStepRow, until: int | None) -> bool:
        """Take over what the contract says of an open handover, as far as the node had looked;
        whether anything changed.
        """
        on_chain, ours = (
            handover_given(self.book.state, row.offer, agency_id(row.giver)),
            self.transfer_steps.get(row.number),
        )
        # A statement of ours that follows the outcome shows that the node knew the outcome.
        looked = until is not None and until > state.seq + 1
        if (
            on_chain is not None
            and not row.offer_time
            and (looked or (ours is not None and transfer_steps.has_seen_offer(ours)))
        ):
            self.into.transfers.put(
                replace(
                    transfer_steps.taken(row, on_chain.hop.offer_time), expires=on_chain.hop.expires
                )
            )
            return True
        if until is not None and not looked:
            return False
        node = self.book.node
        if (
            on_chain is not None
            and on_chain.hop.outcome != contract_layout.OPEN
            and (looked or (ours is not None and ours.state == "concluded"))
        ):
            hop = on_chain.hop
            digests = [statement.digest for _, statement in self.foreign]
            if hop.outcome_digest in digests:
                self._keep(digests.index(hop.outcome_digest) + 1)
            done = replace(
                row, outcome=hop.outcome, outcome_digest=hop.outcome_digest, time=hop.time, sent=b""
            )
            transfer_steps.conclude(node, self.into, done)
            return True
        if (
            on_chain is None
            and row.state == "concluding"
            and (looked or (ours is not None and ours.state == "lapsed"))
        ):
            transfer_steps.conclude(node, self.into, row, state="lapsed")
            return True
        return False

    def _record_up_to(self, count: int) -> Opened:
        """The record up to its ``count``-th statement, with handovers as the chain tells them, the
        last one still open.
        """
        assert self.bundle is not None
        events = [
            self._event(statement, bundled.index) for bundled, statement in self.foreign[:count]
        ]
        hops: list[Hop] = []
        for _, statement in self.foreign[:count]:
            on_chain = (
                handover_given(
                    self.book.state, statement.digest, agency_id(statement.claims.issuer)
                )
                if statement.claims.effect == "offer"
                else None
            )
            if on_chain is not None:
                open_ = replace(
                    on_chain.hop, outcome=contract_layout.OPEN, outcome_digest=bytes(32), time=0
                )
                hops.append(open_ if statement is self.foreign[count - 1][1] else on_chain.hop)
        bundle = replace(self.bundle, statements=self.bundle.statements[:count], hops=tuple(hops))
        return Opened(
            Parcel(b"", (), ()),
            bundle,
            (),
            tuple(statement for _, statement in self.foreign[:count]),
            tuple(events),
            self.key,
        )

    def _keep(self, count: int) -> None:
        """Keep what other logs sequenced, up to the ``count``-th statement of the record."""
        unpacking.keep(self.book.node, self.into, self._record_up_to(count), range(count), self.key)

    def _receive(self, count: int) -> None:
        opened = self._record_up_to(count)
        state, rows = incoming_parcels.replay(opened)
        cid = self.known.cid if self.known is not None else None
        if (opening := opened.events[0]) is not None:
            cid = dag.root_of(opening.content) if opening.content is not None else None
        place = stored_items.place_of(self.known, self.into.items.newest_place() + 1)
        incoming_parcels.write(self.book.node, self.into, opened, state, rows, cid, place, self.key)

    def _carry(self, item: ItemRow, own: list[EntryRow]) -> None:
        """Copy from the home what follows from no statement (see column_sources.PARTLY)."""
        into, unit = self.into, self.unit
        if self.erasure is not None:
            erasure, erased = self.erasure, self.erased
            rebuilt_erasures.carry(self.book, unit, into, erasure, item, own, erased=erased)
        if self.left:
            for row in into.transfers.of_item(self.evidence):
                sent = rebuilt_erasures.sent(self.book, row, self.transfer_steps.get(row.number))
                if sent != row.sent:
                    into.transfers.put(replace(row, sent=sent))
        if self.erased:
            self._carry_rows(own)

    def _carry_rows(self, own: list[EntryRow]) -> None:
        """Rows that a destroyed document told of."""
        into, unit = self.into, self.unit
        silent = {row.digest for row in own if row.effect == "none"}
        for link in unit.tables.rows("link", child=self.evidence):
            into.copies.put_link(LinkRow(**link))
        for given in unit.copies.of_item(self.evidence, _LIMIT):
            if given.statement in silent:
                into.copies.put(given)
        for share in unit.tables.rows("share", evidence=self.evidence):
            if share["statement"] in silent:
                into.items.put_share(ShareRow(**share))
        for opening in unit.tables.rows("opening", evidence=self.evidence):
            into.replicas.put_window(opening["evidence"], opening["until"])

    def _examined(self, item: ItemRow, own: list[EntryRow]) -> ReconstructedItem:
        rows = foreign_history.events_that_count(self.into, self.evidence) if self.left else own
        sequenced = [self.events.get(row.digest) for row in own if row.log == self.book.node.log_id]
        rebuilt = ReconstructedItem(
            item,
            rows,
            self.events,
            None,
            ItemHistory(),
            self.erasure,
            self.stored.grants.get(self.evidence, []),
            sequenced,
        )
        for row in self.into.logs.events(self.evidence) if self.left else own:
            if row.digest in self.events:
                rebuilt.history.take(RecordedEvent(row.digest, self.events[row.digest]))
        opening = self.events.get(rows[0].digest) if rows else None
        rebuilt.content = opening.content if opening is not None else None
        return rebuilt
