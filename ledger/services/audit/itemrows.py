"""Rows about items against what was signed: the item, its documents, what it is found by, where it came from, and its keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from ledger.domain import custody, grants
from ledger.domain import statement as statements
from ledger.domain.audit.findings import Finding
from ledger.domain.audit.report import Report
from ledger.domain.custody import ItemState
from ledger.domain.encoding import evidence_bytes, parse_time
from ledger.domain.envelope import Content, parse_content
from ledger.domain.errors import CustodyError
from ledger.domain.event import document as documents
from ledger.domain.event.document import Event
from ledger.domain.grants import HpkePrivateKey
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.person import PersonId
from ledger.domain.life import Life, Told
from ledger.domain.merkle import leaf_hash
from ledger.domain.records import PLACES, EntryRow, ItemRow
from ledger.domain.unit import Unit
from ledger.services import dag, inheritance, reading, recordkeys
from ledger.services.audit.logrows import LogRows
from ledger.services.node import Node

_OWNERS: Final = [("item", "evidence")]


@dataclass
class Examined:
    """An item as it should be: its events with their documents, its content, its life, and sealed content keys."""

    item: ItemRow
    rows: list[EntryRow]
    events: dict[bytes, Event]
    content: Content | None
    life: Life
    erased: bool
    keys: tuple[bytes, ...] = ()


class ItemRows:
    """Compares what the database says about items.

    Args:
        keys: HPKE keys at hand, the node's among them: grants made to them are opened.
    """

    def __init__(self, node: Node, rows: LogRows, report: Report, keys: list[HpkePrivateKey]) -> None:
        self._node = node
        self._rows = rows
        self._report = report
        self._keys = {key.public.digest: key for key in keys}
        self.documents = self.grants = self.opened = 0

    def _find(self, code: str, place: str, expected: str, found: str) -> None:
        self._report.add(Finding(code, place, expected, found))

    def run(self, progress: Callable[[int], None], take: Callable[[Unit, Examined], None]) -> int:
        """Compare every item, and hand each to ``take``; how many there are."""
        after, count = -1, 0
        with self._node.records.read() as unit:
            allowed = self._known_recipients(unit)
        while True:
            with self._node.records.read() as unit:
                page = unit.items(after=after, limit=100, person=None, evidence=None)
                for item in page:
                    with self._rows.guarded(f"item {item.state.evidence}"):
                        take(unit, self._item(unit, item, allowed))
            if not page:
                break
            after, count = page[-1].opened, count + len(page)
            progress(len(page))
        with self._node.records.read() as unit:
            self._strays(unit)
        return count

    def _strays(self, unit: Unit) -> None:
        rows = self._rows
        for table in ("grant", "blind_index", "crossing", "inherited", "erasure", "opening", "replication_target", "holding"):
            rows.stray(unit, table, "evidence", _OWNERS, "there is no such item")
        rows.stray(unit, "link", "child", _OWNERS, "there is no such item")
        rows.stray(unit, "document", "digest", [("entry", "payload")], "no entry was signed over it")
        rows.stray(unit, "disclosure", "document", [("document", "digest")], "there is no such document")
        rows.stray(unit, "given", "statement", [("entry", "digest")], "there is no such statement")
        for value in unit.stray("entry", "evidence", _OWNERS, 200):
            if value.startswith("urn:uuid:"):
                rows.missing("item", value, "it has events in the log")

    def _known_recipients(self, unit: Unit) -> set[bytes]:
        """Keys that something may be sealed to: of the agency, of other agencies, and of people who were enrolled or admitted."""
        documents = [row["document"] for table in ("descriptor", "partner_descriptor") for row in unit.rows(table)]
        parsed = [descriptors.parse(one) for one in documents]
        people = {reading.hpke_key(person).digest for person in unit.people()}
        return {key.digest for one in parsed for key in (one.node, one.custody)} | people

    def _item(self, unit: Unit, item: ItemRow, allowed: set[bytes]) -> Examined:
        evidence = item.state.evidence
        erasure = unit.erasure(evidence)
        erased = erasure is not None and erasure.state != "due"
        rows = inheritance.events_that_count(unit, evidence)
        examined = Examined(item, rows, {}, None, Life(), erased)
        every = unit.events(evidence, void=True)
        self._inherited(unit, evidence, every)
        for row in every:
            event = self._document(unit, row, erased=erased)
            if event is None:
                continue
            examined.events[row.digest] = event
            if not row.void:
                examined.life.take(Told(row.digest, event))
        opening = examined.events.get(rows[0].digest) if rows else None
        if opening is not None and "content" in opening.body:
            examined.content = parse_content(opening.body["content"], opening.body["size"])
        self._state(unit, examined, every)
        if not erased:
            self._index(unit, examined)
            self._links(unit, examined, opening)
        self._grants(unit, examined, allowed)
        return examined

    def _inherited(self, unit: Unit, evidence: str, every: list[EntryRow]) -> None:
        """Entries of other agencies' logs against the record that came with the item."""
        try:
            record = inheritance.inherited(unit, evidence)
        except CustodyError as error:
            self._find("row-edited", f"inherited {evidence}", "the record that came with the item", error.message)
            return
        told = {leaf_hash(one.entry): one for one in (record.statements if record is not None else ())}
        foreign = {row.digest: row for row in every if row.log != self._node.log_id}
        for digest, row in foreign.items():
            if digest not in told:
                self._rows.inserted("entry", f"{row.seq} of {evidence}", "the record that came with the item does not have it")
            self._rows.entry(row)
        for digest, one in told.items():
            if digest not in foreign and unit.entry_by_digest(digest) is None:
                self._rows.missing("entry", f"index {one.index} of another log", f"an event of {evidence}")

    def _document(self, unit: Unit, row: EntryRow, *, erased: bool) -> Event | None:
        place = f"document of entry {row.index}, event {row.seq} of {row.evidence}"
        self.documents += 1
        stored = unit.rows("document", digest=row.payload)
        if not stored:
            if not erased:
                self._find("document-missing", place, "the document that was signed", "none")
            return None
        if erased:
            self._find("document-left", place, "nothing, as the keys were destroyed", "a sealed document")
            return None
        self._rows.differ("document", row.payload.hex()[:16], {"evidence": row.evidence}, stored[0])
        try:
            event = reading.read_event(self._node, unit, row)
            if event is not None:
                documents.require_complete(event)  # nothing was registered without all of its disclosures
        except CustodyError as error:
            self._find("document-differs", place, f"a document of SHA-256 {row.payload.hex()[:16]}…", error.message)
            return None
        positions = [one["position"] for one in unit.rows("disclosure", document=row.payload)]
        if sorted(positions) != list(range(len(positions))):
            self._find("row-edited", f"disclosures of entry {row.index}", "positions from 0 on", str(sorted(positions)))
        return event

    def _state(self, unit: Unit, examined: Examined, every: list[EntryRow]) -> None:
        """The item's row against its events."""
        evidence, node = examined.item.state.evidence, self._node
        agencies = inheritance.log_agencies(node, unit, evidence)
        state: ItemState | None = None
        holder: PersonId | None = None
        opener: PersonId | None = None
        for row in examined.rows:
            statement, event = statements.parse_entry(row.entry), examined.events.get(row.digest)
            body = event.body if event is not None else {}
            offered = statement.claims.effect == "offer" and event is not None and row.log == node.log_id
            try:
                before = state
                state = custody.advance(
                    state,
                    statement.claims,
                    statement.digest,
                    log_agency=agencies.get(row.log, "?"),
                    expires=parse_time(body["expires"], what="expires") if offered else None,
                    person=body["to"].get("person") if offered else None,
                )
            except CustodyError as error:
                self._find("row-edited", f"item {evidence}", "events that follow one another", error.message)
                return
            signer = self._signer(unit, row)
            if row.effect == "open" and row.log == node.log_id:
                holder = opener = signer
            if row.effect == "accept" and row.log == node.log_id and before is not None:
                holder = signer
        if state is None:
            self._rows.inserted("item", evidence, "it has no events")
            return
        found = examined.item.state
        if state.offer is not None and found.offer is not None and examined.rows[-1].log != node.log_id:
            state = replace(state, offer=found.offer if state.offer.digest == found.offer.digest else state.offer)
        expected: dict[str, Any] = {name: getattr(state, name) for name in ItemState.__slots__}
        # An answer of ours that the contract has not taken yet is the latest entry, though it does not count.
        waiting = {one.outcome_digest for one in unit.crossings(evidence) if one.state == "concluding"}
        answers = [row for row in every if not row.void and row.digest in waiting and row.log == node.log_id]
        last = (answers or examined.rows)[-1]
        expected |= {"cid": dag.root_of(examined.content) if examined.content is not None else None}
        expected |= {"latest_log": last.log, "latest_index": last.index}
        if opener is not None:
            expected |= {"opener": opener, "opened": examined.rows[0].index * PLACES}
        if state.custodian == node.agency:
            expected["holder"] = holder
        told = {name: getattr(found, name) for name in ItemState.__slots__}
        told |= {name: getattr(examined.item, name) for name in ("cid", "latest_log", "latest_index", "opener", "opened", "holder")}
        if examined.erased or not examined.events:
            expected.pop("cid")
        self._rows.differ("item", evidence, expected, told)

    @staticmethod
    def _signer(unit: Unit, row: EntryRow) -> PersonId | None:
        der = unit.certificate(row.certificate)
        return certificates.parse(der).subject if der is not None else None

    def _index(self, unit: Unit, examined: Examined) -> None:
        """From the item to its cases: it is found by what its documents name, and by nothing else."""
        evidence = examined.item.state.evidence
        expected = {token for event in examined.events.values() for token in recordkeys.tokens(self._node, event)}
        found = {bytes(row["token"]) for row in unit.rows("blind_index", evidence=evidence)}
        for token in sorted(expected - found):
            self._find(
                "case-lost", f"blind_index {token.hex()[:16]} of {evidence}", "found by an identifier that its documents name", "no row"
            )
        for token in sorted(found - expected):
            self._find("case-stray", f"blind_index {token.hex()[:16]} of {evidence}", "no identifier that gives this token", "a row")

    def _links(self, unit: Unit, examined: Examined, opening: Event | None) -> None:
        evidence = examined.item.state.evidence
        expected = {(one.parent, one.child, one.kind) for one in (inheritance.links_of(opening) if opening is not None else [])}
        found = {(row["parent"], row["child"], row["kind"]) for row in unit.rows("link", child=evidence)}
        for parent, child, kind in sorted(expected - found):
            self._rows.missing("link", f"{kind} {parent} to {child}", "the opening event says so")
        for parent, child, kind in sorted(found - expected):
            self._rows.inserted("link", f"{kind} {parent} to {child}", "the opening event does not say so")

    def _grants(self, unit: Unit, examined: Examined, allowed: set[bytes]) -> None:
        evidence, item = examined.item.state.evidence, examined.item
        rows = unit.rows("grant", evidence=evidence)
        examined.keys = tuple(row["data"] for row in rows if row["scope"] == "content")
        scopes: dict[str, set[bytes]] = {}
        for row in rows:
            self.grants += 1
            place = f"grant {row['scope']} {row['recipient'].hex()[:16]} of {evidence}"
            scopes.setdefault(row["scope"], set()).add(row["recipient"])
            try:
                grant = grants.parse(row["data"])
                told = (grant.evidence, grant.scope, grant.recipient, grant.binding or b"")
                if told != (evidence_bytes(evidence), row["scope"], row["recipient"], row["binding"]):
                    self._find("grant-differs", place, "a sealed key of the same scope, recipient and item", "another")
                elif row["recipient"] in self._keys:
                    self._keys[row["recipient"]].open(grant)
                    self.opened += 1
            except CustodyError as error:
                self._find("grant-differs", place, "a sealed key", error.message)
            if row["recipient"] not in allowed:
                self._find("grant-stranger", place, "somebody of this agency, a guest, or another agency", "an unknown key")
            if row["scope"] == "content" and examined.content is not None and row["binding"] != examined.content.commitment:
                self._find("grant-differs", place, "bound to the item's content", "bound to something else")
        if examined.erased:
            for row in rows:
                self._find("document-left", f"grant {row['scope']} of {evidence}", "nothing, as the keys were destroyed", "a sealed key")
            return
        if self._node.keys.hpke.public.digest not in scopes.get("record", set()):
            self._find("grant-missing", f"grant record of {evidence}", "the record key sealed to this node", "none")
        if examined.content is not None and item.state.custodian == self._node.agency and item.state.origin == self._node.agency:
            opener = unit.person(item.opener) if item.opener is not None else None
            wanted = {"the custodians": {descriptors.parse(row.document).custody.digest for row in unit.descriptors()}}
            if opener is not None:
                wanted["whoever recorded it"] = {reading.hpke_key(opener).digest}
            for whom, keys in wanted.items():
                if not keys & scopes.get("content", set()):
                    self._find("grant-missing", f"grant content of {evidence}", f"the content key sealed to {whom}", "none")
