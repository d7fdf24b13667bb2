"""Reading an item while it is on offer: the offer is taken back, the access signed, the content
released, and the same offer made again.

While an offer is open nothing but its answer may be sequenced, so nobody could sign an access for
as long as the offer is good.

- an offer to another agency is taken back through the contract: it is waited for until the contract
  has the offer, and again until it has the withdrawal; one that never reached the contract leaves
  no hop that would show that it was taken back
- the access is signed before a key leaves, as ever
- every step leaves a state that the node knows, so the same call goes on where one was interrupted:
  the withdrawal says that it is a pause, and an offer taken back for another reason is not made
  again
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ledger.client.handovers import handover
from ledger.client.handovers.handover import HandingApi
from ledger.client.reading import retrieval, whole_record
from ledger.domain.codecs.text import parse_time
from ledger.domain.crypto.grants import Grant
from ledger.domain.errors import (
    ConflictError,
    DeniedError,
    IncompleteError,
    NotFoundError,
    RuleError,
    UsageError,
)
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.event.signing import Person
from ledger.domain.ports.answers import (
    ExchangeRound,
    Handover,
    LoggedEvent,
    Recorded,
    RecordedDocument,
    Standing,
)
from ledger.domain.ports.node_and_chain import Clock

#: What the withdrawal of a pause gives as its reason.
PAUSED: Final = "paused: the content is needed meanwhile, and the item is offered again"
_POLL: Final = 1.0  # seconds between two looks at the chain
_LEAST: Final = 60  # seconds that an offer must be good still, to be worth making again


class PausingApi(HandingApi, Protocol):
    """What pausing an offer asks of a node; see NodeClient."""

    def events(self, evidence: str) -> Iterator[LoggedEvent]: ...
    def handovers(self) -> list[Handover]: ...
    def sync_handovers(self) -> ExchangeRound: ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long to wait for the chain, and whom to tell what is waited for."""

    patience: float = 600.0
    tell: Callable[[str], None] = lambda text: None
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Reading:
    """The access that covers the reading and its reason, the record and what holds by it, the
    offer that was paused with its terms, and the key sealed to its addressee anew.
    """

    access: str
    events: Sequence[RecordedDocument]
    standing: Standing
    offer: RecordedDocument
    basis: dict[str, Any]
    terms: OfferTerms
    made: list[Grant]


def take_back(
    node: PausingApi,
    person: Person,
    clock: Clock,
    evidence: str,
    waiting: Waiting,
    *,
    basis: dict[str, Any],
) -> None:
    """Take the open offer of an item back, and wait until that counts; nothing to do where a pause
    has done so before.

    Args:
        basis: why the item will be read: judged by the profile before the offer ends.

    Raises:
        UsageError: nothing is on offer, and nothing was paused. RuleError: the offer is over.
            ConflictError: the addressee was first.
        IncompleteError: the chain has not taken it in time; the same call goes on.
    """
    retrieval.rehearse(
        *(node, person, clock, evidence, "accessed", {"mode": "copy"}, {"basis": basis}),
        profile_alone=True,
    )
    item = node.item(evidence)
    if item.custodian != person.certificate.agency:
        raise ConflictError(
            f"{item.custodian} holds this item", hint="ask them: custody handover list"
        )
    if item.offer is None:
        _require_taken_back(node, evidence)
        return
    until = item.offer.expires
    _require_good(None if until is None else parse_time(until, what="expires"), clock)
    # Said before anything is signed: whoever has no key of it could neither read it nor offer it
    # again, and an addressee who left, or whom we know no longer, could not be offered it.
    retrieval.require_key(node, person, evidence, "copy", pausing=True)
    agency = item.offer.agency
    handover.recipient_key(
        node, agency, handover.named(agency, item.offer.person), person.certificate.agency
    )
    state = _state(node, evidence)
    deadline = time.monotonic() + waiting.patience
    if state == "offered":
        waiting.tell("the offer is on its way to the chain: waiting until the contract has it")
        while state == "offered":
            _pause(node, deadline, waiting)
            state = _state(node, evidence)
    if state in ("inside", "open"):
        handover.withdraw(node, person, clock, evidence, reason=PAUSED)
    if state != "inside":
        waiting.tell("taken back: waiting until the contract has it")
    while (item := node.item(evidence)).offer is not None:
        _pause(node, deadline, waiting)
    if item.custodian != person.certificate.agency:
        raise ConflictError(
            f"{item.custodian} accepted first: the item is theirs now",
            hint="custody handover list",
        )


