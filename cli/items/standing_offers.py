"""Offers that stand already where several items are offered: a command that was interrupted is
typed again, and goes on; one with other terms is not taken for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cli.invocation.hints import command
from cli.items import short_ids
from ledger.domain.codecs.text import parse_time

if TYPE_CHECKING:
    from cli.items.selection import Chosen
    from cli.node.session import Session
    from ledger.domain.errors import RuleError
    from ledger.domain.event.offer_terms import OfferTerms

_DAY: Final = 86400
#: Seconds by which an offer ends sooner than its days say: those before it lasted so long.
_RUN: Final = 3600


def refusals(
    session: Session, chosen: Chosen, wanted: OfferTerms, days: float
) -> dict[str, RuleError | None]:
    """Which items are on offer to whom they shall be offered: None for those on the same terms, and
    for the others why they are not offered.

    Args:
        days: for which the offer shall be good.
    """
    to = (wanted.agency, wanted.recipient.pseudonym if wanted.recipient is not None else None)
    found, now = dict[str, "RuleError | None"](), session.clock.now()
    for urn, item in short_ids.as_told(session, (one.urn for one in chosen.items)).items():
        offer = item.offer
        if offer is None or (offer.agency, offer.person) != to or offer.expires is None:
            continue
        if parse_time(offer.expires, what="expires") >= now:
            found[urn] = _refusal(session, urn, wanted, days)
    return found


def _refusal(session: Session, urn: str, wanted: OfferTerms, days: float) -> RuleError | None:
    from ledger.domain.errors import RuleError
    from ledger.domain.event.offer_terms import OfferTerms

    document = session.node.open_offer(urn).document
    hint = "take it back first: " + command("handover", "withdraw", urn, "--reason", "WHY")
    if document is None:
        return RuleError(
            "on offer to them already by other keys than yours, on terms not shown", hint=hint
        )
    stands = OfferTerms.from_document(document)
    other = wanted.differing(stands)
    made = parse_time(document["time"], what="time")
    if not 0 <= made + days * _DAY - stands.expires <= _RUN:
        other.append("days")
    if not other:
        return None
    return RuleError(f"on offer to them already, on other terms: {', '.join(other)}", hint=hint)
