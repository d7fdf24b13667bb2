"""What somebody holds who has new keys, or leaves, offered to whoever shall hold it from now on:
one signed offer for each item.

- what is closed stays where it is, and so does what another agency has
- an item that is on offer takes no second offer: it is told, and is handed over once that is
  answered
- what was offered to keys that are lost is accepted by nobody: it is told with how it is taken back
- a case is handed to nobody: it is told with how a custodian assigns it to somebody else
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cli.invocation.hints import command, elsewhere
from cli.items import selection, short_ids
from cli.items.short_ids import Named
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from cli.items.selection import Chosen, Done
    from cli.node.session import Session
    from ledger.domain.identity.descriptor import HpkeKey
    from ledger.domain.ports.answers import Item

_DAYS: Final = 14  # for which an offer is good, as in `handover offer`
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Held:
    """How many items of ours somebody holds, and how each is called. ``free`` can be offered,
    ``waits`` are on offer to the new holder, ``elsewhere`` to somebody else. ``offered``: items,
    whoever holds them, of which the offer was made to keys that nobody has any more. ``shared``:
    items that were shared with them, and so open to these keys; none of those that the new holder
    has a share of. ``cases``: open ones that they hold, by their short ids.
    """

    count: int
    names: dict[str, str]
    free: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether they hold nothing, and nothing waits for them."""
        return not (self.count or self.offered or self.cases)

    @property
    def value(self) -> dict[str, Any]:
        """What a script is told of what was not offered now."""
        return {
            "onOffer": self.waits,
            "onOfferElsewhere": self.elsewhere,
            "offeredToOldKeys": self.offered,
            "sharedWithOldKeys": self.shared,
            "openCases": self.cases,
        }

    def told(self, *, keeps: bool) -> list[str]:
        """What a person is told of what waits, with how it goes on.

        Args:
            keeps: whether they are a custodian, who takes offers back.
        """
        lines = list[str]()
        if self.waits:
            many = counted(len(self.waits), "item", ("is", "are"))
            lines.append(f"{many} on offer to them already: {self._some(self.waits)}")
        if self.elsewhere:
            many = counted(len(self.elsewhere), "item", ("is", "are"))
            lines += [
                f"{many} on offer to somebody else, who answers first, or it is taken back: "
                + self._some(self.elsewhere),
                f"  see: {command('handover', 'list')}",
            ]
        if self.offered:
            many = counted(len(self.offered), "item", ("was", "were"))
            lines.append(f"{many} offered to the old keys: {self._some(self.offered)}")
            lines += [self._taken_back(urn, keeps=keeps) for urn in self.offered[:_SHOWN]]
        if self.shared:
            lines += self.opened()
            anew = elsewhere("share", "ITEM", "--with", "NUMBER", "--basis", "WHY")
            lines.append(f"  shares do not follow; one that shall: `{anew}`")
        if self.cases:
            more = f" and {len(self.cases) - _SHOWN:,} more" * (len(self.cases) > _SHOWN)
            many = counted(len(self.cases), "open case", ("stays", "stay"))
            words = ("case", "assign", self.cases[0], "--to", "NUMBER")
            way = command(*words) if keeps else f"`{elsewhere(*words)}`, by a custodian"
            lines += [
                f"{many} with them: {', '.join(self.cases[:_SHOWN])}{more}",
                f"  let somebody else see it: {way}",
            ]
        return lines

    def opened(self) -> list[str]:
        """What else the old keys open, for whoever thinks of who may have them now."""
        if not self.shared:
            return []
        many = counted(len(self.shared), "item", ("was", "were"))
        return [f"{many} shared with the old keys, which open them: {self._some(self.shared)}"]

    def _taken_back(self, urn: str, *, keeps: bool) -> str:
        name = self.names[urn]
        if keeps:
            return f"  take it back: {command('handover', 'withdraw', name, '--reason', 'WHY')}"
        back = elsewhere("handover", "withdraw", name, "--reason", "WHY")
        return f"  a custodian takes it back: `{back}`"

    def _some(self, urns: Sequence[str]) -> str:
        more = f" and {len(urns) - _SHOWN:,} more" if len(urns) > _SHOWN else ""
        return ", ".join(self.names[urn] for urn in urns[:_SHOWN]) + more


