"""Custody: which event may follow which, who may sign it, and who holds the item afterwards.

- only the log of the agency in custody sequences an item; outcomes of an offer go to the
  addressee's log
- from an open offer until its outcome nothing else is sequenced for the item
- after `close` only notes, readings and the destruction of keys follow
- times never run backwards within one item
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.domain.codecs.text import format_time
from ledger.domain.errors import RuleError
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

    def names(self, who: PersonId) -> bool:
        """Whether it is made to one person, and to this one: to their agency, under their
        pseudonym.
        """
        return (self.to, self.person) == (who.agency, who.pseudonym)


@dataclass(frozen=True, slots=True)
class ItemState:
    """Where an item stands after its latest event. ``custodian`` is an agency code, ``head`` a
    statement digest.
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


#: Reading a closed item's record is an event like any other: without it nobody could show what
#: became of the item.
_AFTER_CLOSE: Final = frozenset({"keys-destroyed", "note", "accessed"})
_OUTCOMES: Final = frozenset({"accept", "decline", "withdraw"})


def advance(
    state: ItemState | None,
    claims: Claims,
    digest: bytes,
    *,
    log_agency: str,
    event_type: str | None = None,
    expires: int | None = None,
    person: str | None = None,
) -> ItemState:
    """The state after a statement, or the reason why it may not follow.

    Args:
        state: before the statement; None for an item that is not known.
        digest: the statement digest.
        log_agency: agency of the log that sequences it.
        event_type: the type where the document is at hand; without it only the public effect is
            judged.
        expires, person: from the body of an offer.

    Raises:
        RuleError: with what was expected and found.
    """
    if state is None:
        if claims.effect != "open" or claims.ref is None:
            raise RuleError(
                f"an item begins with an opening event, found effect {claims.effect!r} at seq "
                f"{claims.seq}"
            )
        return ItemState(claims.subject, log_agency, claims.ref, log_agency, 0, digest, claims.time)
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
        told = (
            f"signed at {format_time(claims.time)}, which lies before the previous event, at "
            f"{format_time(state.time)}"
        )
        raise RuleError(
            told,
            hint=(
                "the clock of the computer that signed one of the two is wrong: set it, in UTC, "
                "then sign anew"
            ),
        )
    if claims.effect in ("open", "agency"):
        raise RuleError(f"effect {claims.effect!r} cannot follow in an open item")
    if state.closed and (
        claims.effect != "none" or (event_type is not None and event_type not in _AFTER_CLOSE)
    ):
        raise RuleError(
            "the item is closed: only notes, readings and the destruction of keys may follow"
        )
    _check_log(state, claims, log_agency)
    # Nothing but an outcome follows an open offer, so that whatever follows leaves none open but an
    # offer itself.
    offer = (
        Offer(digest, claims.to, expires, person)
        if claims.effect == "offer" and claims.to is not None
        else None
    )
    custodian = (
        state.offer.to if claims.effect == "accept" and state.offer is not None else state.custodian
    )
    closed = state.closed or claims.effect == "close"
    return ItemState(
        state.evidence,
        state.origin,
        state.ref,
        custodian,
        claims.seq,
        digest,
        claims.time,
        closed,
        offer,
    )


def _check_log(state: ItemState, claims: Claims, log_agency: str) -> None:
    if state.offer is None:
        if claims.effect in _OUTCOMES:
            raise RuleError(f"effect {claims.effect!r} without an open offer")
        expected = state.custodian
    else:
        if claims.effect not in _OUTCOMES:
            raise RuleError(
                "an offer is open: only its acceptance, refusal or withdrawal may follow"
            )
        expected = state.custodian if claims.effect == "withdraw" else state.offer.to
        if claims.effect != "withdraw" and claims.issuer != state.offer.to:
            raise RuleError(f"the offer is made to {state.offer.to}, answered by {claims.issuer}")
    if log_agency != expected:
        raise RuleError(f"the item is sequenced by {expected}, found the log of {log_agency}")
