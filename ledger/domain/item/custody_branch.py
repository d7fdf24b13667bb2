"""The custody branch of an item: which of its statements are its chain of custody, where agencies
may have signed more than one, whoever shows them and in whatever order.

Signers, roles and documents decide nothing here: a bad one on the branch is a dated failure.

1. Custody leaves an agency by a handover that the contract took as accepted or, once the agency is
   retired, for its successor; by nothing else.
2. A handover counts if statements in the giver's logs, each naming the one before, lead from where
   the giver's tenure began to the offer, each allowed to follow (``advance``). So nothing that a
   giver shows, hides or sequences anew later undoes what an honest taker signed.
3. In a tenure that no handover ended, the first one in the agency's current log of all that may
   follow does follow. For a retired agency that is the log as its retirement names it; then the
   successor's goes on, which need not wait for times beyond the retirement.
4. An offer to another agency is concluded by the contract's first handover behind the last one used
   that has its digest, giver, addressee and expiry. What follows a refusal or withdrawal names the
   digest of that outcome, whatever stands behind it. Without a handover only a withdrawal ends the
   offer; in the current tenure one that was first anchored after the offer expired.
5. A taker's tenure begins with an acceptance in the taker's log that names the offer: the one that
   the contract names if it is one, else the first. Without any, the branch ends.
6. An accepted or open handover that does not count changes nothing, and contests the answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ledger.domain.chain.contract_layout import ACCEPTED, OPEN, Hop
from ledger.domain.errors import RuleError
from ledger.domain.event.offer_terms import LONGEST
from ledger.domain.identity.names import agency_id
from ledger.domain.item.custody_transitions import ItemState, advance
from ledger.domain.item.sequenced_statement import LogHolder, SequencedStatement
from ledger.domain.item.statement_standings import CustodyBranch, judge

_ENDLESS: Final = 1 << 128


class _Walk(NamedTuple):
    """The branch so far. ``path``: (what came before, statement or number of a handover);
    ``retired``: whose successors went on; ``taken``: by the contract, and not yet accepted.
    """

    custodian: str
    state: ItemState | None = None
    path: tuple[Any, ...] = ()
    places: Mapping[str, int] = MappingProxyType({})
    giver: str = ""
    last: int = -1
    taken: bool = False
    retired: tuple[str, ...] = ()


def derive(
    origin: str,
    statements: Sequence[SequencedStatement],
    hops: Sequence[Hop],
    agencies: Mapping[str, LogHolder],
) -> CustodyBranch:
    """Derive the custody branch of the item that an agency opened.

    Args:
        statements: all that are shown about it. hops: on the contract, in order, an open one last.
    """
    derivation, walk, contested = _Derivation(origin, statements, hops, agencies), _Walk(origin), []
    for number, hop in enumerate(hops):
        reached = derivation.to_handover(walk, number) if hop.outcome == ACCEPTED else walk
        walk = reached or walk
        contested += [] if reached else [number]
    while following := next(derivation.onward(walk, None), None):
        walk = following
    if hops and hops[-1].outcome == OPEN and derivation.conclusion(walk, None) != len(hops) - 1:
        contested.append(len(hops) - 1)
    lists = (*walk.retired, walk.custodian)
    lacking = [f"the whole log of {code}" for code in lists if not agencies[code].whole]
    if walk.state is None or walk.taken:
        lacking.append(f"{'an acceptance' if walk.taken else 'an opening'} by {walk.custodian}")
    path, steps = walk.path, []
    while path:
        path, step = path
        steps.append(step)
    taken = tuple(one for one in reversed(steps) if isinstance(one, SequencedStatement))
    standings = judge(statements, taken, [hops[one] for one in steps if isinstance(one, int)])
    ends = walk.state, walk.custodian, walk.taken, tuple(contested), tuple(lacking)
    return CustodyBranch(taken, *ends, standings)


class _Derivation:
    def __init__(
        self,
        origin: str,
        statements: Sequence[SequencedStatement],
        hops: Sequence[Hop],
        agencies: Mapping[str, LogHolder],
    ) -> None:
        self._origin, self._hops, self._agencies = origin, hops, agencies
        self._codes = {agency_id(code): code for code in agencies}
        self._taking: dict[bytes, list[int]] = defaultdict(list)
        for number, hop in enumerate(hops):
            self._taking[hop.offer].append(number)
        self._behind: dict[bytes | None, list[SequencedStatement]] = defaultdict(list)
        self._before = {one.digest: one.claims.prev for one in statements}
        self._ended: dict[bytes, list[bytes]] = defaultdict(list)
        for hop in hops:
            self._ended[hop.outcome_digest].append(hop.offer)
        self._ways: dict[bytes, set[bytes]] = {}
        found = set()
        for one in sorted(statements, key=lambda one: one.place):
            if (one.agency, one.digest) not in found:  # else it was sequenced again
                self._behind[one.claims.prev].append(one)
            found.add((one.agency, one.digest))

    def to_handover(self, start: _Walk, number: int) -> _Walk | None:
        """Along any of the giver's statements to the offer that a handover took (rule 2)."""
        if start.state is not None and start.state.head not in self._way(number):
            return None  # whatever anybody put on the contract costs a reader next to nothing
        left, seen = [start], set()
        while left:
            walk = left.pop()
            if walk.last == number:
                return walk
            if (where := (walk.state, walk.last, walk.custodian)) not in seen:
                seen.add(where)
                left += reversed([*self.onward(walk, number)])
        return None

    def _way(self, number: int) -> set[bytes]:
        """Everything that leads to the offer of a handover, back to the opening."""
        offer = self._hops[number].offer
        if offer not in self._ways:
            way, left = self._ways.setdefault(offer, set()), [offer]
            while left:
                digest = left.pop()
                if digest not in way:
                    way.add(digest)
                    before = self._before.get(digest)
                    left += self._ended.get(digest, []) + ([before] if before else [])
        return self._ways[offer]

    def onward(self, walk: _Walk, target: int | None) -> Iterator[_Walk]:
        """What may come next on the way to a handover, or to the end."""
        state, number = walk.state, self.conclusion(walk, target)
        if number is not None and state is not None:
            hop, path = self._hops[number], (walk.path, number)
            if number == target and hop.taker in self._codes:
                taker = self._codes[hop.taker]
                yield walk._replace(custodian=taker, path=path, last=number, taken=True)
            elif hop.outcome not in (ACCEPTED, OPEN):
                state = replace(state, head=hop.outcome_digest, seq=state.seq + 1, offer=None)
                yield walk._replace(state=state, path=path, last=number)
            return
        chained = target is not None and agency_id(walk.custodian) == self._hops[target].giver
        found = [*self._followers(walk, chained=chained)]
        if target is not None and chained:
            way = self._way(target)
            found = [one for one in found if one.state is not None and one.state.head in way]
        yield from found if chained else found[:1]
        retired = self._agencies[walk.custodian].retired
        heir = retired.successor if retired else walk.custodian
        if not found and state and retired and heir in self._agencies.keys() - walk.retired:
            if walk.taken and state.offer:  # the acceptance is the successor's to sign
                state = replace(state, offer=replace(state.offer, to=heir))
            held = state.custodian if walk.taken else heir
            state = replace(state, custodian=held, time=min(state.time, retired.time))
            gone = (*walk.retired, walk.custodian)
            yield walk._replace(custodian=heir, state=state, retired=gone)

    def conclusion(self, walk: _Walk, target: int | None) -> int | None:
        """The handover that concluded the open offer, or that the contract holds open (rule 4)."""
        offer = walk.state.offer if walk.state else None
        if offer is None or walk.taken:
            return None
        end = len(self._hops) if target is None else target + 1
        for number in self._taking.get(offer.digest, ()):
            hop = self._hops[number]
            fits = walk.last < number < end and offer.expires in (None, hop.expires)
            if fits and (hop.giver, hop.taker) == (agency_id(walk.giver), agency_id(offer.to)):
                return number
        return None

    def _followers(self, walk: _Walk, *, chained: bool) -> Iterator[_Walk]:
        """With each statement in the custodian's logs that may follow: in that agency's order."""
        retired = self._agencies[walk.custodian].retired
        last, end = walk.places.get(walk.custodian, -1), retired.size if retired else _ENDLESS
        named = self._hops[walk.last].outcome_digest if walk.taken else None
        behind = self._behind.get(walk.state.head if walk.state else None, ())
        for one in sorted(behind, key=lambda one: one.digest != named):
            listed = one.index is not None and last < one.index < end
            if one.agency == walk.custodian and (chained or listed):
                state = self._state(walk, one, chained=chained)
                places = {**walk.places, one.agency: last if one.index is None else one.index}
                if state is not None:
                    giver, path = one.agency if state.offer else "", (walk.path, one)
                    after = walk._replace(state=state, path=path, places=places, giver=giver)
                    yield after._replace(taken=False)

    def _state(self, walk: _Walk, one: SequencedStatement, *, chained: bool) -> ItemState | None:
        """The item's state after a statement; None where it may not follow."""
        claims, before = one.claims, walk.state
        offer, expires, signed = before.offer if before else None, one.expires, claims.time
        allowed = claims.log_id in self._agencies[one.agency].logs
        allowed &= claims.effect == "none" or claims.issuer == one.agency
        allowed &= before is not None or one.agency == self._origin
        allowed &= expires is None or signed < expires <= signed + LONGEST
        if walk.taken:
            allowed &= claims.effect == "accept"
        elif offer is not None and offer.to == walk.giver == walk.custodian:  # within one agency
            late = offer.expires is not None and signed > offer.expires
            allowed &= claims.effect != "accept" or not late
        elif offer is not None:
            waits = offer.to != walk.giver and not chained
            early = waits and offer.expires is not None and one.proven <= offer.expires
            allowed &= claims.effect == "withdraw" and not early
        try:
            after = advance(before, claims, one.digest, log_agency=one.agency) if allowed else None
        except RuleError:
            return None
        made = after.offer if after else None
        return replace(after, offer=replace(made, expires=expires)) if after and made else after
