"""Registration of signed statements: checked in full, then sequenced in one transaction (DESIGN
sections 7 and 11).

Idempotent on (evidence, seq, payload): the first signature wins, a repeat gets the same receipt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from ledger.domain.errors import ConflictError, DeniedError, FormatError, RuleError
from ledger.domain.event.references import references
from ledger.domain.identity.person import PersonId
from ledger.domain.item import history_rules
from ledger.domain.item.participation import require_part
from ledger.rows.items import ItemRow
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization, guard_marks
from ledger.services.access.authorization import Caller
from ledger.services.access.named_items import listed_among
from ledger.services.log import merkle_log
from ledger.services.node.context import Node
from ledger.services.onchain import agency_standing, transfer_steps
from ledger.services.partners.directory import CertificateVerifier
from ledger.services.registration import keys_with_events, sequencing
from ledger.services.registration.exhibit_numbers import Numbers
from ledger.services.registration.item_histories import Histories
from ledger.services.registration.item_rules import Ahead, Review, receivers
from ledger.services.registration.signers import Signers
from ledger.services.registration.statement_checks import (
    Submission,
    ValidatedSubmission,
    check,
    require_enrolled,
    same,
)
from ledger.services.registration.unwritten import Unwritten
from ledger.services.storage import placement

__all__ = ["MAX_BATCH", "Registered", "Submission", "register"]
MAX_BATCH: Final = 256


@dataclass(frozen=True, slots=True)
class Registered:
    """The outcome for one statement: its entry's place in the log, and its receipt.

    ``repeated``: it was in the log before. ``content``: SHA-256 of the content, as the document
    states it, where the statement opens an item that has some. ``same_number``: items that bear its
    exhibit number as well.
    """

    evidence: str
    digest: bytes
    index: int
    receipt: bytes
    repeated: bool
    content: str | None = None
    same_number: tuple[str, ...] = ()


def register(
    node: Node,
    submissions: Sequence[Submission],
    *,
    caller: PersonId | None,
    service: bytes | None = None,
    field: bool = False,
) -> list[Registered]:
    """Register statements, all of them or none.

    Args:
        field: they were signed without network: see exhibit_numbers.
        caller: the logged-in person, who must be the actor; None for a service certificate.
        service: digest of the service certificate that is logged in; None for our own node.

    Raises:
        FormatError, VerificationError, RuleError, DeniedError, ConflictError: the first that is
        wrong.
    """
    if not 0 < len(submissions) <= MAX_BATCH:
        raise FormatError(f"a batch holds 1 to {MAX_BATCH} statements, found {len(submissions)}")
    with node.records.read() as unit:
        if caller is not None:
            require_enrolled(unit, caller)
        certifiers = CertificateVerifier(node, unit)
        checked = [check(node, unit, certifiers, submission, caller) for submission in submissions]
        ahead = _read_ahead(node, unit, checked)
    for root in ahead.content:
        ahead.content[root] = _lack_of(node, root)
    for code in {code for one in checked if not one.repeats for code in receivers(one.event)}:
        if code != node.agency:  # not within a transaction, and never for long
            agency_standing.ask(node, code)
    with node.records.write() as unit:
        _require_current(node, unit, checked, caller, service)
        numbers = Numbers(node, unit, refuse=not field)
        rows = _sequence(node, unit, checked, ahead, numbers)
        key, read = node.log_key(unit), merkle_log.reader(unit, node.log_id)
        return [
            Registered(
                row.evidence,
                row.digest,
                row.index,
                merkle_log.receipt(key, row, read).encode(),
                repeated,
                one.event.body["digests"].get("sha-256") if one.content is not None else None,
                numbers.borne_by(row.evidence),
            )
            for one, (row, repeated) in zip(checked, rows, strict=True)
        ]


def _require_current(
    node: Node,
    unit: UnitOfWork,
    checked: list[ValidatedSubmission],
    caller: PersonId | None,
    service: bytes | None,
) -> None:
    """Check in the transaction that appends: somebody suspended or given other roles since the
    first look appends nothing more.

    A repeat appends nothing: its certificate may have been renewed since, and its first answer
    lost.

    Raises:
        DeniedError: the caller is not enrolled any more, or signed under another certificate than
            their newest.
        VerificationError: a certificate that may not be used now.
    """
    own = service if caller is None else require_enrolled(unit, caller)
    certifiers = CertificateVerifier(node, unit)
    for certificate in {
        submission.certificate.digest: submission.certificate
        for submission in checked
        if not submission.repeats
    }.values():
        if own is not None and certificate.digest != own:
            # An older certificate of theirs may have other roles: only the newest one counts, and
            # of another agency's node the one that it is logged in with.
            raise DeniedError(
                "the statement was signed under another certificate than yours",
                hint="your newest one: custody person fetch; then sign anew",
            )
        certifiers.verify_current(certificate)


def _read_ahead(node: Node, unit: UnitOfWork, checked: list[ValidatedSubmission]) -> Ahead:
    """Read what a batch is judged by and takes long to read, before the transaction that appends:
    item histories, and which of the items that its events name their signers may see.

    Only histories of items in which the signer has a part are read: the time that it takes to read
    any other would tell that it exists.

    Returns:
        what was read; ``_sequence`` completes it by what is recorded meanwhile.
    """
    ahead, signers = Ahead(Histories(node)), Signers(node, unit)
    items = unit.items.named(
        sorted({submission.statement.claims.subject for submission in checked})
    )
    asked, named = set[tuple[str, bytes]](), dict[bytes, list[str]]()
    for submission in checked:
        evidence, certificate = submission.statement.claims.subject, submission.certificate.digest
        if submission.repeats:
            continue
        named.setdefault(certificate, []).extend(references(submission.event))
        if submission.event.type == "derived":
            signer = signers.of(submission.certificate)
            for parent in references(submission.event):
                row = unit.items.get(parent)
                if authorization.parts_of(node, unit, signer, parent, row) and row is not None:
                    guard_marks.guards_of(node, unit, row)  # which knows them then
        if not history_rules.looks_back(submission.event) or (evidence, certificate) in asked:
            continue
        asked.add((evidence, certificate))
        signer = signers.of(submission.certificate)
        if authorization.parts_of(node, unit, signer, evidence, items.get(evidence)):
            ahead.histories.of(unit, evidence)
    for submission in checked:
        if found := named.pop(submission.certificate.digest, None):
            seen = listed_among(node, unit, signers.of(submission.certificate), found)
            ahead.seen |= {(submission.certificate.digest, evidence) for evidence in seen}
    ahead.content |= dict.fromkeys(_taken_over(node, unit, signers, checked, items))
    return ahead


def _taken_over(
    node: Node,
    unit: UnitOfWork,
    signers: Signers,
    checked: list[ValidatedSubmission],
    items: Mapping[str, ItemRow],
) -> Iterator[bytes]:
    """Roots of items that a batch takes over, and that no replica has pinned. The same look-ups for
    a hidden item and an absent one.
    """
    for submission in checked:
        claims = submission.statement.claims
        if submission.repeats or claims.effect != "accept":
            continue
        item, signer = items.get(claims.subject), signers.of(submission.certificate)
        parts = authorization.parts_of(node, unit, signer, claims.subject, item)
        if not parts or item is None or item.cid is None:
            continue
        if not placement.is_pinned(node, unit, claims.subject):
            yield item.cid


def _lack_of(node: Node, root: bytes) -> RuleError | None:
    """What keeps an item from being taken over; None where its content is here."""
    try:
        placement.require_here(node, root)
    except RuleError as error:
        return error
    return None


def _require_held(node: Node, unit: UnitOfWork, ahead: Ahead, item: ItemRow) -> None:
    """Whoever takes an item over must have its content: pinned at a replica of their own, or whole
    on their node's disk.

    Raises:
        RuleError: they do not. ConflictError: it was not looked for, because the signer had no part
            in the item yet, or because it was pinned then.
    """
    if item.cid is None or placement.is_pinned(node, unit, item.state.evidence):
        return
    if item.cid not in ahead.content:
        raise ConflictError("the item changed in this very moment", hint="try again in a moment")
    if (lack := ahead.content[item.cid]) is not None:
        raise lack
    placement.require_root(node, item.cid)


def _sequence(
    node: Node,
    unit: UnitOfWork,
    checked: list[ValidatedSubmission],
    ahead: Ahead,
    numbers: Numbers,
) -> list[tuple[EntryRow, bool]]:
    """Judge each statement as if those before it had been sent before, and append the new ones.

    Returns:
        for each statement its row, and whether it was in the log before.
    """
    known_items = unit.items.named(
        sorted({submission.statement.claims.subject for submission in checked})
    )
    states: dict[str, ItemRow | None] = {}
    unwritten, appended = Unwritten(node, unit, states), list[EntryRow]()
    known: dict[int, EntryRow] = {}
    judge, signers = Review(node, unit, states, ahead), Signers(node, unit)
    # That a name is taken is told only if nothing else is wrong with the batch: otherwise a batch
    # made to fail, which leaves no trace, would tell that hidden items exist.
    names: list[str] = []
    numbers.look_up(
        (submission.event, signers.of(submission.certificate))
        for submission in checked
        if submission.statement.claims.effect == "open"
    )
    for number, submission in enumerate(checked):
        claims = submission.statement.claims
        if unwritten.decides_about(submission):
            appended += unwritten.write()
            judge.forget_written()
        if claims.subject not in states:
            states[claims.subject] = known_items.get(claims.subject)
        before = states[claims.subject]
        signer = signers.of(submission.certificate)
        if (row := _admit(node, unit, signer, submission, before)) is not None:
            known[number] = row
            continue
        # The certificate of a repeat was not judged: the statement must never be appended anew.
        if submission.repeats:
            raise authorization.hidden()
        if before is not None and claims.effect == "open":
            names.append(claims.subject)
            continue
        if before is not None and claims.effect == "accept":
            _require_held(node, unit, ahead, before)
        item = sequencing.item_after(node, submission, before)
        judge.require_allowed(submission, before, signer)
        numbers.require_free(submission.event, signer, before, judge.life)
        keys_with_events.check_grants(node, unit, judge, submission, before)
        keys_with_events.take_back(node, unit, judge, submission, before)
        states[claims.subject] = item
        unwritten.take(submission)
    if names:
        raise ConflictError(
            "an item is known under that name already", hint="open it under a new name"
        )
    rest = iter([*appended, *unwritten.write()])
    return [
        (known[number], True) if number in known else (next(rest), False)
        for number in range(len(checked))
    ]


def _admit(
    node: Node,
    unit: UnitOfWork,
    signer: Caller,
    submission: ValidatedSubmission,
    before: ItemRow | None,
) -> EntryRow | None:
    """The row of a statement that is there already; None for a new one that its signer's part in
    the item lets them record.

    What one signed oneself one may send again, whatever has become of one's part in the item: the
    answer may have been lost.

    Raises:
        NotFoundError: the signer has no part in the item, or it does not exist: the same answer,
            after the same look-ups.
        DeniedError: their part lets them record something else only. ConflictError: another event
            stands there.
    """
    claims = submission.statement.claims
    if claims.effect == "open":
        return same(unit, submission.statement) if before is not None else None
    parts = authorization.parts_of(node, unit, signer, claims.subject, before)
    mine = bool(parts) or unit.documents.get(submission.statement.payload) is not None
    if before is None or not mine:
        raise authorization.hidden()
    answered = transfer_steps.answered(unit, before.state)
    past = claims.seq <= before.state.seq + (answered is not None)
    if past and (row := same(unit, submission.statement)) is not None:
        return row
    if not parts:
        raise authorization.hidden()
    if past:
        _refuse(submission, before, answered=answered is not None)
    role = submission.event.value["actor"]["role"]
    require_part(submission.event.type, parts, role=role, held=signer.roles)
    return None


def _refuse(submission: ValidatedSubmission, before: ItemRow, *, answered: bool) -> NoReturn:
    seq = submission.statement.claims.seq
    if answered and seq > before.state.seq:
        raise ConflictError(
            "the handover is being settled on the chain", hint="try again in a moment"
        )
    raise ConflictError(
        f"another event already stands at seq {seq} of this item",
        hint="read the item again and sign anew",
    )
