"""Registration of signed statements: checked in full, then sequenced in one transaction (DESIGN sections 7 and 11).

Idempotent on (evidence, seq, payload): the first signature wins, a repeat gets the same receipt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from ledger.domain import custody, envelope
from ledger.domain.custody import ItemState
from ledger.domain.encoding import parse_time
from ledger.domain.errors import ConflictError, DeniedError, FormatError
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.person import PersonId
from ledger.domain.parts import require_part
from ledger.domain.records import PLACES, EntryRow, ErasureRow, GivenRow, ItemRow
from ledger.domain.statement import Statement
from ledger.domain.unit import Unit
from ledger.services import access, alarms, crossing, dag, inheritance, logbook, placement, recordkeys, releases
from ledger.services.access import Caller
from ledger.services.checking import Checked, Submission, check, own_record_grant, require_enrolled
from ledger.services.node import Node
from ledger.services.partners import Certifiers
from ledger.services.review import Review

__all__ = ["MAX_BATCH", "Registered", "Submission", "register"]
MAX_BATCH: Final = 256


@dataclass(frozen=True, slots=True)
class Registered:
    """The outcome: where the entry is, its receipt, whether it was there before, and the SHA-256 of what it opens."""

    evidence: str
    digest: bytes
    index: int
    receipt: bytes
    repeated: bool
    content: str | None = None


def register(node: Node, submissions: Sequence[Submission], *, caller: PersonId | None, service: bytes | None = None) -> list[Registered]:
    """Register statements, all of them or none.

    Args:
        caller: the logged-in person, who must be the actor; None for a service certificate.
        service: digest of the service certificate that is logged in; None for our own node.

    Raises:
        FormatError, VerificationError, RuleError, DeniedError, ConflictError: the first that is wrong.
    """
    if not 0 < len(submissions) <= MAX_BATCH:
        raise FormatError(f"a batch holds 1 to {MAX_BATCH} statements, found {len(submissions)}")
    with node.records.read() as unit:
        own = service if caller is None else require_enrolled(unit, caller)
        certifiers = Certifiers(node, unit)
        checked = [check(node, certifiers, submission, caller) for submission in submissions]
        if any(own is not None and one.certificate.digest != own for one in checked):
            # One with other roles may lie about: what counts is the newest, and for a node its own.
            raise DeniedError("the statement was signed under another certificate than yours", hint="custody person renew, then sign anew")
    with node.records.write() as unit:
        rows = _sequence(node, unit, checked)
        read = logbook.reader(unit, node.log_id)
        return [
            Registered(
                row.evidence,
                row.digest,
                row.index,
                logbook.receipt(node, row, read).encode(),
                repeated,
                one.event.body["digests"].get("sha-256") if one.content is not None else None,
            )
            for one, (row, repeated) in zip(checked, rows, strict=True)
        ]


def _sequence(node: Node, unit: Unit, checked: list[Checked]) -> list[tuple[EntryRow, bool]]:
    """Judge each statement against its item's state and append the new ones."""
    known_items = unit.items_named(sorted({one.statement.claims.subject for one in checked}))
    states: dict[str, ItemRow | None] = {}
    fresh: list[tuple[Checked, EntryRow, ItemState]] = []
    known: dict[int, EntryRow] = {}
    judge, signers = Review(node, unit, states), _Signers(node, unit)
    for number, one in enumerate(checked):
        claims = one.statement.claims
        if claims.subject not in states:
            states[claims.subject] = known_items.get(claims.subject)
        before = states[claims.subject]
        signer = signers.of(one.certificate)
        if (row := _admit(node, unit, signer, one, before)) is not None:
            known[number] = row
            continue
        if before is not None and claims.effect == "accept":
            placement.require_held(node, unit, before)
        state = custody.advance(
            before.state if before is not None else None,
            claims,
            one.statement.digest,
            log_agency=node.agency,
            event_type=one.event.type,
            expires=parse_time(one.event.body["expires"], what="expires") if claims.effect == "offer" else None,
            person=one.event.body["to"].get("person") if claims.effect == "offer" else None,
        )
        judge.require_allowed(one, before, signer)
        releases.require_good(node, unit, one, before)
        releases.take_back(node, unit, one, before)
        row = entry_row(node.log_id, one.statement)
        crosses = before is not None and crossing.answers(before.state, claims)
        states[claims.subject] = _item(node, one, before, before.state if crosses and before is not None else state)
        fresh.append((one, row, state))
    appended = logbook.append(unit, node.log_id, [row for _, row, _ in fresh]) if fresh else []
    _store(node, unit, [(one, row) for (one, _, _), row in zip(fresh, appended, strict=True)], states)
    rest = iter(appended)
    return [(known[number], True) if number in known else (next(rest), False) for number in range(len(checked))]


def _item(node: Node, one: Checked, before: ItemRow | None, state: ItemState) -> ItemRow:
    """The item's row after a statement, its place in log and lists still open."""
    if before is None:
        cid = None if one.content is None else dag.root_of(one.content)
        return ItemRow(state, cid, one.certificate.subject, 0, node.log_id, 0, one.certificate.subject)
    inside = one.statement.claims.effect == "accept" and state is not before.state
    holder = one.certificate.subject if inside else before.holder
    return ItemRow(state, before.cid, before.opener, before.opened, node.log_id, 0, holder)


