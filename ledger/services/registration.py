"""Registration of signed statements: checked in full, then sequenced in one transaction (DESIGN sections 7 and 11).

Idempotent on (evidence, seq, payload): the first signature wins, a repeat gets the same receipt.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ledger.domain import custody, envelope, grants
from ledger.domain import statement as statements
from ledger.domain.custody import ItemState
from ledger.domain.encoding import evidence_bytes, parse_time
from ledger.domain.errors import ConflictError, DeniedError, FormatError, RuleError, VerificationError
from ledger.domain.event import document as documents
from ledger.domain.event.document import Event
from ledger.domain.grants import Grant
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.records import EntryRow, ItemRow, Unit
from ledger.domain.statement import Statement
from ledger.services import dag, logbook, placement
from ledger.services.node import Node

MAX_BATCH: Final = 256
_AHEAD: Final = 300  # seconds that an actor's clock may run ahead of the node's


@dataclass(frozen=True, slots=True)
class Submission:
    """What a client sends: the statement with its certificate, the document with all disclosures, and grants."""

    statement: bytes
    document: bytes
    disclosures: tuple[str, ...] = ()
    grants: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Registered:
    """The outcome: where the entry is, its receipt, whether it was there before, and the SHA-256 of what it opens."""

    evidence: str
    digest: bytes
    index: int
    receipt: bytes
    repeated: bool
    content: str | None = None


@dataclass(frozen=True, slots=True)
class _Checked:
    statement: Statement
    certificate: Certificate
    event: Event
    grants: tuple[Grant, ...]
    content: envelope.Content | None


def register(node: Node, submissions: Sequence[Submission], *, caller: str | None) -> list[Registered]:
    """Register statements, all of them or none.

    Args:
        caller: pseudonym of the logged-in person, who must be the actor; None for the node itself.

    Raises:
        FormatError, VerificationError, RuleError, DeniedError, ConflictError: the first that is wrong.
    """
    if not 0 < len(submissions) <= MAX_BATCH:
        raise FormatError(f"a batch holds 1 to {MAX_BATCH} statements, found {len(submissions)}")
    with node.records.read() as unit:
        descriptor = node.descriptor(unit)
        crls = [row.der for row in unit.crls()[-1:]]
        if caller is not None:
            person = unit.person(caller)
            if person is None or not person.active:
                raise DeniedError("this person is not, or no longer, enrolled here")
    checked = [_check(node, descriptor, crls, submission, caller) for submission in submissions]
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
                one.event.body.get("digests", {}).get("sha-256") if row.effect == "open" else None,
            )
            for one, (row, repeated) in zip(checked, rows, strict=True)
        ]


def _check(node: Node, descriptor: Descriptor, crls: list[bytes], submission: Submission, caller: str | None) -> _Checked:
    """Everything that can be judged without the item's state."""
    now = node.clock.now()
    statement = statements.parse(submission.statement)
    claims = statement.claims
    if claims.log_id != node.log_id:
        raise RuleError("the statement is addressed to another log")
    if len(statement.chain) != 1:
        raise FormatError("statement: the certificate is missing from x5chain")
    certificate = certificates.parse(statement.chain[0])
    if certificate.digest != statement.certificate:
        raise VerificationError(3, "the certificate sent is not the one that the statement names")
    statements.verify_signature(statement, certificate.key)
    if certificate.agency != claims.issuer or certificate.agency != node.agency:
        raise DeniedError("only people of this agency may register here")
    certificates.verify_current(certificate, descriptor.authorities, crls, now)
    if certificate.not_after < now + descriptor.max_anchoring_delay:
        raise RuleError("the certificate expires before the statement would surely be anchored", hint="renew the certificate")
    if claims.time > now + _AHEAD:
        raise RuleError(f"the statement is dated {claims.time - now} s ahead of the node's clock", hint="check the clock")
    event = documents.parse(submission.document, submission.disclosures)
    documents.require_complete(event)
    if event.digest != statement.payload:
        raise VerificationError(2, "the document is not the one that was signed")
    documents.check_claims(event, claims)
    actor = event.value["actor"]
    if (actor["id"], actor["kind"]) != (certificate.pseudonym, certificate.kind):
        raise VerificationError(3, "the actor is not the certificate's subject")
    if caller != (certificate.pseudonym if certificate.kind == "person" else None):
        raise DeniedError("a person registers their own statements only")
    custody.require_role(event.type, actor["role"], certificate.roles)
    parsed = tuple(grants.parse(data) for data in submission.grants)
    content = None
    if "content" in event.body:
        content = envelope.parse_content(event.body["content"], event.body["size"])
        dag.require_stored(node.blocks, content)
    if claims.effect == "open":
        _check_grants(node, descriptor, claims.subject, parsed, content)
    elif parsed:
        raise FormatError("grants are sent with the opening event only")
    return _Checked(statement, certificate, event, parsed, content)


def _check_grants(node: Node, descriptor: Descriptor, evidence: str, given: tuple[Grant, ...], content: envelope.Content | None) -> None:
    """The node must be able to read the record, and the custodians to recover the content."""
    item = evidence_bytes(evidence)
    if len(given) > 64 or any(grant.evidence != item for grant in given):
        raise FormatError("grants: too many, or for another item")
    if _own_record_grant(node, given) is None:
        raise RuleError("the record key is not granted to the node")
    if content is None:
        return
    good = [grant for grant in given if grant.scope == "content" and grant.binding == content.commitment]
    if not any(grant.recipient == descriptor.custody.digest for grant in good):
        raise RuleError("the content key is not granted to the agency's custodians")


