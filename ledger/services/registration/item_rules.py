"""What the documents of an item forbid to follow, judged on the node before an event is
sequenced.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from ledger.domain.codecs.text import format_time
from ledger.domain.errors import ConflictError, DeniedError, RuleError
from ledger.domain.event.document import Event
from ledger.domain.event.offer_terms import ANOTHER_TAKER, OfferTerms
from ledger.domain.event.references import references
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.person import PersonId
from ledger.domain.identity.roles import OUTSIDE, ROLES_BY_TYPE
from ledger.domain.item import history_rules
from ledger.domain.item.history_rules import GUARDED
from ledger.domain.item.item_history import ItemHistory
from ledger.domain.item.participation import corrects_others
from ledger.domain.item.recorded_event import RecordedEvent
from ledger.rows.items import ItemRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization, key_release, stolen_orders
from ledger.services.access.authorization import Caller
from ledger.services.access.service_numbers import Persons
from ledger.services.node.context import Node
from ledger.services.onchain import agency_standing
from ledger.services.records import documents
from ledger.services.registration import case_rules, keepers_word, source_marks, stolen_keys
from ledger.services.registration.item_histories import Histories, recorded_event
from ledger.services.registration.statement_checks import RELEASES, ValidatedSubmission

BIOMETRIC: Final = "biometric"
_APPROVALS: Final = 2


@dataclass(slots=True)
class Ahead:
    """What was read for a batch before its transaction, in which nobody else can write: histories
    of its items, other items that a signer, by their certificate, may name, and of items that are
    taken over by their roots whether their content is here: None where it is.
    """

    histories: Histories
    seen: set[tuple[bytes, str]] = field(default_factory=set)
    content: dict[bytes, RuleError | None] = field(default_factory=dict)


class Review:
    """The judgement of one batch, within its transaction.

    Args:
        states: items as the batch has left them so far; the caller goes on filling it.
        ahead: as far as it was read before the transaction.
        rehearsed: it is only asked whether an event could follow.
    """

    def __init__(
        self,
        node: Node,
        unit: UnitOfWork,
        states: Mapping[str, ItemRow | None],
        ahead: Ahead,
        *,
        rehearsed: bool = False,
    ) -> None:
        self._rehearsed = rehearsed
        self._node = node
        self._unit = unit
        self._states = states
        self._ahead = ahead
        self._approvals: dict[str, RecordedEvent | None] = {}
        self._persons = Persons(node, unit)
        self._told: dict[str, list[RecordedEvent]] = {}  # by items, what waits to be written
        self._lives: dict[str, ItemHistory] = {}

    def require_allowed(
        self, submission: ValidatedSubmission, before: ItemRow | None, signer: Caller
    ) -> None:
        """Check an event against its item's life so far, and take it into account.

        Raises:
            RuleError, DeniedError: why it may not follow.
        """
        if self._node.profile is not None and submission.certificate.kind == "person":
            self._node.profile.require_allowed(submission.event)
        self._require_references(submission.event, signer)
        stolen_keys.require_honest(self._node, self._unit, submission.event)
        case_rules.require(self._node, self._unit, submission.event, signer, self.life)
        for code in _other_sides(submission.event, before, self._node.agency):
            agency_standing.require_active(self._unit, code)
        told = recorded_event(self._persons, submission.statement.digest, submission.event)
        evidence = submission.statement.claims.subject
        if before is None:
            self._require_approvals(told)
            source_marks.require(
                self._node, self._unit, submission.event, signer, self.life, self._told
            )
            self._require_official(submission, submission.event.value.get("handling", []))
        else:
            if submission.event.type == "accessed":
                _require_fresh(submission.statement.claims.time, self._node.clock.now())
                body = submission.event.body
                key_release.require_readable(
                    self._node,
                    self._unit,
                    signer,
                    before,
                    body["mode"],
                    present=bool(body.get("present")),
                )
            if submission.event.type == "keys-destroyed":
                if submission.certificate.kind == "person":
                    _require_destroyed(self._unit, evidence)
                else:
                    _require_first(self._unit, evidence, submission.certificate.agency)
            if submission.event.type == "transfer-accepted" and before.state.offer is not None:
                stolen_orders.require_honest_gift(self._node, self._unit, before.state.offer.digest)
            if submission.event.type == "transfer-offered":
                self._require_taker(submission.event, signer, before.holder)
            if submission.event.type in ("disclosed", "case-assigned"):
                self._require_another(submission.event, signer)
            life = (
                self.life(evidence)
                if history_rules.looks_back(submission.event)
                else self._lives.get(evidence, ItemHistory())
            )
            if submission.event.type == "corrected":
                self._require_own(told, life, before, signer)
            keepers_word.require(self._node, self._unit, told, before, signer, self.life)
            history_rules.require_allowed(
                life, told, self._node.clock.now(), rehearsed=self._rehearsed
            )
            source_marks.require_above_sources(self._node, self._unit, submission.event, self.life)
            stolen_keys.require_honest_end(self._node, self._unit, submission.event, life)
            self._require_official(submission, life.orders.marks)
        self._told.setdefault(evidence, []).append(told)
        if evidence in self._lives:
            self._lives[evidence].take(told)

    def forget_written(self) -> None:
        """What the batch has said so far stands in the database, and is read there from now on."""
        self._told.clear()

    def life(self, evidence: str) -> ItemHistory:
        """An item's life, with what this batch has said of it so far; what a thief took off or back
        is as it was before.
        """
        if evidence not in self._lives:
            life = self._lives[evidence] = self._ahead.histories.of(self._unit, evidence)
            for told in self._told.get(evidence, []):
                life.take(told)
            stolen_orders.put_back(self._node, self._unit, life.orders)
        return self._lives[evidence]

    def _require_another(self, event: Event, signer: Caller) -> None:
        """Nobody gives themselves a part in an item, under whichever enrolment: a custodian keeps
        it for others, and acts in no other role of theirs unless somebody else lets them.

        Raises:
            RuleError: they would.
        """
        to = event.body.get("to", {})
        if "person" in to and self._persons.behind(
            PersonId(to.get("agency", self._node.agency), to["person"])
        ) == self._persons.behind(signer.id):
            raise RuleError(
                "nobody gives an item to themselves, or a case",
                hint="let a colleague do it who holds it, or a custodian",
            )

    def _require_own(
        self, told: RecordedEvent, life: ItemHistory, before: ItemRow, signer: Caller
    ) -> None:
        """Whoever does not keep an item corrects what they recorded themselves, and nothing of
        others.

        Raises:
            DeniedError: it is another's.
        """
        parts = authorization.parts_of(
            self._node, self._unit, signer, before.state.evidence, before
        )
        target = life.events.get(told.event.body["target"])
        if (
            target is not None
            and target.actor != told.actor
            and not corrects_others(
                parts,
                held=signer.roles,
                role=told.role,
                guest=signer.is_guest(self._node.agency),
            )
        ):
            raise DeniedError(
                "whoever neither holds an item nor keeps it corrects what they recorded themselves",
                hint="record what you know as a note: custody note ID --text WHAT; or let whoever "
                "holds it, or a custodian, correct it",
            )

    def _require_references(self, event: Event, signer: Caller) -> None:
        """An event names other items that its signer has a part in, or opened in the same batch;
        hidden and absent ones are one answer.

        What an item is part of is not asked: files of a folder come before the folder itself. It is
        a word of the item's own record, and shown to those alone who see that item (lineage).

        Raises:
            RuleError: it names another, or its own item as another one.
        """
        for evidence in references(event):
            if evidence == event.value["evidence"]:
                raise RuleError(
                    "the event names its own item as another one",
                    hint="check the items that you name: custody list",
                )
            if self._states.get(evidence) is None and not self._is_seen(evidence, signer):
                raise source_marks.unknown(event)

    def _require_approvals(self, told: RecordedEvent) -> None:
        """What an item is derived by names approvals on the items that it is derived from; what
        recognises people takes two of them.

        Raises:
            RuleError: it names something else, or too few.
        """
        if told.event.type != "derived":
            return
        approved: dict[str, set[PersonId]] = {}  # by the events that they approve
        for digest in told.event.body.get("approvals", []):
            approval = self._approval(digest, told.event.body["parents"])
            if approval is None:
                raise RuleError(
                    f"{digest} is no approval on an item that this one is derived from",
                    hint="give the statement that `custody record approve PARENT --event N` told",
                )
            if approval.agency == told.agency:  # a guest is no colleague
                approved.setdefault(approval.event.body["target"], set()).add(approval.actor)
        if BIOMETRIC in told.event.value.get("handling", []) and not any(
            len(actors - {told.actor}) >= _APPROVALS and self._type_of(target) == "analysed"
            for target, actors in approved.items()
        ):
            raise RuleError(
                f"biometric output takes the approval of {_APPROVALS} colleagues, both of one "
                "examination (analysed) of an item that it is derived from",
                hint=(
                    "record it: `custody record analyse PARENT --what WHAT`; each approves it: "
                    "`custody record approve PARENT --event N`; then say --approval DIGEST twice"
                ),
            )

    def _approval(self, digest: str, parents: Collection[str]) -> RecordedEvent | None:
        """The approval that a statement is, on one of these items; None where it is something else.
        Read once in a batch, of which every event may name it.
        """
        row = self._unit.logs.entry_by_digest(bytes.fromhex(digest))
        if row is None or row.evidence not in parents:
            return None
        if digest not in self._approvals:
            event = documents.read_event(self._node, self._unit, row)
            self._approvals[digest] = (
                recorded_event(self._persons, row.digest, event)
                if event is not None
                and event.type == "approved"
                # Who approves a disposal has said nothing of output.
                and self._type_of(event.body["target"]) != "disposal-requested"
                else None
            )
        return self._approvals[digest]

    def _type_of(self, digest: str) -> str:
        """The type of the event of a statement; empty where it cannot be read."""
        row = self._unit.logs.entry_by_digest(bytes.fromhex(digest))
        event = documents.read_event(self._node, self._unit, row) if row is not None else None
        return event.type if event is not None else ""

    def _is_seen(self, evidence: str, signer: Caller) -> bool:
        named = (signer.certificate, evidence)
        if named not in self._ahead.seen and authorization.is_visible(
            self._node, self._unit, signer, evidence
        ):
            self._ahead.seen.add(named)
        return named in self._ahead.seen

    def _require_official(self, submission: ValidatedSubmission, marks: Collection[str]) -> None:
        """Guarded material is given to nobody outside government and court, whatever the event
        calls them and under whichever enrolment: neither to whom it names, nor to whoever opens or
        takes the item by signing it.

        Raises:
            DeniedError: it would be.
        """
        opens = submission.statement.claims.effect == "open"
        if GUARDED not in marks or not (opens or submission.event.type in RELEASES):
            return
        to = submission.event.body.get("to", {})
        given = (
            {PersonId(to.get("agency", self._node.agency), to["person"])}
            if "person" in to
            else set()
        )
        if opens or submission.event.type == "transfer-accepted":
            given.add(submission.certificate.subject)
        if any(self._persons.roles(person) & OUTSIDE for person in given):
            raise DeniedError(
                f"material marked {GUARDED} is granted to government and court only",
                hint="show it under supervision",
            )

    def _require_taker(self, event: Event, signer: Caller, holder: PersonId | None) -> None:
        """An item is offered to another agency, or to a colleague who is there to take it: never to
        oneself, under whichever number, and never to whoever holds it: their acceptance would say
        that custody passed. Another enrolment of the holder may take it over, since the one that
        holds it may have lost its keys.

        Raises:
            RuleError: otherwise.
        """
        terms, own = OfferTerms.from_event(event), self._node.agency
        if terms.agency != own:
            return
        row = self._unit.people.get(PersonId(own, terms.person)) if terms.person else None
        if row is None or not row.active:
            raise RuleError(
                "a handover inside the agency is made to a person who is active here",
                hint=ANOTHER_TAKER,
            )
        if self._persons.behind(row.person) == self._persons.behind(signer.id):
            raise RuleError("nobody offers an item to themselves", hint=ANOTHER_TAKER)
        if row.person == holder:
            raise RuleError("the person it is offered to holds it already", hint=ANOTHER_TAKER)
        der = self._unit.people.certificate(row.certificate)
        if der is None or not certificates.parse(der).roles & ROLES_BY_TYPE["transfer-accepted"]:
            raise RuleError("none of that person's roles may take an item over", hint=ANOTHER_TAKER)


def receivers(event: Event) -> set[str]:
    """Agencies to which an event gives something, as a whole or to one of their people."""
    return {event.body["to"]["agency"]} if "agency" in event.body.get("to", {}) else set()


def _other_sides(event: Event, before: ItemRow | None, own: str) -> set[str]:
    """Agencies that must be in good standing for an event: those that it gives something to, and
    the giver of what it takes. What is refused, taken back or destroyed asks nothing of them.
    """
    giver = (
        {before.state.custodian}
        if before is not None and event.type == "transfer-accepted"
        else set()
    )
    return (receivers(event) | giver) - {own}


def _require_fresh(time: int, now: int) -> None:
    """Nothing could be handed out under an access that is older, so it would tell of a reading that
    never was.
    """
    if now - time > key_release.FRESH:
        told = (
            f"the access is dated {format_time(time)}, and the node's clock says "
            f"{format_time(now)}: it opens nothing any more"
        )
        raise RuleError(
            told,
            hint=(
                "if you signed it just now, one of the two clocks is wrong: set it, in UTC, "
                "then sign anew"
            ),
        )


def _require_destroyed(unit: UnitOfWork, evidence: str) -> None:
    """Nobody says of keys that they are destroyed while the node holds them."""
    erasure = unit.erasures.get(evidence)
    if erasure is None or erasure.state == "due":
        raise RuleError(
            "the keys of this item are not destroyed",
            hint="the node destroys them after a disposal, and says so itself",
        )


def _require_first(unit: UnitOfWork, evidence: str, agency: str) -> None:
    """The node of an agency says once that it destroyed its keys: it asks again where the answer
    never reached it. Behind a closing it signs nothing else.

    Raises:
        ConflictError: it has said so.
    """
    behind = False
    for row in unit.logs.events(evidence):
        if behind and row.agency == agency:
            der = unit.people.certificate(row.certificate)
            if der is not None and certificates.parse(der).kind == "service":
                raise ConflictError(
                    f"{agency} has confirmed this disposal before", hint="nothing is left to do"
                )
        behind = behind or row.effect == "close"
