"""What was decided upon the events of an item, and which requests for its disposal stand.

- nobody decides upon what they recorded themselves, and nobody twice
- a disposal is requested, approved and carried out by people of the agency that has custody, of
  whom at least two are different: a guest answers to others, and neither approves nor refuses
- what is approved is the rule that the request names, or that there is none: the disposal is
  carried out under no other one
- while a request waits for a decision, its agency makes no second one: who approves would not know
  which of them is carried out
- a request ends with a refusal of that agency, and with a newer request of it: whoever refuses the
  newest refuses the disposal, whatever was approved before
- it ends as well when the item goes to another agency: whoever has custody then decides anew, also
  when it comes back
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.item.recorded_event import RecordedEvent

_REQUEST = "disposal-requested"


@dataclass
class Decisions:
    """Keys are statement digests in hex. ``custodian`` is the agency that has custody; ``requests``
    stand, ``approvals`` are of any event, ``made`` are decisions by what they are upon.
    """

    custodian: str = ""
    requests: dict[str, RecordedEvent] = field(default_factory=dict)
    approvals: dict[str, RecordedEvent] = field(default_factory=dict)
    made: dict[str, list[RecordedEvent]] = field(default_factory=dict)

    def take(self, recorded: RecordedEvent) -> None:
        """Take an event into account; most decide nothing."""
        digest = recorded.digest.hex()
        match recorded.event.type:
            case "disposal-requested":
                self.requests = {
                    earlier: request
                    for earlier, request in self.requests.items()
                    if request.agency != recorded.agency
                }
                self.requests[digest] = recorded
            case "approved" | "refused":
                self.made.setdefault(recorded.event.body["target"], []).append(recorded)
                if recorded.event.type == "approved":
                    self.approvals[digest] = recorded
            case "transfer-accepted" if recorded.agency != self.custodian:
                self.custodian = recorded.agency
                self.requests.clear()

    def require_request(self, recorded: RecordedEvent) -> None:
        """Check that no request of the same agency waits for a decision.

        Raises:
            RuleError: one does.
        """
        for digest, request in self.requests.items():
            made = self.made.get(digest, [])
            decided = any(decision.agency == self.custodian for decision in made)
            if request.agency == recorded.agency and not decided:
                number = request.event.value["seq"]
                raise RuleError(
                    f"a request for this disposal waits for a decision already: event {number}",
                    hint=(
                        "a colleague decides upon it first: `custody dispose approve ID`, or "
                        f"`custody record refuse ID --event {number} --reason WHY`"
                    ),
                )

    def require_decision(self, recorded: RecordedEvent, target: RecordedEvent) -> None:
        """Check that somebody may approve or refuse an event of the item.

        Raises:
            RuleError: they recorded it themselves, decided upon it before, or it is a request that
                stands no more. DeniedError: it is a request, and they are a guest.
        """
        digest = target.digest.hex()
        require_another(recorded, target)
        if any(one.actor == recorded.actor for one in self.made.get(digest, [])):
            raise RuleError("you decided upon this already")
        if target.event.type != _REQUEST:
            return
        if recorded.agency != self.custodian:
            raise DeniedError(
                "a disposal is decided by people of the agency that has custody",
                hint=f"let somebody of {self.custodian} decide; record what you know as a note",
            )
        if digest not in self.requests:
            raise RuleError(
                "that request for a disposal ended when the item went to another agency, or with a "
                "newer request",
                hint="decide upon the newer one; or: custody dispose request ID --reason WHY",
            )

    def require_disposal(self, recorded: RecordedEvent) -> None:
        """Check that a disposal was requested, and approved by a second person, and not refused;
        and that it is carried out under the rule that was approved.

        Raises:
            RuleError: otherwise.
        """
        requests = {
            digest: request
            for digest, request in self.requests.items()
            if request.agency == recorded.agency
        }
        if not requests:
            raise RuleError(
                "nobody requested the disposal", hint="custody dispose request ID --reason WHY"
            )
        ((digest, request),) = requests.items()
        # A refusal ends one request, not the item's: it may be asked for again.
        if any(
            one.event.type == "refused" and one.agency == recorded.agency
            for one in self.made.get(digest, [])
        ):
            raise RuleError(
                "the disposal was refused",
                hint=(
                    "settle it with whoever refused, then: custody dispose request ID --reason WHY"
                ),
            )
        approvals = [self.approvals.get(approval) for approval in recorded.event.body["approvals"]]
        good = [
            approval
            for approval in approvals
            if approval is not None
            and approval.event.body["target"] in requests
            and requests[approval.event.body["target"]].actor != approval.actor
            and approval.agency == recorded.agency
        ]
        if not good or len(good) != len(approvals):
            raise RuleError(
                "a disposal takes the approval of a second person of the agency that has custody",
                hint="a colleague approves it: `custody dispose approve ID`",
            )
        _require_rule(recorded, request)


def require_another(recorded: RecordedEvent, target: RecordedEvent) -> None:
    """Check that an event answers what somebody else recorded: for this the two of them are enough.

    Raises:
        RuleError: one person recorded both.
    """
    if target.actor == recorded.actor:
        accepts = recorded.event.type == "transfer-accepted"
        did = "accepts what they offered" if accepts else "decides upon what they recorded"
        raise RuleError(f"nobody {did} themselves", hint="ask a colleague")


def _require_rule(recorded: RecordedEvent, request: RecordedEvent) -> None:
    rule, approved = recorded.event.body.get("rule"), request.event.body.get("rule")
    if rule == approved:
        return
    raise RuleError(
        f"the disposal was approved {_by(approved)}, and would be carried out {_by(rule)}",
        hint=(
            "leave --rule out, or request it anew: "
            "custody dispose request ID --reason WHY --rule RULE"
            if approved is None
            else "carry it out under the rule that was approved: "
            "custody dispose carry-out ID --method HOW --rule RULE"
        ),
    )


def _by(rule: str | None) -> str:
    return "without a rule" if rule is None else f"under {rule}"
