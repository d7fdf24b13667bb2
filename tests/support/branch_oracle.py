"""The custody branch by brute force: every way in which statements and handovers could follow one
another is written down first, each judged by replaying it from its beginning; then the rules of
docs/adr/0028 choose among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ledger.domain.chain.contract_layout import ACCEPTED, DECLINED, WITHDRAWN, Hop
from ledger.domain.identity.names import agency_id
from ledger.domain.item.sequenced_statement import LogHolder, SequencedStatement

DAY = 86400
#: A step is a statement, the number of a handover, or the code of a retired agency.
Step = SequencedStatement | int | str
Way = tuple[Step, ...]


class Oracle:
    def __init__(
        self,
        origin: str,
        shown: Sequence[SequencedStatement],
        hops: Sequence[Hop],
        agencies: Mapping[str, LogHolder],
    ) -> None:
        self.origin, self.hops, self.agencies = origin, hops, agencies
        self.codes = {agency_id(code): code for code in agencies}
        newest: dict[Any, SequencedStatement] = {}
        for one in shown:
            kept = newest.setdefault((one.agency, one.digest), one)
            if one.index is not None and (kept.index is None or one.index < kept.index):
                newest[one.agency, one.digest] = one
        self.shown = list(newest.values())
        self.limit = len(hops)

    def replay(self, way: Way) -> dict[str, Any] | None:
        """Where a way ends; None where a step of it is not allowed."""
        at: dict[str, Any] = {
            "holder": self.origin, "head": None, "seq": -1, "time": 0, "closed": False,
            "offer": None, "last": -1, "taken": False, "list": True, "heirs": (),
        }  # fmt: skip
        for step in way:
            if isinstance(step, int):
                if not self.concluded(at, step):
                    return None
            elif isinstance(step, str):
                if step != at["holder"] or not self.inherited(at):
                    return None
            elif not self.signed(at, step):
                return None
        return at

    def matching(self, at: dict[str, Any]) -> int | None:
        offer = at["offer"]
        if offer is None or at["taken"]:
            return None
        for number in range(at["last"] + 1, self.limit):
            hop = self.hops[number]
            if (
                hop.offer == offer.digest
                and hop.giver == agency_id(offer.agency)
                and hop.taker == agency_id(offer.claims.to)
                and offer.expires in (hop.expires, None)
            ):
                return number
        return None

    def concluded(self, at: dict[str, Any], number: int) -> bool:
        if self.matching(at) != number:
            return False
        hop = self.hops[number]
        if hop.outcome == ACCEPTED and hop.taker in self.codes:
            at.update(holder=self.codes[hop.taker], taken=True)
        elif hop.outcome in (DECLINED, WITHDRAWN):
            at.update(head=hop.outcome_digest, seq=at["seq"] + 1, offer=None)
        else:
            return False
        at["last"] = number
        return True

    def inherited(self, at: dict[str, Any]) -> bool:
        retired = self.agencies[at["holder"]].retired
        if retired is None or at["head"] is None or retired.successor not in self.agencies:
            return False
        at["time"] = min(at["time"], retired.time)
        at["heirs"] = (*at["heirs"], retired.successor)
        at["holder"] = retired.successor
        return True

    def signed(self, at: dict[str, Any], one: SequencedStatement) -> bool:
        claims, offer, effect = one.claims, at["offer"], one.claims.effect
        good = one.agency == at["holder"]
        good = good and claims.log_id in self.agencies[one.agency].logs
        good = good and (effect == "none" or claims.issuer == one.agency)
        if effect == "offer" and one.expires is not None:
            good = good and claims.time < one.expires <= claims.time + 90 * DAY
        if at["head"] is None:
            if not good or effect != "open" or one.agency != self.origin:
                return False
            at.update(head=one.digest, seq=0, time=claims.time)
            return True
        good = good and (claims.prev, claims.seq) == (at["head"], at["seq"] + 1)
        good = good and claims.time >= at["time"] and effect not in ("open", "agency")
        good = good and (not at["closed"] or effect == "none")
        if at["taken"]:
            good = good and effect == "accept"
        elif offer is None:
            good = good and effect not in ("accept", "decline", "withdraw")
        elif offer.claims.to == offer.agency == at["holder"]:
            good = good and effect in ("accept", "decline", "withdraw")
            if effect == "accept" and offer.expires is not None:
                good = good and claims.time <= offer.expires
        else:
            good = good and effect == "withdraw" and self.matching(at) is None
        if not good:
            return False
        at.update(head=one.digest, seq=claims.seq, time=claims.time, taken=False)
        at.update(closed=at["closed"] or effect == "close")
        at.update(offer=one if effect == "offer" else None)
        return True

    def ways(self) -> list[Way]:
        """All of them, by trying every step behind every way."""
        steps: list[Step] = [*self.shown, *range(self.limit), *self.agencies]
        found: list[Way] = [()]
        for way in found:
            for step in steps:
                if step not in way and self.replay((*way, step)) is not None:
                    found.append((*way, step))
        return found

    def by_the_log(self, start: Way, ways: Sequence[Way]) -> Way:
        """On from a way as the holder's log says, as far as its tenure goes."""
        at = self.replay(start)
        assert at is not None
        holder, way = at["holder"], start
        while True:
            options = []
            for longer in ways:
                if longer[:-1] != way or longer == ():
                    continue
                step = longer[-1]
                if isinstance(step, int):
                    return_to = self.hops[step].outcome
                    options += [(-2, longer)] if return_to != ACCEPTED else []
                elif isinstance(step, SequencedStatement) and self.in_list(way, step, holder):
                    options.append((self.rank(way, step), longer))
            now = self.replay(way)
            assert now is not None
            if self.matching(now) is not None:
                options = [option for option in options if option[0] == -2]
            if not options:
                return way
            way = min(options, key=lambda option: option[0])[1]

    def rank(self, way: Way, step: SequencedStatement) -> int:
        at = self.replay(way)
        named = at is not None and at["taken"] and self.hops[at["last"]].outcome_digest
        assert step.index is not None
        return -1 if named == step.digest else step.index

    def in_list(self, way: Way, step: SequencedStatement, holder: str) -> bool:
        if step.agency != holder or step.index is None:
            return False
        before = [
            one.index
            for one in way
            if isinstance(one, SequencedStatement)
            and one.agency == holder
            and one.index is not None
        ]
        retired = self.agencies[holder].retired
        if (before and step.index <= before[-1]) or (retired and step.index >= retired.size):
            return False
        at = self.replay(way)
        assert at is not None
        offer = at["offer"]
        abroad = offer is not None and not at["taken"] and offer.claims.to != offer.agency
        return not (abroad and offer.expires is not None and step.proven <= offer.expires)

    def orderly(self, way: Way, start: int, ways: Sequence[Way], giver: bytes) -> bool:
        """Whether each retired agency on it goes as far as its log says."""
        for number in range(start, len(way)):
            step = way[number]
            if isinstance(step, str):
                if agency_id(step) == giver:
                    return False
                begin = max(
                    [start, *(at + 1 for at in range(start, number) if isinstance(way[at], str))]
                )
                if self.by_the_log(way[:begin], ways) != way[:number]:
                    return False
        return True

    def answer(self) -> tuple[list[bytes], str, tuple[int, ...], bool]:
        """Digests of the branch, its holder, contested handovers, whether an acceptance lacks."""
        chosen: Way = ()
        contested = []
        for number, hop in enumerate(self.hops):
            if hop.outcome != ACCEPTED:
                continue
            self.limit = number + 1
            ways = self.ways()
            reaching = [
                way
                for way in ways
                if way[-1:] == (number,)
                and way[: len(chosen)] == chosen
                and not any(
                    isinstance(step, int) and self.hops[step].outcome == ACCEPTED
                    for step in way[len(chosen) : -1]
                )
                and self.orderly(way, len(chosen), ways, hop.giver)
            ]
            if not reaching:
                contested.append(number)
                continue
            chosen = min(reaching, key=lambda way: [_place(step) for step in way])
        self.limit = len(self.hops)
        ways = self.ways()
        while True:
            chosen = self.by_the_log(chosen, ways)
            at = self.replay(chosen)
            assert at is not None
            if self.matching(at) is not None or (*chosen, at["holder"]) not in ways:
                break
            chosen = (*chosen, at["holder"])
        if self.hops and self.hops[-1].outcome == 0 and self.matching(at) != self.limit - 1:
            contested.append(self.limit - 1)
        digests = [step.digest for step in chosen if isinstance(step, SequencedStatement)]
        return digests, at["holder"], tuple(contested), at["taken"]


def _place(step: Step) -> Any:
    if isinstance(step, SequencedStatement):
        return (0, step.index is None, step.index or 0, step.digest)
    return (1, isinstance(step, str), 0, b"")
