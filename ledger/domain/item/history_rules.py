"""An item's life as its documents tell it: orders (orders.py), decisions (decisions.py), seals,
conditions; and what they forbid to follow.

`custody.advance` judges what every verifier sees. This module judges what only the documents say; a
node applies it before it sequences an event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from ledger.domain.codecs.text import format_time
from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.event import corrections
from ledger.domain.event.document import Event
from ledger.domain.event.moments import AHEAD
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.identity.person import PersonId
from ledger.domain.item.custody import Offer
from ledger.domain.item.decisions import Decisions
from ledger.domain.item.orders import Orders
from ledger.domain.item.recorded_event import RecordedEvent

#: Whoever may be given material that must not spread, by the kind of recipient that a disclosure
#: names.
OFFICIAL: Final = frozenset({"agency", "colleague", "prosecutor", "court", "court-expert"})
GUARDED: Final = "csam"
_UNSAID: Final = "(withheld)"
_DECLINE: Final = "decline it with what you found: custody handover decline ID --reason WHAT"


@dataclass
class ItemHistory:
    """What holds for an item after its events so far. Keys of ``events`` are statement digests in
    hex.

    ``offer``: the event that made the open offer. ``out``: to whom the item is handed out at the
    moment, empty where to nobody. ``now``: the time by which the event being checked is judged.
    """

    events: dict[str, RecordedEvent] = field(default_factory=dict)
    opening: Event | None = None
    orders: Orders = field(default_factory=Orders)
    seals: dict[str, dict[str, Any]] = field(default_factory=dict)
    conditions: list[str] = field(default_factory=list)
    decisions: Decisions = field(default_factory=Decisions)
    offer: RecordedEvent | None = None
    lenders: list[str] = field(default_factory=list)
    out: str = ""
    now: int = 0

    def take(self, recorded: RecordedEvent) -> None:
        """Take the next event into account."""
        event, body = recorded.event, recorded.event.body
        self.events[recorded.digest.hex()] = recorded
        if self.opening is None:
            self._open(recorded)
            return
        self.orders.take(event)
        self.decisions.take(recorded)
        match event.type:
            case "sealed":
                self.seals.pop(body.get("replaces", ""), None)
                self.seals[body["number"]] = body
            case "unsealed":
                self.seals.pop(body["number"], None)
            case "transfer-offered":
                self.offer = recorded
            case "transfer-accepted" if self.offer is not None:
                terms = OfferTerms.from_event(self.offer.event)
                self.conditions = list(dict.fromkeys([*self.conditions, *terms.conditions]))
                self._pass_on(terms, self.offer.agency, recorded.agency)
                self.offer = None
            case "transfer-declined" | "transfer-withdrawn" | "transfer-expired":
                self.offer = None
            case "released":
                party = body.get("counterparty")
                self.out = party.get("name", _UNSAID) if isinstance(party, dict) else _UNSAID
            case "received":
                self.out = ""

    def _open(self, recorded: RecordedEvent) -> None:
        event = self.opening = recorded.event
        self.decisions.custodian = recorded.agency
        self.orders.marks = dict.fromkeys(event.value.get("handling", []), recorded.role)
        self.seals = {seal["number"]: seal for seal in event.body.get("seals", [])}
        source = event.body.get("source")
        self.conditions = list(source.get("conditions", [])) if isinstance(source, dict) else []

    def _pass_on(self, terms: OfferTerms, giver: str, taker: str) -> None:
        """A loan lasts until the item is back with the agency that lent it, whoever else had it
        meanwhile.
        """
        if taker in self.lenders:
            del self.lenders[self.lenders.index(taker) :]
        elif terms.mode == "loan" and giver != taker:
            self.lenders.append(giver)

    @staticmethod
    def looks_back(event: Event) -> bool:
        """Whether earlier events decide if this one may follow; most cost no look back."""
        if event.type == "accessed":
            return str(event.value["actor"]["role"]) == "defence"
        return event.type in _CHECKS

    def require_allowed(
        self, recorded: RecordedEvent, now: int, *, rehearsed: bool = False
    ) -> None:
        """Check that an event may follow.

        Args:
            rehearsed: the event is a draft of somebody who has not read the record yet: the
                approvals of a disposal, and what a decision refers to, are not checked.

        Raises:
            RuleError: with the reason. DeniedError: guarded material would leave government and
                court.
        """
        checks = _CHECKS | _BEFORE_READING if rehearsed else _CHECKS
        check = checks.get(recorded.event.type)
        if check is not None:
            self.now = now
            check(self, recorded)

    def standing(self) -> dict[str, Any]:
        """What holds now, for those who may read the record."""
        until = self.orders.retention
        return {
            "holds": sorted(self.orders.holds),
            "seals": sorted(self.seals),
            "handling": sorted(self.orders.marks),
            "conditions": self.conditions,
            "keepUntil": None if until is None else format_time(until),
            "handedOutTo": self.out,
        }

    @property
    def has_content(self) -> bool:
        """Whether the item is a file rather than a thing."""
        return self.opening is not None and "content" in self.opening.body


def _body(recorded: RecordedEvent) -> dict[str, Any]:
    return recorded.event.body


def _sealed(history: ItemHistory, recorded: RecordedEvent) -> None:
    body = _body(recorded)
    if body["number"] in history.seals:
        raise RuleError("a seal with that number is on the item already", hint="check the number")
    if "replaces" in body and body["replaces"] not in history.seals:
        raise RuleError(
            "the seal that this one replaces is not on the item", hint="check the number"
        )


def _unsealed(history: ItemHistory, recorded: RecordedEvent) -> None:
    if _body(recorded)["number"] not in history.seals:
        raise RuleError("no seal with that number is on the item", hint="check the number")


def _decision(history: ItemHistory, recorded: RecordedEvent) -> None:
    target = history.events.get(_body(recorded)["target"])
    if target is None:
        raise RuleError(
            "what is decided upon is no event of this item", hint="give the digest of the event"
        )
    history.decisions.require_decision(recorded, target)


def _disposal_requested(history: ItemHistory, recorded: RecordedEvent) -> None:
    history.decisions.require_request(recorded)


def _corrected(history: ItemHistory, recorded: RecordedEvent) -> None:
    target = history.events.get(_body(recorded)["target"])
    if target is None:
        raise RuleError(
            "what is corrected is no event of this item", hint="give the digest of the event"
        )
    if recorded.agency not in (history.decisions.custodian, target.agency):
        raise DeniedError(
            "a guest corrects what people of their own agency recorded",
            hint="record what you know as a note: custody note ID --text WHAT",
        )
    events = {digest: one.event for digest, one in history.events.items()}
    corrections.require_correctable(events, recorded.event)


def _ordered(history: ItemHistory, recorded: RecordedEvent) -> None:
    history.orders.require_allowed(recorded.event)


def _free_of_holds(history: ItemHistory, _: RecordedEvent) -> None:
    history.orders.require_free()


def _ended(history: ItemHistory, recorded: RecordedEvent) -> None:
    _free_of_holds(history, recorded)
    if history.lenders:
        raise RuleError(
            f"this item is on loan from {history.lenders[-1]}, which alone decides how it ends",
            hint=f"hand it back: custody handover offer ID --to {history.lenders[-1]}",
        )


def _voided(history: ItemHistory, recorded: RecordedEvent) -> None:
    _ended(history, recorded)
    opened = history.opening.value["actor"]["agency"] if history.opening is not None else ""
    if opened != recorded.agency:
        raise RuleError(
            f"this item was recorded by {opened}, which alone knows whether that was a mistake",
            hint=f"hand it back: custody handover offer ID --to {opened}",
        )


def _disposable(history: ItemHistory, recorded: RecordedEvent) -> None:
    _ended(history, recorded)
    if history.orders.retention is not None and history.now < history.orders.retention:
        raise RuleError(
            "the time for which this item must be kept is not over",
            hint="see: custody show ID --basis WHY",
        )


def _disposed(history: ItemHistory, recorded: RecordedEvent) -> None:
    _disposable(history, recorded)
    history.decisions.require_disposal(recorded)


def _keys_destroyed(history: ItemHistory, recorded: RecordedEvent) -> None:
    if history.opening is None:
        return  # the record itself was destroyed before: others confirm that they followed
    disposals = [
        digest
        for digest, one in history.events.items()
        if one.event.type in ("disposed", "returned", "voided")
    ]
    if not disposals:
        raise RuleError("keys are destroyed after an item was disposed of")
    if _body(recorded).get("disposal", disposals[0]) not in disposals:
        raise RuleError("the keys were destroyed for a disposal that is not this item's")


def _onward(history: ItemHistory, recorded: RecordedEvent) -> None:
    if history.conditions and "reference" not in recorded.event.value.get("basis", {}):
        raise RuleError(
            f"this item came with {len(history.conditions)} conditions on onward use",
            hint="give the reference of the authorisation: --authorisation REF",
        )


def _offered(history: ItemHistory, recorded: RecordedEvent) -> None:
    terms = OfferTerms.from_event(recorded.event)
    if terms.expires <= history.now:
        raise RuleError(
            "the offer would expire before anybody could answer it", hint="give a later time"
        )
    if terms.mode == "loan" and terms.return_by is None:
        raise RuleError("a loan says until when", hint="--return-by TIME")
    _here(history, recorded)
    _onward(history, recorded)


def _here(history: ItemHistory, _: RecordedEvent) -> None:
    if history.out:
        raise RuleError(
            "the item was handed out and is not back yet",
            hint="record its return first: custody record receive ID --from WHO",
        )


def _accepted(history: ItemHistory, recorded: RecordedEvent) -> None:
    offered, body = history.offer, _body(recorded)
    if offered is None or history.opening is None or body["offer"] != offered.digest.hex():
        raise RuleError("the acceptance names another offer than the open one")
    if offered.actor == recorded.actor:
        raise RuleError("nobody accepts what they offered themselves", hint="ask a colleague")
    offer, actor = Offer.from_event(offered.digest, offered.event), recorded.event.value["actor"]
    if offer.person is not None and not offer.names(PersonId(actor["agency"], actor["id"])):
        raise RuleError(
            "the offer is made to somebody else", hint="let the one it is made to accept it"
        )
    if offer.expires is not None and history.now > offer.expires:
        raise RuleError("the offer has expired", hint="ask for a new one")
    on_record = history.opening.body.get("digests")
    if (
        history.has_content
        and on_record is not None
        and body.get("digests", {}).get("sha-256") != on_record.get("sha-256")
    ):
        raise RuleError(
            "the acceptance does not state the digest on record",
            hint=_DECLINE,
        )
    if not history.has_content and {seal["number"] for seal in body.get("seals", [])} != set(
        history.seals
    ):
        raise RuleError(
            "the acceptance does not state the seals on record",
            hint=_DECLINE,
        )


def _answered(history: ItemHistory, recorded: RecordedEvent) -> None:
    named = _body(recorded).get("offer")
    if named is not None and history.offer is not None and named != history.offer.digest.hex():
        raise RuleError(
            "the answer names another offer than the open one",
            hint="see what is on offer now: custody handover list",
        )


def _expired(history: ItemHistory, recorded: RecordedEvent) -> None:
    _answered(history, recorded)
    offered = history.offer
    expires = OfferTerms.from_event(offered.event).expires if offered is not None else 0
    if expires > history.now + AHEAD:  # whoever signs goes by a clock of their own
        raise RuleError(
            f"the offer has not expired: it is good until {format_time(expires)}",
            hint="take it back: custody handover withdraw ID --reason WHY",
        )


def _disclosed(history: ItemHistory, recorded: RecordedEvent) -> None:
    kind = _body(recorded)["recipientKind"]
    if GUARDED in history.orders.marks and kind not in OFFICIAL:
        raise DeniedError(
            f"material marked {GUARDED} is not given to a recipient of kind {kind!r}",
            hint="show it under supervision",
        )
    if kind != "colleague":
        _onward(history, recorded)


def _accessed(history: ItemHistory, recorded: RecordedEvent) -> None:
    body, role = _body(recorded), recorded.role
    if "basis" not in recorded.event.value:
        raise RuleError("an access says why", hint="--basis WHY")
    if GUARDED in history.orders.marks and role == "defence":
        if body["mode"] != "inspection":
            raise DeniedError(
                f"material marked {GUARDED} is inspected by the defence, never copied",
                hint="--mode inspection",
            )
        if not body.get("present"):
            raise DeniedError(
                f"material marked {GUARDED} is inspected under supervision",
                hint="say who is present: --present NAME",
            )


_CHECKS: Final = {
    **dict.fromkeys(("hold-placed", "hold-released", "unrestricted", "retention-set"), _ordered),
    "released": _here,
    "sealed": _sealed,
    "unsealed": _unsealed,
    "approved": _decision,
    "refused": _decision,
    "corrected": _corrected,
    "disposal-requested": _disposal_requested,
    "disposed": _disposed,
    "returned": _ended,
    "voided": _voided,
    "keys-destroyed": _keys_destroyed,
    "transfer-offered": _offered,
    "transfer-accepted": _accepted,
    "transfer-declined": _answered,
    "transfer-withdrawn": _answered,
    "transfer-expired": _expired,
    "disclosed": _disclosed,
    "accessed": _accessed,
}


def _unjudged(_life: ItemHistory, _told: RecordedEvent) -> None:
    """Check nothing: everything about the event depends on what its signer has yet to read."""


#: What is judged of these before their signer has read the record that they refer to.
_BEFORE_READING: Final = {"disposed": _disposable, "approved": _unjudged, "refused": _unjudged}