def find(session: Session, holders: Collection[str], *, to: str = "") -> Held:
    """What some enrolments hold, and what waits for them.

    Args:
        holders: pseudonyms. to: the pseudonym of the new holder; empty where there is none yet.
    """
    own = session.person.certificate.agency
    held = [
        item
        for holder in holders
        for item in session.node.find(holder=holder)
        if item.custodian == own and item.holder == holder and not (item.closed or item.erased)
    ]
    offered = [
        one.evidence
        for one in session.node.handovers()
        if (one.giver, one.taker) == (own, own) and one.person in holders
    ]
    anew = {item.evidence for item in session.node.find(shared=to)} if to else set[str]()
    shared = {
        item.evidence: item.opening
        for holder in holders
        for item in session.node.find(shared=holder)
        if item.holder not in holders and item.evidence not in anew and not item.erased
    }
    openings = {item.evidence: item.opening for item in held} | shared
    names = short_ids.apart(openings) | short_ids.shorts(
        session, (urn for urn in offered if urn not in openings)
    )
    free, waits, elsewhere_ = list[str](), list[str](), list[str]()
    for item in held:
        if item.evidence not in offered:
            _place_of(item, own, to, free, waits, elsewhere_).append(item.evidence)
    cases = {
        one.evidence: one.opening
        for holder in holders
        for one in session.node.find(kind="case", holder=holder, standing="open")
    }
    return Held(
        len(held), names, tuple(free), tuple(waits), tuple(elsewhere_), tuple(offered),
        tuple(shared), tuple(short_ids.apart(cases).values()),
    )  # fmt: skip


def _place_of(
    item: Item, own: str, to: str, free: list[str], waits: list[str], elsewhere_: list[str]
) -> list[str]:
    if item.offer is None:
        return free
    return waits if to and (item.offer.agency, item.offer.person) == (own, to) else elsewhere_


def agree(held: Held, question: str, *, yes: bool) -> None:
    """Show what would be offered, and ask.

    Args:
        question: with "{}" for how many there are.

    Raises:
        UsageError: they do not agree, or cannot be asked. Nothing was signed.
    """
    selection.agree(_chosen(held), question, yes=yes)


def hand_over(
    session: Session, held: Held, to: str, *, reason: str, sealed_to: HpkeKey | None = None
) -> Done:
    """Offer each item that can be offered, which was agreed to.

    Args:
        to: pseudonym of the new holder. reason: becomes part of each signed offer.
        sealed_to: see `handover.offer`.
    """
    from ledger.client.handovers import handover
    from ledger.domain.event.offer_terms import OfferTerms
    from ledger.domain.ports.answers import Recorded

    terms = OfferTerms(
        session.person.certificate.agency,
        session.clock.now() + _DAYS * 86400,
        to,
        purpose=reason,
        members={"basis": {"purpose": reason}},
    )

    def make(one: Named) -> Recorded:
        return handover.offer(
            session.node, session.person, session.clock, one.urn, terms, sealed_to=sealed_to
        )

    return selection.each(_chosen(held), make, "offering")


def _chosen(held: Held) -> Chosen:
    return selection.Chosen(
        tuple(Named(urn, name=held.names[urn]) for urn in held.free), whole=True
    )


def taking() -> list[str]:
    """How the new holder takes what is on offer."""
    thing = elsewhere("handover", "accept", "ITEM", "--seal", "NUMBER")
    return [
        f"They take files with: `{elsewhere('handover', 'accept', '--all')}`",
        f"A thing is taken by itself, with its seals: `{thing}`",
    ]