def _state(node: PausingApi, evidence: str) -> str:
    return next((one.state for one in node.handovers() if one.evidence == evidence), "")


def _pause(node: PausingApi, deadline: float, waiting: Waiting) -> None:
    node.sync_handovers()
    if time.monotonic() > deadline:
        raise IncompleteError(
            8,
            "the chain has not taken it yet",
            hint="start the same command again: it goes on from here",
        )
    waiting.sleep(_POLL)


def _require_good(expires: int | None, clock: Clock) -> None:
    if expires is not None and clock.now() + _LEAST > expires:
        raise RuleError(
            "the offer is over, or will be in a moment",
            hint="take it back: custody handover withdraw ID --reason WHY",
        )


def _require_taken_back(node: PausingApi, evidence: str) -> None:
    """What the log shows in clear: the last that happened to the item itself is a withdrawal, with
    readings behind it at most.
    """
    events = node.events(evidence)
    effects = [event.effect for event in events if not event.void and event.effect != "none"]
    if not effects or effects[-1] != "withdraw":
        raise UsageError(
            "no offer of this item is open, and none is paused", hint="see: custody handover list"
        )


def begin(
    node: PausingApi, person: Person, clock: Clock, evidence: str, basis: dict[str, Any]
) -> Reading:
    """Sign the access to an item whose offer was taken back, and read its record.

    Raises:
        RuleError: the offer was taken back for good, or is over. DeniedError: no key of the item is
            this person's.
    """
    access = retrieval.record_access(node, person, clock, evidence, mode="copy", basis=basis)
    events, standing = node.record(evidence, access)
    if events[0].document is None:
        raise NotFoundError("the record of this item was destroyed")
    whole_record.require_whole(events)
    told = [event for event in events if event.type.startswith("transfer-")]
    if len(told) < 2 or _paused(told[-1]) != told[-2].statement:
        raise RuleError(
            "the offer was taken back for another reason than a pause",
            hint="make a new one: custody handover ID --to NUMBER, or --to AGENCY",
        )
    terms = OfferTerms.from_document(told[-2].document or {})
    _require_good(terms.expires, clock)
    to = handover.recipient_key(node, terms.agency, terms.recipient, person.certificate.agency)
    made = handover.rewrap(node, person, evidence, access, events[0].body, to)
    return Reading(access, events, standing, told[-2], basis, terms, made)


def _paused(event: RecordedDocument) -> str:
    """The offer that an event takes back in order to pause it; empty for every other one, such as a
    refusal of the addressee who gives that as the reason.
    """
    is_pause = event.type == "transfer-withdrawn" and event.body.get("reason") == PAUSED
    return str(event.body.get("offer", "")) if is_pause else ""


def offer_again(
    node: PausingApi, person: Person, clock: Clock, evidence: str, reading: Reading
) -> Recorded:
    """Make the offer again, with the same terms and the seals that are on the item now; the node's
    answer. The record is read once more: others may have read the item meanwhile.

    Raises:
        RuleError: another offer was made meanwhile.
    """
    try:
        events, standing = node.record(evidence, reading.access)
    except DeniedError:  # an access is good for an hour, and reading may take longer
        access = retrieval.record_access(
            node, person, clock, evidence, mode="view", basis=reading.basis
        )
        events, standing = node.record(evidence, access)
    whole_record.require_whole(events)
    if _transfers(events)[-1] != _transfers(reading.events)[-1]:
        raise RuleError(
            "the item was offered otherwise since this offer was paused",
            hint="see: custody handover list",
        )
    return handover.sign_offer(
        node, person, clock, evidence, reading.terms, standing.seals, reading.made, events
    )


def _transfers(events: Sequence[RecordedDocument]) -> list[str]:
    """Statements about handovers of an item."""
    return [event.statement for event in events if event.type.startswith("transfer-")]
