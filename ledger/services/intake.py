"""What comes from another agency's node: an item offered to us, or the outcome of a handover that they answered first.

Nothing in a parcel is believed because of who sent it: an offered item's bundle is verified as any court would, against our own view of
the chain; an outcome is compared with the contract.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ledger.domain import bundle as bundles
from ledger.domain import cid as cids
from ledger.domain import custody, envelope, grants, parcel, slots, unixfs
from ledger.domain import statement as statements
from ledger.domain.bundle import Bundle, BundledStatement
from ledger.domain.custody import ItemState
from ledger.domain.encoding import evidence_bytes, parse_time
from ledger.domain.errors import ChainError, IncompleteError, VerificationError
from ledger.domain.event import document as documents
from ledger.domain.event.document import Event
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.names import agency_id
from ledger.domain.parcel import Parcel
from ledger.domain.ports import PartnerApi
from ledger.domain.records import CrossingRow, ItemRow
from ledger.domain.slots import Hop
from ledger.domain.statement import Statement
from ledger.domain.unit import Unit
from ledger.domain.unixfs import Block
from ledger.domain.verify import Verdict, verify
from ledger.services import crossing, inheritance, partners, recordkeys, trustroot
from ledger.services.node import Node
from ledger.services.sequencing import entry_row

_RANGE: Final = 4 * unixfs.LEAF


@dataclass(frozen=True)
class Opened:
    """A parcel with everything in it parsed; ``events`` are None where a document was destroyed."""

    parcel: Parcel
    bundle: Bundle
    statements: tuple[Statement, ...]
    events: tuple[Event | None, ...]

    def filled(self) -> Bundle:
        """The bundle with its documents."""
        rows = tuple(
            one if event is None else replace(one, document=event.raw, disclosures=tuple(shown.encoded for shown in event.disclosures))
            for one, event in zip(self.bundle.statements, self.events, strict=True)
        )
        return replace(self.bundle, statements=rows)


def open_parcel(node: Node, data: bytes, evidence: str) -> Opened:
    """Parse a parcel and open its documents.

    Raises:
        FormatError, VerificationError, KeyringError: it is malformed, about another item, or not for us.
    """
    given = parcel.parse(data)
    found = bundles.parse(given.bundle)
    if found.evidence != evidence:
        raise VerificationError(2, "the parcel holds another item than was asked for")
    keys = _Keys(node, given.grants, evidence)
    sealed = {one.digest: one for one in given.documents}
    parsed = tuple(statements.parse_entry(one.entry) for one in found.statements)
    events: list[Event | None] = []
    for one in parsed:
        document = sealed.get(one.payload)
        key = keys.document(one.payload) if document is not None else None
        if document is None or key is None:
            events.append(None)
            continue
        raw = envelope.open_sealed_document(key, document.digest, document.sealed)
        shown = [(digest, data, keys.disclosure(digest)) for digest, data in document.disclosures]
        opened = [envelope.open_sealed_disclosure(key, digest, data) for digest, data, key in shown if key is not None]
        events.append(documents.parse(raw, opened))
    return Opened(given, found, parsed, tuple(events))


class _Keys:
    """The keys in a parcel that are sealed to our node: of the whole record, or of single documents and disclosures."""

    def __init__(self, node: Node, given: tuple[bytes, ...], evidence: str) -> None:
        self._record: bytes | None = None
        self._single: dict[tuple[str, bytes], bytes] = {}
        for grant in map(grants.parse, given):
            if grant.evidence != evidence_bytes(evidence):
                raise VerificationError(2, "the parcel holds a key of another item")
            if grant.scope == "record":
                self._record = node.keys.hpke.open(grant)
            elif grant.scope != "content" and grant.binding is not None:
                self._single[grant.scope, grant.binding] = node.keys.hpke.open(grant)

    def document(self, digest: bytes) -> bytes | None:
        """The key of a document, if it was given to us."""
        return envelope.document_key(self._record, digest) if self._record is not None else self._single.get(("document", digest))

    def disclosure(self, digest: bytes) -> bytes | None:
        """The key of a disclosure, if it was given to us."""
        return envelope.disclosure_key(self._record, digest) if self._record is not None else self._single.get(("disclosure", digest))


def receive(node: Node, code: str, api: PartnerApi, evidence: str) -> None:
    """Take in an item that is offered to us: its record, verified, and its ciphertext, to be checked again by a person.

    Raises:
        VerificationError, IncompleteError: the record does not verify. NetworkError: the other node does not answer.
    """
    opened = open_parcel(node, api.parcel(evidence), evidence)
    if None in opened.events:
        raise VerificationError(2, "the record of an offered item is not whole: documents are missing", hint="ask the giver for all of it")
    verify_parcel(node, opened)
    last, hops = opened.statements[-1], opened.bundle.hops
    if last.claims.effect != "offer" or last.claims.to != node.agency or not hops or hops[-1].outcome != slots.OPEN:
        raise VerificationError(8, f"the item that {code} sent is not on offer to us")
    state, rows = replay(opened)
    opening = opened.events[0]
    content = None
    if opening is not None and "content" in opening.body:
        content = envelope.parse_content(opening.body["content"], opening.body["size"])
        _fetch(node, api, evidence, content)
    with node.records.write() as unit:
        _require_same(node, unit.item(evidence), state)
        _keep_sealed(node, unit, opened)
        place(node, unit, opened, state, rows, None if content is None else cids.from_text(content.cid), unit.newest_place() + 1)


def place(node: Node, unit: Unit, opened: Opened, state: ItemState, rows: list[CrossingRow], cid: bytes | None, opened_at: int) -> None:
    """Write down an item that was offered to us, as its record tells it.

    Args:
        opened_at: place in the order of lists of an item that was never here before.
    """
    keep_record(node, unit, opened)
    before, last = unit.item(state.evidence), opened.bundle.statements[-1]
    opener, opened_at = (before.opener, before.opened) if before is not None else ("", opened_at)
    unit.put_item(ItemRow(state, cid, opener, opened_at, _log(node, opened.bundle, last), last.index))
    for row in rows:
        unit.put_crossing(row)


def _require_same(node: Node, before: ItemRow | None, state: ItemState) -> None:
    """An item that is known here already must be the very same one, and not in our custody: names are chosen by whoever opens an item.

    Raises:
        VerificationError: another item under the name of one of ours.
    """
    if before is None:
        return
    if (before.state.origin, before.state.ref) != (state.origin, state.ref) or before.state.custodian == node.agency:
        raise VerificationError(8, "another item is known here under that name", hint="refuse it: ask the giver where it comes from")


def verify_parcel(node: Node, opened: Opened) -> None:
    """The ten steps of verification, the chain judged by our own view of it."""
    chain = node.contracts.chain

    def confirm(number: int, _: bytes) -> set[bytes]:
        if chain.final() < number:
            raise IncompleteError(7, f"block {number} is not final here yet", hint="try again in a moment")
        return {chain.block(number).hash}

    root = trustroot.trust_root(node, sealers=[], confirmations=0)
    report = verify(opened.filled().encode(), root, confirm=confirm)
    if report.verdict is not Verdict.VERIFIED:
        bad = next((step for step in report.steps.values() if step.status in ("failed", "not checked")), report.steps[1])
        kind = VerificationError if report.verdict is Verdict.FAILED else IncompleteError
        raise kind(bad.number, f"the record of an offered item does not verify: {bad.detail}", hint=bad.hint or "ask the giver")


def replay(opened: Opened) -> tuple[ItemState, list[CrossingRow]]:
    """Where the item stands, and its handovers between agencies as statements and contract tell them."""
    hops = {hop.offer: hop for hop in opened.bundle.hops}
    state: ItemState | None = None
    rows: list[CrossingRow] = []
    for bundled, one, event in zip(opened.bundle.statements, opened.statements, opened.events, strict=True):
        before, body = state, event.body if event is not None else {}
        state = custody.advance(
            state,
            one.claims,
            one.digest,
            log_agency=opened.bundle.logs[bundled.log].agency,
            expires=parse_time(body["expires"], what="expires") if "expires" in body and one.claims.effect == "offer" else None,
            person=body["to"].get("person") if one.claims.effect == "offer" and "to" in body else None,
        )
        if one.claims.effect == "offer" and one.claims.to is not None and one.claims.to != state.custodian:
            hop = hops.get(one.digest)
            rows.append(_crossing(opened.bundle.evidence, len(rows), state.custodian, one, hop))
        elif before is not None and before.offer is not None and rows and rows[-1].offer == before.offer.digest:
            rows[-1] = replace(rows[-1], outcome_digest=one.digest)
    assert state is not None
    return state, rows


def _crossing(evidence: str, number: int, giver: str, offer: Statement, hop: Hop | None) -> CrossingRow:
    taker = offer.claims.to or ""
    if hop is None:  # withdrawn before the contract ever took it
        return CrossingRow(evidence, number, giver, taker, offer.digest, 0, "lapsed")
    state = "open" if hop.outcome == slots.OPEN else "concluded"
    times = (hop.offer_time, hop.outcome, hop.outcome_digest, hop.time)
    return CrossingRow(evidence, number, giver, taker, offer.digest, hop.expires, state, *times)


def _fetch(node: Node, api: PartnerApi, evidence: str, content: envelope.Content) -> None:
    """Bring the ciphertext to our own disk; every block gets the CID that it has, and all together the recorded one."""
    root, total = cids.from_text(content.cid), content.ciphertext_size
    if not node.blocks.missing([root]):
        return
    builder = unixfs.Builder()
    for start in range(0, total, _RANGE):
        end = min(start + _RANGE, total)
        data = memoryview(api.ciphertext(evidence, start, end))
        if len(data) != end - start:
            raise VerificationError(9, f"the other node sent {len(data)} bytes of ciphertext, expected {end - start}")
        blocks: list[Block] = []
        for at in range(0, len(data), unixfs.LEAF):
            leaf = data[at : at + unixfs.LEAF]
            blocks.append(Block(cids.of(leaf), leaf))
            blocks += builder.add(blocks[-1].cid, len(leaf))
        node.blocks.put(blocks)
    found, rest = builder.finish()
    if found != root:
        raise VerificationError(9, "the ciphertext that the other node sent does not have the recorded CID")
    node.blocks.put(rest)


def take_outcome(node: Node, row: CrossingRow, data: bytes) -> None:
    """Take over what the other side signed, where the contract has taken it.

    Raises:
        VerificationError: the parcel does not show what the contract recorded.
    """
    opened = open_parcel(node, data, row.evidence)
    hop = next((one for one in opened.bundle.hops if one.offer == row.offer and one.outcome != slots.OPEN), None)
    found = next((n for n, one in enumerate(opened.statements) if hop is not None and one.digest == hop.outcome_digest), None)
    if hop is None or found is None:
        raise VerificationError(8, "the other agency does not show how the handover ended", hint="try again in a moment")
    with node.records.read() as unit:
        item = unit.item(row.evidence)
        concluded = [crossing.hop_of(one) for one in unit.crossings(row.evidence) if one.state == "concluded"]
    assert item is not None
    head = bytes(32)
    for one in (*concluded, hop):
        head = one.commitment(head)
    if node.contracts.hop_commitment(crossing.key_of(item), len(concluded)) != head:
        raise ChainError("the end of the handover that the other agency shows is not the one on chain", hint="ask them; do not trust them")
    _check_signature(node, opened.bundle.certificates, opened.statements[found], hop.time)
    with node.records.write() as unit:
        _keep_sealed(node, unit, opened)
        keep_record(node, unit, opened)
        row = next(one for one in unit.crossings(row.evidence) if one.number == row.number)
        times = {"offer_time": hop.offer_time, "outcome": hop.outcome, "outcome_digest": hop.outcome_digest, "time": hop.time}
        crossing.conclude(node, unit, replace(row, sent=b"", **times))  # type: ignore[arg-type]


def check_closing(node: Node, agency: str, data: bytes, evidence: str, digest: bytes) -> None:
    """Check that an agency's log closed an item with a certain statement, signed by one of its people.

    Raises:
        VerificationError: it did not.
    """
    found = bundles.parse(data)
    parsed = tuple(statements.parse_entry(one.entry) for one in found.statements)
    number = next((n for n, one in enumerate(parsed) if one.digest == digest), None)
    if found.evidence != evidence or number is None or parsed[number].claims.effect != "close":
        raise VerificationError(8, "the disposal that the other agency tells of is not in its log")
    if parsed[number].claims.issuer != agency or found.logs[found.statements[number].log].agency != agency:
        raise VerificationError(8, "the disposal was not signed by the agency that holds the item")
    _check_signature(node, found.certificates, parsed[number], parsed[number].claims.time)


def _check_signature(node: Node, ders: tuple[bytes, ...], statement: Statement, time: int) -> None:
    """A statement is signed by somebody whom their agency certified."""
    der = next((one for one in ders if certificates.parse(one).digest == statement.certificate), None)
    if der is None:
        raise VerificationError(3, "the certificate of whoever signed is not in the parcel")
    certificate = certificates.parse(der)
    statements.verify_signature(statement, certificate.key)
    with node.records.read() as unit:
        authorities = partners.authorities(node, unit, certificate).descriptor.authorities
    certificates.verify_issued(certificate, authorities, time)


def keep_record(node: Node, unit: Unit, opened: Opened) -> None:
    """Keep what other logs sequenced and prove, what its documents are found by, and the certificates."""
    evidence, bare = opened.bundle.evidence, opened.bundle.with_chain(None)
    for bundled, one, event in zip(bare.statements, opened.statements, opened.events, strict=True):
        log = _log(node, bare, bundled)
        if log == node.log_id:
            if unit.entry_by_digest(one.digest) is None:
                raise VerificationError(5, "the parcel shows an event in our log that is not there", hint="run: custody doctor")
            continue
        unit.put_entry(replace(entry_row(log, one), index=bundled.index))
        if event is not None:
            for token in recordkeys.tokens(node, event):
                unit.put_token(token, evidence)
            for link in inheritance.links_of(event):
                unit.put_link(link)
    for der in bare.certificates:
        unit.put_certificate(certificates.parse(der).digest, der)
    unit.put_inherited(evidence, bare.encode())


def _keep_sealed(node: Node, unit: Unit, opened: Opened) -> None:
    """Keep the documents of a parcel as they were sealed, and the keys that are for us."""
    evidence = opened.bundle.evidence
    for document in opened.parcel.documents:
        if unit.document(document.digest) is None:
            unit.put_document(document.digest, evidence, document.sealed)
            for position, (digest, sealed) in enumerate(document.disclosures):
                unit.put_disclosure(digest, document.digest, position, sealed)
    ours = {node.keys.hpke.public.digest, node.descriptor(unit).custody.digest}
    for grant in map(grants.parse, opened.parcel.grants):
        if grant.recipient not in ours:
            raise VerificationError(2, "the parcel holds a key for somebody else")
        unit.put_grant(evidence, grant.scope, grant.recipient, grant.binding or b"", grant.encode())


def _log(node: Node, given: Bundle, bundled: BundledStatement) -> bytes:
    """Id of the log that sequenced a statement."""
    ref = given.logs[bundled.log]
    return node.contracts.log_id(agency_id(ref.agency), ref.number)
