"""Custody: which event may follow which, who may sign it, and who holds the item afterwards.

- only the log of the agency in custody sequences an item; the acceptance or refusal of an offer
  goes to the addressee's log instead
- from an open offer until its outcome nothing else is sequenced for the item
- after `close` only notes, readings and the destruction of keys follow
- times never run backwards within one item
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Self

from ledger.domain.codecs.text import format_time, is_case
from ledger.domain.errors import RuleError
from ledger.domain.event.document import Event
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.identity.person import PersonId
from ledger.domain.log.statement import Claims


@dataclass(frozen=True, slots=True)
class Offer:
    """An open offer: its statement digest, the agency and, where known, the person or unit it is
    made to.
    """

    digest: bytes
    to: str
    expires: int | None = None
    person: str | None = None

    @classmethod
    def from_event(cls, digest: bytes, event: Event) -> Self:
        """The offer that an event makes; ``digest`` is that of its statement.

        Returns:
            the offer, with the person that it names and the time until which it is good.
        """
        terms = OfferTerms.from_event(event)
        return cls(digest, terms.agency, terms.expires, terms.person)

    @classmethod
    def signed(cls, digest: bytes, claims: Claims, event: Event | None) -> Self | None:
        """The offer that a statement makes.

        Returns:
            the offer; of one whose document is withheld only the agency, and None where the
            statement offers nothing.
        """
        if claims.effect != "offer" or claims.to is None:
            return None
        return cls(digest, claims.to) if event is None else cls.from_event(digest, event)

    def names(self, who: PersonId) -> bool:
        """Whether it is made to one person, and to this one: to their agency, under their
        pseudonym.
        """
        return (self.to, self.person) == (who.agency, who.pseudonym)


@dataclass(frozen=True, slots=True)
class ItemState:
    """Where an item stands after its latest event. ``origin`` is the agency that opened it and
    ``custodian`` the one that holds it (codes), ``ref`` 32 bytes that stand for it on the chain,
    ``head`` the digest of its latest statement.
    """

    evidence: str
    origin: str
    ref: bytes
    custodian: str
    seq: int
    head: bytes
    time: int
    closed: bool = False
    offer: Offer | None = None


#: Types of events that may follow ``close``. Reading is one of them, since it is itself recorded:
#: else nobody could read, and show, what became of the item.
_AFTER_CLOSE: Final = frozenset({"keys-destroyed", "note", "accessed", "listed"})
#: What is said of anything else that shall follow an open offer, and how the offer ends.
OFFER_OPEN: Final = "an offer is open: only its acceptance, refusal or withdrawal may follow"
OFFER_ENDS: Final = (
    "whoever it is made to accepts or declines it; the holder or a custodian takes it back: "
    "custody handover withdraw ID --reason WHY"
)
_OUTCOMES: Final = frozenset({"accept", "decline", "withdraw"})


def advance(
    state: ItemState | None,
    claims: Claims,
    digest: bytes,
    *,
    log_agency: str,
    event: Event | None = None,
) -> ItemState:
    """The state after a statement, or the reason why it may not follow.

    Args:
        state: before the statement; None for an item that is not known.
        digest: the statement digest.
        log_agency: agency of the log that sequences it.
        event: its document where it is at hand; without it only the public effect is judged, and
            of an offer no more is known than the agency.

    Returns:
        the state after it.

    Raises:
        RuleError: with what was expected and found.
    """
    if state is None:
        return _opened(claims, digest, log_agency)
    _check_place(state, claims)
    _check_effect(state, claims, event)
    _check_log(state, claims, log_agency)
    taken = state.offer if claims.effect == "accept" else None
    return replace(
        state,
        custodian=taken.to if taken is not None else state.custodian,
        seq=claims.seq,
        head=digest,
        time=claims.time,
        closed=state.closed or claims.effect == "close",
        # Only an outcome may follow an open offer: after any statement no offer is open, unless
        # that statement makes one.
        offer=Offer.signed(digest, claims, event),
    )


def _opened(claims: Claims, digest: bytes, log_agency: str) -> ItemState:
    if claims.effect != "open" or claims.ref is None:
        raise RuleError(
            f"an item begins with an opening event, found effect {claims.effect!r} at seq "
            f"{claims.seq}"
        )
    return ItemState(claims.subject, log_agency, claims.ref, log_agency, 0, digest, claims.time)


def _check_place(state: ItemState, claims: Claims) -> None:
    """The statement comes right behind the item's latest event, in number, digest and time."""
    if claims.subject != state.evidence:
        raise RuleError("the statement is about another item")
    if claims.seq != state.seq + 1:
        raise RuleError(
            f"expected seq {state.seq + 1}, found {claims.seq}",
            hint="read the item again and sign anew",
        )
    if claims.prev != state.head:
        raise RuleError(
            "prev is not the digest of the item's latest event",
            hint="read the item again and sign anew",
        )
    if claims.time < state.time:
        raise RuleError(
            f"signed at {format_time(claims.time)}, which lies before the previous event, at "
            f"{format_time(state.time)}",
            hint="the clock of the computer that signed one of the two is wrong: set it, in UTC, "
            "then sign anew",
        )


def _check_effect(state: ItemState, claims: Claims, event: Event | None) -> None:
    """An item is opened once; after its end only events of ``_AFTER_CLOSE`` may follow."""
    if claims.effect in ("open", "agency"):
        raise RuleError(f"effect {claims.effect!r} cannot follow in an open item")
    ended = event is not None and event.type not in _AFTER_CLOSE
    if state.closed and (claims.effect != "none" or ended):
        if is_case(state.evidence):
            raise RuleError(
                "the case is closed: only notes and readings may follow",
                hint="open another one: custody case open NUMBER",
            )
        raise RuleError(
            "the item is closed: only notes, readings and the destruction of keys may follow"
        )


def _check_log(state: ItemState, claims: Claims, log_agency: str) -> None:
    """The log that sequences is the custodian's, or for an answer the recipient's."""
    if state.offer is None:
        if claims.effect in _OUTCOMES:
            raise RuleError(f"effect {claims.effect!r} without an open offer")
        expected = state.custodian
    else:
        if claims.effect not in _OUTCOMES:
            raise RuleError(OFFER_OPEN, hint=OFFER_ENDS)
        expected = state.custodian if claims.effect == "withdraw" else state.offer.to
        if claims.effect != "withdraw" and claims.issuer != state.offer.to:
            raise RuleError(f"the offer is made to {state.offer.to}, answered by {claims.issuer}")
    if log_agency != expected:
        raise RuleError(f"the item is sequenced by {expected}, found the log of {log_agency}")
