"""An item's life as its documents tell it: holds, seals, handling, retention, conditions; and what
they forbid to follow.

`custody.advance` judges what every verifier sees. This module judges what only the documents say; a
node applies it before it sequences an event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from ledger.domain.codecs.text import format_time, parse_time
from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.event.document import Event
from ledger.domain.identity.person import PersonId

#: Whoever may be given material that must not spread, by the kind of recipient that a disclosure
#: names.
OFFICIAL: Final = frozenset({"agency", "colleague", "prosecutor", "court", "court-expert"})
GUARDED: Final = "csam"
#: Roles of people outside government and court.
OUTSIDE: Final = frozenset({"defence"})
_UNSAID: Final = "(withheld)"
_DECLINE: Final = "decline it with what you found: custody handover decline"


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event with its statement digest. ``person``: who stands behind its actor, where that is
    known: people may be enrolled twice.
    """

    digest: bytes
    event: Event
    person: PersonId | None = None

    @property
    def actor(self) -> PersonId:
        """Who stands behind the event, else who recorded it."""
        if self.person is not None:
            return self.person
        actor = self.event.value["actor"]
        return PersonId(actor["agency"], actor["id"])


@dataclass
class ItemHistory:
    """What holds for an item after its events so far. Keys of ``told`` are statement digests in
    hex.
    """

    told: dict[str, RecordedEvent] = field(default_factory=dict)
    opening: Event | None = None
    holds: dict[str, dict[str, Any]] = field(default_factory=dict)
    seals: dict[str, dict[str, Any]] = field(default_factory=dict)
    handling: set[str] = field(default_factory=set)
    conditions: list[str] = field(default_factory=list)
    retention: int | None = None
    decided: dict[str, list[RecordedEvent]] = field(default_factory=dict)
    offer: RecordedEvent | None = None
    out: str = ""
    now: int = 0

    def take(self, told: RecordedEvent) -> None:  # noqa: C901  (a table: one line for each type)
        """Take the next event into account."""
        event, body = told.event, told.event.body
        self.told[told.digest.hex()] = told
        if self.opening is None:
            self._open(event)
            return
        match event.type:
            case "hold-placed":
                self.holds[body["hold"]] = body
            case "hold-released":
                self.holds.pop(body["hold"], None)
            case "sealed":
                self.seals.pop(body.get("replaces", ""), None)
                self.seals[body["number"]] = body
            case "unsealed":
                self.seals.pop(body["number"], None)
            case "restricted":
                self.handling |= set(body["handling"])
            case "unrestricted":
                self.handling -= set(body["handling"])
            case "retention-set":
                until = body.get("until")
                self.retention = parse_time(until, what="until") if until is not None else None
            case "approved" | "refused":
                self.decided.setdefault(body["target"], []).append(told)
            case "transfer-offered":
                self.offer = told
            case "transfer-accepted" if self.offer is not None:
                offered = self.offer.event.body.get("conditions", [])
                self.conditions = list(dict.fromkeys([*self.conditions, *offered]))
                self.offer = None
            case "transfer-declined" | "transfer-withdrawn" | "transfer-expired":
                self.offer = None
            case "released":
                party = body.get("counterparty")
                self.out = party.get("name", _UNSAID) if isinstance(party, dict) else _UNSAID
            case "received":
                self.out = ""

    def _open(self, event: Event) -> None:
        self.opening = event
        self.handling = set(event.value.get("handling", []))
        self.seals = {seal["number"]: seal for seal in event.body.get("seals", [])}
        source = event.body.get("source")
        self.conditions = list(source.get("conditions", [])) if isinstance(source, dict) else []

    @staticmethod
    def looks_back(event: Event) -> bool:
        """Whether earlier events decide if this one may follow; most cost no look back."""
        if event.type == "accessed":
            return str(event.value["actor"]["role"]) == "defence"
        return event.type in _CHECKS

    def require_allowed(self, told: RecordedEvent, now: int, *, rehearsed: bool = False) -> None:
        """Check that an event may follow.

        Args:
            rehearsed: it is only asked whether; who asks has not read the record yet, and names no
                approvals in a disposal.

        Raises:
            RuleError: with the reason. DeniedError: guarded material would leave government and
                court.
        """
        checks = _CHECKS | _BEFORE_READING if rehearsed else _CHECKS
        check = checks.get(told.event.type)
        if check is not None:
            self.now = now
            check(self, told)

    def standing(self) -> dict[str, Any]:
        """What holds now, for those who may read the record."""
        return {
            "holds": sorted(self.holds),
            "seals": sorted(self.seals),
            "handling": sorted(self.handling),
            "conditions": self.conditions,
            "keepUntil": None if self.retention is None else format_time(self.retention),
            "handedOutTo": self.out,
        }

    @property
    def has_content(self) -> bool:
        """Whether the item is a file rather than a thing."""
        return self.opening is not None and "content" in self.opening.body