def _own_record_grant(node: Node, given: tuple[Grant, ...]) -> Grant | None:
    return next((grant for grant in given if grant.scope == "record" and grant.recipient == node.keys.hpke.public.digest), None)


def _sequence(node: Node, unit: Unit, checked: list[_Checked]) -> list[tuple[EntryRow, bool]]:
    """Judge each statement against its item's state and append the new ones."""
    known_items = unit.items_named(sorted({one.statement.claims.subject for one in checked}))
    states: dict[str, ItemRow | None] = {}
    fresh: list[tuple[_Checked, EntryRow, ItemState]] = []
    known: dict[int, EntryRow] = {}
    for number, one in enumerate(checked):
        claims = one.statement.claims
        if claims.subject not in states:
            states[claims.subject] = known_items.get(claims.subject)
        before = states[claims.subject]
        if before is not None and claims.seq <= before.state.seq:
            known[number] = _repeated(unit, one)
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
        )
        row = entry_row(node.log_id, one.statement)
        states[claims.subject] = ItemRow(
            state,
            before.cid if before is not None else _cid(one),
            before.opener if before is not None else one.certificate.pseudonym,
            before.opened if before is not None else 0,
            node.log_id,
            0,
        )
        fresh.append((one, row, state))
    appended = logbook.append(unit, node.log_id, [row for _, row, _ in fresh]) if fresh else []
    _store(node, unit, [(one, row, state) for (one, _, state), row in zip(fresh, appended, strict=True)], states)
    rest = iter(appended)
    return [(known[number], True) if number in known else (next(rest), False) for number in range(len(checked))]


def _cid(one: _Checked) -> bytes | None:
    return None if one.content is None else dag.root_of(one.content)


def entry_row(log: bytes, statement: Statement) -> EntryRow:
    """The row of a statement that is not sequenced yet."""
    claims = statement.claims
    return EntryRow(
        log, 0, statement.entry, statement.digest, claims.subject, claims.seq, claims.effect, claims.time,
        claims.issuer, statement.certificate, statement.payload, 0,
    )  # fmt: skip


def _repeated(unit: Unit, one: _Checked) -> EntryRow:
    claims = one.statement.claims
    rows = [row for row in unit.events(claims.subject) if row.seq == claims.seq]
    if rows and rows[0].payload == one.statement.payload:
        return rows[0]
    raise ConflictError(f"another event already stands at seq {claims.seq} of this item", hint="read the item again and sign anew")


def _store(node: Node, unit: Unit, fresh: list[tuple[_Checked, EntryRow, ItemState]], states: dict[str, ItemRow | None]) -> None:
    keys: dict[str, bytes] = {}
    stored = unit.grants_named([state.evidence for _, _, state in fresh], "record", node.keys.hpke.public.digest)
    for one, row, state in fresh:
        evidence = state.evidence
        for grant in one.grants:
            unit.put_grant(evidence, grant.scope, grant.recipient, grant.binding or b"", grant.encode())
        if evidence not in keys:
            own = _own_record_grant(node, one.grants)
            keys[evidence] = node.keys.hpke.open(own) if own is not None else _open_record_key(node, stored.get(evidence))
        unit.put_certificate(one.certificate.digest, one.certificate.der)
        unit.put_document(one.event.digest, evidence, envelope.seal_document(keys[evidence], one.event.raw))
        for position, disclosure in enumerate(one.event.disclosures):
            sealed = envelope.seal_disclosure(keys[evidence], disclosure.encoded)
            unit.put_disclosure(disclosure.digest, one.event.digest, position, sealed)
        for token in _tokens(node, one.event):
            unit.put_token(token, evidence)
        known = states[evidence]
        assert known is not None
        opened = row.index if row.effect == "open" else known.opened
        unit.put_item(ItemRow(state, known.cid, known.opener, opened, row.log, row.index))
        if one.event.type == "disclosed" and one.event.body["mode"] in placement.COPIES:
            unit.put_opening(evidence, node.clock.now() + placement.OPENING)
        states[evidence] = ItemRow(state, known.cid, known.opener, opened, row.log, row.index)


def record_key(node: Node, unit: Unit, evidence: str) -> bytes:
    """The item's record key, from the grant made to this node.

    Raises:
        DeniedError: the grant was destroyed, or never made.
    """
    found = unit.grants(evidence, "record", node.keys.hpke.public.digest)
    return _open_record_key(node, found[0] if found else None)


def _open_record_key(node: Node, grant: bytes | None) -> bytes:
    if grant is None:
        raise DeniedError("the keys of this item were destroyed, or this node never had them")
    return node.keys.hpke.open(grants.parse(grant))


def index_token(node: Node, kind: str, *parts: str) -> bytes:
    """A blind index token: HMAC-SHA256 under the index key, so that the database alone cannot be searched by guessing."""
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in (kind, *parts))
    return hmac.new(node.keys.index, message, sha256).digest()


def _tokens(node: Node, event: Event) -> list[bytes]:
    """What an event can be found by: its identifiers, and the digest of its content."""
    identifiers = [*event.value.get("identifiers", []), *(event.body.get("identifiers", []) if event.type == "identified" else [])]
    found = [index_token(node, "identifier", one["scheme"], one["value"]) for one in identifiers]
    if "digests" in event.body:
        found.append(index_token(node, "sha-256", event.body["digests"]["sha-256"]))
    return found
