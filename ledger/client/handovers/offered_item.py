"""An item on offer, as whoever is asked to take it sees it before they sign anything.

What is shown, what is checked and what is signed are one reading of the record: an offer that is
taken back and made anew meanwhile, on other terms, is not answered by it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ledger.client.reading import retrieval
from ledger.client.reading.retrieval import ReaderApi
from ledger.domain.errors import DeniedError, NotFoundError, RuleError, VerificationError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.event.signing import Person
from ledger.domain.ports.answers import RecordedDocument, Standing
from ledger.domain.verify.signed_events import DISTRUST


class AskedApi(ReaderApi, Protocol):
    """What looking at an item on offer asks of a node; see NodeClient."""

    def incoming(self, evidence: str) -> tuple[list[RecordedDocument], list[bytes], Standing]: ...
    def open_offer(self, evidence: str) -> RecordedDocument: ...
    def incoming_content(self, evidence: str, start: int, end: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class OnOffer:
    """An item on offer: the documents that opened and that offer it, what holds for it now, and
    content keys as sealed.

    ``statement``: digest of the offer in hex, which an answer names; ``events``: the record.
    """

    evidence: str
    statement: str
    opening: dict[str, Any]
    offer: dict[str, Any]
    standing: Standing
    grants: tuple[bytes, ...]
    events: tuple[RecordedDocument, ...]

    @property
    def giver(self) -> str:
        """The agency that offers it."""
        return str(self.offer["actor"]["agency"])

    @property
    def has_content(self) -> bool:
        """Whether it is a file rather than a thing."""
        return "content" in self.opening["body"]


def look(node: AskedApi, person: Person, evidence: str) -> OnOffer:
    """Read what is on offer. The node writes down who looked.

    Raises:
        NotFoundError: nothing is on offer to this person, or its record was destroyed.
        RuleError: the offer has expired, or was answered. VerificationError: what the node shows
            is offered to somebody else.
    """
    events, given, standing = node.incoming(evidence)
    opening, offer = events[0].document, events[-1].document
    if opening is None or offer is None:
        raise NotFoundError("the record of this item was destroyed")
    if events[-1].type != "transfer-offered":
        raise RuleError(
            f"the last event on record is of type {events[-1].type!r}, and no open offer",
            hint="see: custody handover list",
        )
    terms, me = OfferTerms.from_document(offer), person.certificate.subject
    if terms.agency != me.agency or terms.recipient not in (None, me):
        raise VerificationError(
            2,
            f"the offer that the node shows is made to {terms.recipient or terms.agency}, and not "
            "to you",
            hint=DISTRUST,
        )
    return OnOffer(
        evidence, events[-1].statement, opening, offer, standing, tuple(given), tuple(events)
    )


def check(
    node: AskedApi,
    person: Person,
    shown: OnOffer,
    progress: Callable[[int], None] = lambda count: None,
) -> bytes | None:
    """Fetch and re-hash an item on offer; its content key, None for a thing.

    Raises:
        VerificationError: what arrived is not what was recorded: decline it.
    """
    if not shown.has_content:
        return None
    evidence, body = shown.evidence, shown.opening["body"]
    try:
        key = retrieval.content_key(person, evidence, body, shown.grants)
        retrieval.decrypt(
            lambda start, end: node.incoming_content(evidence, start, end),
            key,
            evidence,
            body,
            None,
            progress,
        )
    except DeniedError as error:
        if person.lacks_custody_key:
            raise
        hint = (
            "a custodian who holds the custody key takes it: `custody handover accept "
            f"{evidence.removeprefix('urn:uuid:')}`"
        )
        raise DeniedError(
            "the key of what is on offer is sealed to none of your keys", hint=hint
        ) from error
    except VerificationError as error:
        raise VerificationError(
            error.step,
            error.message,
            hint="refuse it: custody handover decline ID --reason WHAT-YOU-FOUND",
        ) from error
    return key