def _body(told: RecordedEvent) -> dict[str, Any]:
    return told.event.body


def _hold_placed(life: ItemHistory, told: RecordedEvent) -> None:
    if _body(told)["hold"] in life.holds:
        raise RuleError(
            "a hold under that name is in force already", hint="give the new one another name"
        )


def _hold_released(life: ItemHistory, told: RecordedEvent) -> None:
    if _body(told)["hold"] not in life.holds:
        raise RuleError(
            "no hold under that name is in force", hint="see: custody show ID --basis WHY"
        )


def _sealed(life: ItemHistory, told: RecordedEvent) -> None:
    body = _body(told)
    if body["number"] in life.seals:
        raise RuleError("a seal with that number is on the item already", hint="check the number")
    if "replaces" in body and body["replaces"] not in life.seals:
        raise RuleError(
            "the seal that this one replaces is not on the item", hint="check the number"
        )


def _unsealed(life: ItemHistory, told: RecordedEvent) -> None:
    if _body(told)["number"] not in life.seals:
        raise RuleError("no seal with that number is on the item", hint="check the number")


def _decision(life: ItemHistory, told: RecordedEvent) -> None:
    target = life.told.get(_body(told)["target"])
    if target is None:
        raise RuleError(
            "what is decided upon is no event of this item", hint="give the digest of the event"
        )
    if target.actor == told.actor:
        raise RuleError("nobody decides upon what they recorded themselves", hint="ask a colleague")
    if any(one.actor == told.actor for one in life.decided.get(_body(told)["target"], [])):
        raise RuleError("you decided upon this already")


def _corrected(life: ItemHistory, told: RecordedEvent) -> None:
    if _body(told)["target"] not in life.told:
        raise RuleError(
            "what is corrected is no event of this item", hint="give the digest of the event"
        )


def _free_of_holds(life: ItemHistory, _: RecordedEvent) -> None:
    in_force = sorted(life.holds)
    if in_force:
        raise RuleError(
            f"{len(in_force)} holds are in force on this item",
            hint="a hold is lifted by the authority that placed it",
        )


def _disposable(life: ItemHistory, told: RecordedEvent) -> None:
    _free_of_holds(life, told)
    if life.retention is not None and life.now < life.retention:
        raise RuleError(
            "the time for which this item must be kept is not over",
            hint="see: custody show ID --basis WHY",
        )


def _disposed(life: ItemHistory, told: RecordedEvent) -> None:
    _disposable(life, told)
    requests = {
        digest: one for digest, one in life.told.items() if one.event.type == "disposal-requested"
    }
    if not requests:
        raise RuleError(
            "nobody requested the disposal", hint="custody dispose request ID --reason WHY"
        )
    approvals = [life.told.get(digest) for digest in _body(told)["approvals"]]
    good = [
        one
        for one in approvals
        if one is not None
        and one.event.type == "approved"
        and one.event.body["target"] in requests
        and requests[one.event.body["target"]].actor != one.actor
    ]
    if not good or len(good) != len(approvals):
        raise RuleError(
            "a disposal takes the approval of a second person",
            hint="custody dispose approve ID, by a colleague",
        )
    # A refusal ends one request, not the item's: it may be asked for again.
    requested = {one.event.body["target"] for one in good}
    rules = (requests[target].event.body.get("rule") for target in requested)
    approved = {str(one) for one in rules if one is not None}
    if (rule := _body(told).get("rule")) is not None and approved and rule not in approved:
        raise RuleError(
            f"the disposal was approved under {' and '.join(sorted(approved))}, not under {rule!r}",
            hint="carry it out under the rule that was approved, or request it anew",
        )
    if any(
        one.event.type == "refused" for target in requested for one in life.decided.get(target, [])
    ):
        raise RuleError(
            "the disposal was refused",
            hint="settle it with whoever refused, then: custody dispose request ID --reason WHY",
        )


