"""What an item's own record forbids to follow: seals, decisions, corrections, offers, guarded
material. Orders are judged by holds_and_retention.py, how an item ends by disposal.py.

`custody.advance` judges what every verifier sees. This module judges what only the documents say; a
node applies it before it sequences an event.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, Final

from ledger.domain.codecs.text import counted, format_time
from ledger.domain.errors import DemandError, DeniedError, RuleError
from ledger.domain.event import corrections
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.event.document import Event
from ledger.domain.event.offer_terms import LONGEST, OfferTerms
from ledger.domain.identity.person import PersonId
from ledger.domain.item import disposal
from ledger.domain.item.custody_transitions import Offer
from ledger.domain.item.decisions import require_another
from ledger.domain.item.item_history import ItemHistory
from ledger.domain.item.recorded_event import RecordedEvent

#: Whoever may be given material that must not spread, by the kind of recipient that a disclosure
#: names.
OFFICIAL: Final = frozenset({"agency", "colleague", "prosecutor", "court", "court-expert"})
GUARDED: Final = "csam"
#: What passed between a lawyer and a client: whoever investigates or prosecutes does not open it.
PRIVILEGED: Final = "privileged"
#: Marks that guard an item: what is made from it carries them, and they are taken off for a reason.
GUARDS: Final = frozenset({GUARDED, PRIVILEGED})
#: Marks under which the name of an item stands in no list: it may itself say who was harmed.
NAMELESS: Final = GUARDS | {"victim-identity", "classified"}
#: Who opens privileged content: those who keep it, sort it out or decide about it, and whose it is.
_CONFIDANTS: Final = frozenset({"custodian", "reviewer", "court", "defence"})
#: To whom it may be given, by the kind of recipient; colleagues open it as their roles let them.
_CONFIDED: Final = frozenset({"agency", "colleague", "court", "defence"})
_DECLINE: Final = "decline it with what you found: custody handover decline ID --reason WHAT"
_SEALS: Final = (
    "say each seal that you found: custody handover accept ID --seal NUMBER; where they are not "
    "those on record, decline it: custody handover decline ID --reason WHAT"
)


def looks_back(event: Event) -> bool:
    """Whether earlier events decide if this one may follow; most cost no look back."""
    if event.type == "accessed":
        return str(event.value["actor"]["role"]) == "defence"
    return event.type in _CHECKS


def require_allowed(
    history: ItemHistory, recorded: RecordedEvent, now: int, *, rehearsed: bool = False
) -> None:
    """Check that an event may follow on an item's history.

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
        history.now = now
        check(history, recorded)


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
    events = {digest: earlier.event for digest, earlier in history.events.items()}
    corrections.require_correctable(events, recorded.event)


def _ordered(history: ItemHistory, recorded: RecordedEvent) -> None:
    history.orders.require_allowed(recorded.event)


def _unrestricted(history: ItemHistory, recorded: RecordedEvent) -> None:
    _ordered(history, recorded)
    guards = GUARDS & set(_body(recorded)["handling"])
    if guards and not _body(recorded).get("reason"):
        raise RuleError(
            f"the mark {' and '.join(sorted(guards))} is taken off for a reason",
            hint="say why: --reason WHY",
        )


def _onward(history: ItemHistory, recorded: RecordedEvent) -> None:
    if history.conditions and "reference" not in recorded.event.value.get("basis", {}):
        raise DemandError(
            f"this item came with {counted(len(history.conditions), 'condition')} on onward use",
            ("/basis/reference",),
            hint="give the reference of the authorisation: --authorisation REF",
        )


def _offered(history: ItemHistory, recorded: RecordedEvent) -> None:
    terms = OfferTerms.from_event(recorded.event)
    if terms.expires <= history.now:
        raise RuleError(
            "the offer would expire before anybody could answer it", hint="give a later time"
        )
    if not 0 < terms.expires - recorded.time <= LONGEST:
        raise RuleError(
            "an offer is good for at most 90 days from when it is signed",
            hint="give an earlier time; it is made anew when it has expired",
        )
    if terms.mode == "loan" and terms.return_by is None:
        raise RuleError("a loan says until when", hint="--return-by TIME")
    disposal.require_here(history, recorded)
    _onward(history, recorded)


