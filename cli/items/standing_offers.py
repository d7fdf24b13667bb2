"""Offers that stand already where several items are offered: a command that was interrupted is
typed again, and goes on; one with other terms is not taken for that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cli.invocation.global_options import STATE
from cli.invocation.hints import command
from cli.items import selection, short_ids
from cli.terminal import output
from ledger.domain.codecs.text import counted, parse_time

if TYPE_CHECKING:
    from cli.items.selection import Chosen
    from cli.node.session import Session
    from ledger.domain.errors import RuleError
    from ledger.domain.event.offer_terms import OfferTerms

_DAY: Final = 86400
#: Seconds by which an offer ends sooner than its days say: those before it lasted so long.
_RUN: Final = 3600


@dataclass(frozen=True, slots=True)
class Parted:
    """What is to be offered: ``chosen`` without ``same``, the URNs of what is on offer already on
    the same terms; ``fresh``: those of it that are on offer on no others.
    """

    chosen: Chosen
    fresh: Chosen
    same: list[str]
    refusals: dict[str, RuleError]

    @property
    def beside(self) -> dict[str, list[str]]:
        """What a script is told of those that are left out."""
        return {"onOffer": self.same} if self.same else {}

    def lines(self, taker: str) -> list[str]:
        """What a person is told of them."""
        many = counted(len(self.same), "item")
        return [f"{many} left out: on offer to {taker} already"] * bool(self.same)

    def agree(self, taker: str, *, yes: bool) -> None:
        """Ask as selection.agree does, about those that can be offered."""
        if not STATE.json:
            output.say(*self.lines(taker))
        if self.fresh.items or not self.refusals:
            selection.agree(self.fresh, f"Offer {{}} to {taker}?", yes=yes)

    def require_fresh(self, urn: str) -> None:
        """Refuse an item that is on offer on other terms.

        Raises:
            RuleError: it is.
        """
        if urn in self.refusals:
            raise self.refusals[urn]


def part(session: Session, chosen: Chosen, wanted: OfferTerms, days: float) -> Parted:
    """Part several items by whether they are on offer already; one alone is left to the node.

    Args:
        days: for which the offer shall be good.
    """
    found = {} if chosen.alone else _on_offer(session, chosen, wanted, days)
    refusals = {urn: refusal for urn, refusal in found.items() if refusal is not None}
    same = [urn for urn in found if urn not in refusals]
    left = tuple(one for one in chosen.items if one.urn not in same)
    fresh = tuple(one for one in left if one.urn not in refusals)
    several = replace(chosen, items=left, several=not chosen.alone)
    return Parted(several, replace(several, items=fresh), same, refusals)


def _on_offer(
    session: Session, chosen: Chosen, wanted: OfferTerms, days: float
) -> dict[str, RuleError | None]:
    """Which items are on offer to whom they shall be offered: None for those on the same terms, and
    for the others why they are not offered.
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