def _keys_destroyed(life: ItemHistory, told: RecordedEvent) -> None:
    if life.opening is None:
        return  # the record itself was destroyed before: others confirm that they followed
    disposals = [
        digest
        for digest, one in life.told.items()
        if one.event.type in ("disposed", "returned", "voided")
    ]
    if not disposals:
        raise RuleError("keys are destroyed after an item was disposed of")
    if _body(told).get("disposal", disposals[0]) not in disposals:
        raise RuleError("the keys were destroyed for a disposal that is not this item's")


def _onward(life: ItemHistory, told: RecordedEvent) -> None:
    if life.conditions and "reference" not in told.event.value.get("basis", {}):
        raise RuleError(
            f"this item came with {len(life.conditions)} conditions on onward use",
            hint="give the reference of the authorisation: --authorisation REF",
        )


def _offered(life: ItemHistory, told: RecordedEvent) -> None:
    body = _body(told)
    if parse_time(body["expires"], what="expires") <= life.now:
        raise RuleError(
            "the offer would expire before anybody could answer it", hint="give a later time"
        )
    if body["mode"] == "loan" and "returnBy" not in body:
        raise RuleError("a loan says until when", hint="--return-by TIME")
    if life.out:
        raise RuleError(
            "the item was handed out and is not back yet",
            hint="record its return first: custody record receive",
        )
    _onward(life, told)


def _accepted(life: ItemHistory, told: RecordedEvent) -> None:
    offer, body = life.offer, _body(told)
    if offer is None or life.opening is None or body["offer"] != offer.digest.hex():
        raise RuleError("the acceptance names another offer than the open one")
    if offer.actor == told.actor:
        raise RuleError("nobody accepts what they offered themselves", hint="ask a colleague")
    to = offer.event.body["to"]
    actor = told.event.value["actor"]
    if "person" in to and (to["agency"], to["person"]) != (actor["agency"], actor["id"]):
        raise RuleError(
            "the offer is made to somebody else", hint="let the one it is made to accept it"
        )
    if life.now > parse_time(offer.event.body["expires"], what="expires"):
        raise RuleError("the offer has expired", hint="ask for a new one")
    recorded = life.opening.body.get("digests")
    if (
        life.has_content
        and recorded is not None
        and body.get("digests", {}).get("sha-256") != recorded.get("sha-256")
    ):
        raise RuleError(
            "the acceptance does not state the digest on record",
            hint="decline it with what you found: custody handover decline",
        )
    if not life.has_content and {seal["number"] for seal in body.get("seals", [])} != set(
        life.seals
    ):
        raise RuleError(
            "the acceptance does not state the seals on record",
            hint="decline it with what you found: custody handover decline",
        )


def _disclosed(life: ItemHistory, told: RecordedEvent) -> None:
    kind = _body(told)["recipientKind"]
    if GUARDED in life.handling and kind not in OFFICIAL:
        raise DeniedError(
            f"material marked {GUARDED} is not given to a recipient of kind {kind!r}",
            hint="show it under supervision",
        )
    if kind != "colleague":
        _onward(life, told)


def _accessed(life: ItemHistory, told: RecordedEvent) -> None:
    body, role = _body(told), told.event.value["actor"]["role"]
    if "basis" not in told.event.value:
        raise RuleError("an access says why", hint="--basis WHY")
    if GUARDED in life.handling and role == "defence":
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
    "hold-placed": _hold_placed,
    "hold-released": _hold_released,
    "sealed": _sealed,
    "unsealed": _unsealed,
    "approved": _decision,
    "refused": _decision,
    "corrected": _corrected,
    "disposed": _disposed,
    "returned": _free_of_holds,
    "voided": _free_of_holds,
    "keys-destroyed": _keys_destroyed,
    "transfer-offered": _offered,
    "transfer-accepted": _accepted,
    "disclosed": _disclosed,
    "accessed": _accessed,
}


def _unjudged(_life: ItemHistory, _told: RecordedEvent) -> None:
    """Everything about it depends on what its signer reads first."""


#: What is judged of these before their signer has read the record that they refer to.
_BEFORE_READING: Final = {"disposed": _disposable, "approved": _unjudged, "refused": _unjudged}