def entry_row(log: bytes, statement: Statement) -> EntryRow:
    """The row of a statement that is not sequenced yet."""
    claims = statement.claims
    return EntryRow(
        log, 0, statement.entry, statement.digest, claims.subject, claims.seq, claims.effect, claims.time,
        claims.issuer, statement.certificate, statement.payload, 0,
    )  # fmt: skip


class _Signers:
    """Those who signed a batch, each looked up once."""

    def __init__(self, node: Node, unit: Unit) -> None:
        self._node, self._unit = node, unit
        self._known: dict[bytes, Caller] = {}

    def of(self, certificate: Certificate) -> Caller:
        """Whoever signed with a certificate."""
        if certificate.digest not in self._known:
            self._known[certificate.digest] = access.signer(self._node, self._unit, certificate)
        return self._known[certificate.digest]


def _admit(node: Node, unit: Unit, signer: Caller, one: Checked, before: ItemRow | None) -> EntryRow | None:
    """The row of a statement that is there already; None for a new one that its signer's part in the item lets them record.

    What one signed oneself one may send again, whatever has become of one's part in the item: the answer may have been lost.

    Raises:
        NotFoundError: the signer has no part in the item, or it does not exist: the same answer, after the same look-ups.
        DeniedError: their part lets them record something else only. ConflictError: another event stands there.
    """
    claims = one.statement.claims
    if claims.effect == "open":
        if before is not None and (row := _same(unit, one)) is None:
            raise ConflictError("an item is known under that name already", hint="open it under a new name")
        return row if before is not None else None
    parts = access.parts_of(node, unit, signer, claims.subject, before)
    mine = bool(parts) or unit.document(one.statement.payload) is not None
    if before is None or not mine:
        raise access.hidden()
    answered = crossing.answered(unit, before.state)
    past = claims.seq <= before.state.seq + (answered is not None)
    if past and (row := _same(unit, one)) is not None:
        return row
    if not parts:
        raise access.hidden()
    if past:
        _refuse(one, before, answered=answered is not None)
    require_part(one.event.type, parts)
    return None


def _same(unit: Unit, one: Checked) -> EntryRow | None:
    """The row of the same document of the same signer; a document names its item, its place, its actor and a salt."""
    claims = one.statement.claims
    return next((row for row in unit.events(claims.subject) if (row.seq, row.payload) == (claims.seq, one.statement.payload)), None)


def _refuse(one: Checked, before: ItemRow, *, answered: bool) -> NoReturn:
    seq = one.statement.claims.seq
    if answered and seq > before.state.seq:
        raise ConflictError("the handover is being settled on the chain", hint="try again in a moment")
    raise ConflictError(f"another event already stands at seq {seq} of this item", hint="read the item again and sign anew")


def _store(node: Node, unit: Unit, fresh: list[tuple[Checked, EntryRow]], states: dict[str, ItemRow | None]) -> None:
    keys: dict[str, bytes | None] = {}
    subjects = [row.evidence for _, row in fresh]
    stored = unit.grants_named(subjects, "record", node.keys.hpke.public.digest)
    for one, row in fresh:
        evidence = row.evidence
        for grant in one.grants:
            unit.put_grant(evidence, grant.scope, grant.recipient, grant.binding or b"", grant.encode())
        if evidence not in keys:
            keys[evidence] = _record_key(node, unit, one, stored.get(evidence))
        unit.put_certificate(one.certificate.digest, one.certificate.der)
        _keep_document(node, unit, one, keys[evidence])
        for link in inheritance.links_of(one.event):
            unit.put_link(link)
        known = states[evidence]
        assert known is not None
        opened = row.index * PLACES if row.effect == "open" else known.opened
        states[evidence] = after = ItemRow(known.state, known.cid, known.opener, opened, row.log, row.index, known.holder)
        unit.put_item(after)
        crossing.note(node, unit, one, known.state)
        if one.event.type == "accessed":
            alarms.note_access(node, unit, row.digest, one.certificate.subject, evidence)
        releases.note_share(node, unit, one)
        if one.event.type == "disposed":
            unit.put_erasure(ErasureRow(evidence, row.digest, node.agency, "due", backups=node.backups_until()))
        if one.event.type == "disclosed" and one.event.body["mode"] in placement.COPIES:
            until = node.clock.now() + placement.OPENING
            unit.put_opening(evidence, until)
            agency = one.event.body.get("to", {}).get("agency", node.agency)
            if agency != node.agency:
                unit.put_given(GivenRow(row.digest, evidence, agency, until))


def _record_key(node: Node, unit: Unit, one: Checked, stored: bytes | None) -> bytes | None:
    """The item's record key; None where it was destroyed with a disposal, after which only the log speaks of the item."""
    own = own_record_grant(node, one.grants)
    if own is not None:
        return node.keys.hpke.open(own)
    if stored is None and unit.erasure(one.statement.claims.subject) is not None:
        return None
    return recordkeys.open_record_key(node, stored)


def _keep_document(node: Node, unit: Unit, one: Checked, key: bytes | None) -> None:
    """Keep a document sealed, with what it is found by; nothing of one about an item whose keys are destroyed."""
    if key is None:
        return
    evidence = one.statement.claims.subject
    unit.put_document(one.event.digest, evidence, envelope.seal_document(key, one.event.raw))
    for position, disclosure in enumerate(one.event.disclosures):
        unit.put_disclosure(disclosure.digest, one.event.digest, position, envelope.seal_disclosure(key, disclosure.encoded))
    for token in recordkeys.tokens(node, one.event):
        unit.put_token(token, evidence)