def _accepted(history: ItemHistory, recorded: RecordedEvent) -> None:
    offered, body = history.offer, _body(recorded)
    if offered is None or history.opening is None or body["offer"] != offered.digest.hex():
        raise RuleError("the acceptance names another offer than the open one")
    require_another(recorded, offered)
    offer, actor = Offer.from_event(offered.digest, offered.event), recorded.event.value["actor"]
    if offer.person is not None and not offer.names(PersonId(actor["agency"], actor["id"])):
        raise RuleError(
            "the offer is made to somebody else", hint="let the one it is made to accept it"
        )
    if offer.expires is not None and max(history.now, recorded.time) > offer.expires:
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
            hint=_SEALS,
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
    _disclosable(history, recorded)
    to = _body(recorded).get("to", {})
    lacking = GUARDS & history.orders.marks.keys() - set(recorded.event.value.get("handling", []))
    if lacking and "person" not in to and to.get("agency", recorded.agency) != recorded.agency:
        raise RuleError(
            f"the item is marked {' and '.join(sorted(lacking))}, and what is given to another "
            "agency does not say so: its copy would be guarded by nothing",
            hint="put the mark on anew, so that the record says it: "
            "custody record restrict ID --handling MARK; then disclose it",
        )


def _disclosable(history: ItemHistory, recorded: RecordedEvent) -> None:
    kind = _body(recorded)["recipientKind"]
    to = _body(recorded).get("to", {}).get("agency", recorded.agency)
    if kind == "colleague" and to != recorded.agency:
        # Conditions on onward use are not asked of colleagues.
        raise RuleError(
            f"{to} is another agency, and nobody of it is a colleague", hint="--kind agency"
        )
    if GUARDED in history.orders.marks and kind not in OFFICIAL:
        raise DeniedError(
            f"material marked {GUARDED} is not given to a recipient of kind {kind!r}",
            hint="show it under supervision",
        )
    if PRIVILEGED in history.orders.marks and kind not in _CONFIDED:
        raise DeniedError(
            f"material marked {PRIVILEGED} is not given to a recipient of kind {kind!r}",
            hint="whoever ordered the mark, or a court, takes it off first: "
            "custody record unrestrict ID --handling privileged --reason WHY",
        )
    if kind != "colleague":
        _onward(history, recorded)


def _accessed(history: ItemHistory, recorded: RecordedEvent) -> None:
    body, role = _body(recorded), recorded.role
    if "basis" not in recorded.event.value:
        raise RuleError("an access says why", hint="--basis WHY")
    if GUARDED in history.orders.marks and role == "defence":
        require_inspection(body["mode"], present=bool(body.get("present")))


def require_inspection(mode: str, *, present: bool) -> None:
    """How whoever stands for the defence reads guarded material.

    Args:
        present: whether it is said who is with them.

    Raises:
        DeniedError: otherwise than in an inspection under supervision.
    """
    if mode != "inspection":
        raise DeniedError(
            f"material marked {GUARDED} is inspected by the defence, never copied",
            hint="--mode inspection",
        )
    if not present:
        raise DeniedError(
            f"material marked {GUARDED} is inspected under supervision",
            hint="say who is present: --present NAME",
        )


def require_confidant(roles: AbstractSet[str]) -> None:
    """Who opens the content of privileged material.

    Args:
        roles: in which somebody may read or take the item.

    Raises:
        DeniedError: none of them is that of whoever keeps it, sorts it out or decides about it.
    """
    if not roles & _CONFIDANTS:
        raise DeniedError(
            f"material marked {PRIVILEGED} is opened by nobody who investigates or prosecutes",
            hint="its record is read with --mode view; a reviewer sorts it out, and whoever "
            "ordered the mark, or a court, takes it off: "
            "custody record unrestrict ID --handling privileged --reason WHY",
        )


_CHECKS: Final = {
    **dict.fromkeys(("hold-placed", "hold-released", "retention-set"), _ordered),
    "unrestricted": _unrestricted,
    "released": disposal.require_here,
    "sealed": _sealed,
    "unsealed": _unsealed,
    "approved": _decision,
    "refused": _decision,
    "corrected": _corrected,
    "disposal-requested": _disposal_requested,
    "disposed": disposal.require_disposal,
    "returned": disposal.require_endable,
    "voided": disposal.require_voidable,
    "keys-destroyed": disposal.require_key_destruction,
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
_BEFORE_READING: Final = {
    "disposed": disposal.require_disposable,
    "approved": _unjudged,
    "refused": _unjudged,
    "disclosed": _disclosable,
}
