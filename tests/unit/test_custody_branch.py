"""Histories in which somebody lies about custody, one by one; docs/adr/0028 says what each was."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ledger.domain.chain.contract_layout import ACCEPTED, DECLINED, WITHDRAWN
from ledger.domain.item.custody_branch import derive
from ledger.domain.item.statement_standings import CustodyBranch
from ledger.domain.log.statement import Effect
from tests.support.branch_world import DAY, BranchWorld

NL, RO, DE = "NL-POL", "RO-POL", "DE-BKA"


class Story(BranchWorld):
    """A history told act by act, a minute each."""

    def __init__(self) -> None:
        super().__init__(random.Random(1), [True, True, True, True])
        self.opening = self.agencies[NL].current[0]

    def say(
        self, code: str, effect: Effect, prev: bytes, to: str | None = None, **members: int
    ) -> bytes:
        """The statement behind another one, or behind the outcome of a handover."""
        self.time += 60
        offers = {hop.outcome_digest: hop.offer for hop in self.hops}
        seq = members.pop("seq", -1)
        if seq < 0:
            known = prev in self.signed
            seq = self.signed[prev if known else offers[prev]][0].seq + (not known)
        expires = members.pop("expires", self.time + DAY) if effect == "offer" else None
        agency, time = self.agencies[code], members.get("time")
        return self.sign(agency, effect, prev, seq, to=to, expires=expires, time=time)

    def send(self, code: str, offer: bytes, later: int = 0) -> None:
        self.time += 60
        claims, expires = self.signed[offer]
        assert claims.to is not None
        assert expires is not None
        self.offer(code, claims.to, offer, expires + later)

    def end(self, code: str, outcome: int, digest: bytes) -> None:
        self.time += 60
        assert self.conclude(code, outcome, digest)

    def hand_over(self, giver: str, prev: bytes, taker: str) -> bytes:
        """An offer, sent and accepted: the acceptance."""
        offer = self.say(giver, "offer", prev, taker)
        self.send(giver, offer)
        accepted = self.say(taker, "accept", offer)
        self.end(taker, ACCEPTED, accepted)
        return accepted

    def fork(self, code: str, size: int, *again: bytes) -> None:
        self.time += 60
        self.open_log(self.agencies[code], size, again)

    def told(self, *without: bytes) -> CustodyBranch:
        return self.derive([one for one in self.everything() if one.digest not in without])


@pytest.fixture
def story() -> Story:
    return Story()


def test_no_statement_left_out_of_a_false_list_undoes_a_later_handover(story: Story) -> None:
    """NL and RO lie: NL keeps a statement of lower index to itself, DE replays the log of RO alone,
    and years later NL shows it. By index all that followed was void.
    """
    hidden = story.say(NL, "none", story.opening)
    shown = story.say(NL, "none", story.opening)
    taken = story.hand_over(RO, story.hand_over(NL, shown, RO), DE)
    assert story.told(hidden).settled
    answer = story.told()
    assert (answer.custodian, answer.standings[taken]) == (DE, "stands")
    assert answer.standings[hidden] == "fork"


def test_no_later_handover_revives_what_an_older_log_holds(story: Story) -> None:
    """What a handover names in an older log counted, at its old place: named later, it came before
    all that an honest taker had done since.
    """
    forked = story.say(NL, "none", story.opening)
    offer = story.say(NL, "offer", forked, DE, expires=story.time + 30 * DAY)
    story.fork(NL, 1)
    accepted = story.hand_over(NL, story.say(NL, "none", story.opening), RO)
    story.hand_over(RO, accepted, NL)
    story.put(story.agencies[NL], offer)
    story.send(NL, offer)
    story.end(DE, ACCEPTED, story.say(DE, "accept", offer))
    answer = story.told()
    assert answer.standings[accepted] == "stands"
    assert (answer.custodian, answer.contested) == (NL, (2,))


def test_no_acceptance_hidden_in_an_older_log_undoes_a_later_handover(story: Story) -> None:
    """RO accepted once, opened another log, accepted anew there, and handed on to DE."""
    offer = story.say(NL, "offer", story.opening, RO)
    story.send(NL, offer)
    hidden = story.say(RO, "accept", offer)
    story.end(RO, ACCEPTED, hidden)
    story.fork(RO, 0)
    taken = story.hand_over(RO, story.say(RO, "accept", offer), DE)
    assert story.told(hidden).settled
    assert story.told().standings[taken] == "stands"


def test_nothing_beyond_a_retirement_undoes_what_the_successor_did(story: Story) -> None:
    """The retired agency's offer was not in the checkpoint that the retirement named."""
    beyond = story.say(NL, "offer", story.opening, DE)
    story.send(NL, beyond)
    story.retire(story.agencies[NL], RO, 1)
    story.end(RO, WITHDRAWN, bytes(32))
    noted = story.say(RO, "none", story.opening)
    answer = story.told()
    assert (answer.custodian, answer.standings[noted]) == (RO, "stands")
    assert answer.settled


def test_an_offer_of_a_thief_that_was_taken_back_keeps_nobody_from_taking(story: Story) -> None:
    """A taker refused where any earlier handover matched nothing: the item was stuck for ever."""
    story.offer(NL, DE, bytes(32), story.time + DAY)
    assert story.told().contested == (0,)
    story.end(NL, WITHDRAWN, story.opening)
    offer = story.say(NL, "offer", story.opening, RO)
    story.send(NL, offer)
    assert story.told().settled
    taken = story.say(RO, "accept", offer)
    story.end(RO, ACCEPTED, taken)
    assert story.told().custodian == RO


def test_no_refusal_whose_offer_was_dropped_is_held_against_who_refused(story: Story) -> None:
    offer = story.say(NL, "offer", story.opening, RO)
    story.send(NL, offer)
    refusal = story.say(RO, "decline", offer)
    story.end(RO, DECLINED, refusal)
    assert story.told().standings[refusal] == "stands"
    story.fork(NL, 1)
    story.hand_over(NL, story.opening, RO)
    answer = story.told()
    assert answer.standings[refusal] == "apart"
    assert (answer.custodian, answer.settled) == (RO, True)


def test_no_clock_of_a_retired_agency_keeps_its_successor_from_going_on(story: Story) -> None:
    dated = story.say(NL, "none", story.opening, time=story.time + 9000 * DAY)
    story.retire(story.agencies[NL], RO, 2)
    noted = story.say(RO, "none", dated)
    assert story.told().standings[noted] == "stands"


def test_no_retired_agency_that_took_on_chain_alone_keeps_its_successor_from_taking(
    story: Story,
) -> None:
    offer = story.say(NL, "offer", story.opening, RO)
    story.send(NL, offer)
    story.end(RO, ACCEPTED, bytes(32))
    assert "an acceptance by RO-POL" in story.told().lacking
    story.retire(story.agencies[RO], DE, 0)
    accepted = story.say(DE, "accept", offer)
    assert (story.told().custodian, story.told().settled) == (DE, True)
    assert story.told().standings[accepted] == "stands"


def test_whoever_hides_the_offer_that_was_accepted_has_no_settled_answer(story: Story) -> None:
    """NL hands over, opens another log without the offer, and shows that one alone: the handover
    counted for nothing, and NL had the item again.
    """
    offer = story.say(NL, "offer", story.opening, RO)
    story.send(NL, offer)
    story.end(RO, ACCEPTED, story.say(RO, "accept", offer))
    story.fork(NL, 1)
    story.say(NL, "none", story.opening)
    assert (story.told().custodian, story.told().settled) == (RO, True)
    assert (story.told(offer).custodian, story.told(offer).contested) == (NL, (0,))


def test_no_thief_sends_a_refused_offer_once_more(story: Story) -> None:
    offer = story.say(NL, "offer", story.opening, RO)
    story.send(NL, offer)
    refusal = story.say(RO, "decline", offer)
    story.end(RO, DECLINED, refusal)
    noted = story.say(NL, "none", refusal)
    story.send(NL, offer)
    story.end(RO, ACCEPTED, story.say(RO, "accept", offer))
    answer = story.told()
    assert (answer.custodian, answer.standings[noted]) == (NL, "stands")
    assert answer.contested == (1,)


@pytest.mark.parametrize("other", ["expiry", "addressee"])
def test_no_thief_sends_an_offer_on_other_terms(story: Story, other: str) -> None:
    offer = story.say(NL, "offer", story.opening, RO)
    if other == "expiry":
        story.send(NL, offer, later=DAY)
        story.end(RO, ACCEPTED, story.say(RO, "accept", offer))
    else:
        expires = story.signed[offer][1]
        assert expires is not None
        story.offer(NL, DE, offer, expires)
        story.end(DE, ACCEPTED, story.say(DE, "accept", offer))
    assert (story.told().custodian, story.told().contested) == (NL, (0,))


@pytest.mark.parametrize("junk", ["random", "opening"])
def test_no_thief_stops_an_item_by_ending_its_offer_with_junk(story: Story, junk: str) -> None:
    offer = story.say(NL, "offer", story.opening, RO)
    story.send(NL, offer)
    digest = story.opening if junk == "opening" else bytes(range(32))
    story.end(NL, WITHDRAWN, digest)
    noted = story.say(NL, "none", digest, seq=2)
    assert story.told().standings[noted] == "stands"
    assert story.told(story.hand_over(NL, noted, RO)).custodian == RO


def test_no_thief_s_acceptance_keeps_the_addressee_from_signing_its_own(story: Story) -> None:
    offer = story.say(NL, "offer", story.opening, RO)
    story.send(NL, offer)
    story.end(RO, ACCEPTED, story.opening)
    assert not story.told().settled
    first = story.say(RO, "accept", offer)
    second = story.say(RO, "accept", offer)
    answer = story.told()
    assert (answer.standings[first], answer.standings[second]) == ("stands", "lost")
    story.hops[0] = replace(story.hops[0], outcome_digest=second)
    assert [story.told().standings[one] for one in (first, second)] == ["lost", "stands"]


def test_a_withdrawal_that_the_contract_never_saw_waits_for_the_offer_to_expire(
    story: Story,
) -> None:
    """Else the offer is sent after all, and the contract accepts it."""
    offer = story.say(NL, "offer", story.opening, RO)
    early = story.say(NL, "withdraw", offer)
    noted = story.say(NL, "none", early)
    assert story.told().standings[noted] == "fork"
    story.time += 2 * DAY
    late = story.say(NL, "withdraw", offer)
    answer = story.told()
    assert [answer.standings[one] for one in (early, late)] == ["lost", "stands"]
    assert answer.settled


def test_what_was_sequenced_again_is_where_the_current_log_has_it(story: Story) -> None:
    """A leaf that stands twice in a log, and in an older one, counts once."""
    first = story.say(NL, "none", story.opening)
    second = story.say(NL, "none", story.opening)
    shown = story.everything()
    [place] = [one for one in shown if one.digest == first]
    for index in (None, 9):
        more = [*shown, replace(place, index=index)]
        answer = derive(story.origin, more, (), story.holders())
        assert (answer.standings[first], answer.standings[second]) == ("stands", "fork")


@pytest.mark.parametrize("why", ["log", "signer", "order", "agency", "offer too long"])
def test_nothing_follows_that_may_not(story: Story, why: str) -> None:
    note = story.say(NL, "none", story.opening)
    nl = story.agencies[NL]
    if why == "log":
        bad = story.sign(nl, "none", note, 1, log=story.log_id(RO, 0))
    elif why == "signer":
        bad = story.sign(nl, "close", note, 1, issuer=RO)
    elif why == "agency":
        bad = story.say(RO, "none", note)
    elif why == "order":
        bad = story.say(NL, "none", note)
        nl.current.remove(bad)
        nl.current.insert(0, bad)
    else:
        bad = story.say(NL, "offer", note, RO, expires=story.time + 91 * DAY)
    assert story.told().standings[bad] == "fork"
    assert story.told().standings[note] == "stands"


def test_an_offer_within_the_agency_is_not_accepted_late(story: Story) -> None:
    offer = story.say(NL, "offer", story.opening, NL)
    story.time += 2 * DAY
    accepted, withdrawn = story.say(NL, "accept", offer), story.say(NL, "withdraw", offer)
    standings = story.told().standings
    assert (standings[accepted], standings[withdrawn]) == ("lost", "stands")


def test_no_other_agency_s_copy_of_a_statement_counts(story: Story) -> None:
    offer = story.say(NL, "offer", story.opening, RO)
    story.fork(NL, 1)
    story.put(story.agencies[DE], offer)
    story.send(NL, offer)
    story.end(RO, ACCEPTED, story.say(RO, "accept", offer))
    only = [one for one in story.everything() if (one.agency, one.digest) != (NL, offer)]
    assert story.derive(only).contested == (0,)
    assert story.told().custodian == RO


def test_an_item_opened_twice_is_told_whoever_else_logs_the_second_opening(story: Story) -> None:
    again = story.sign(story.agencies[NL], "open", None, -1)
    story.put(story.agencies[DE], again)
    shown = story.everything()
    for order in (shown, shown[::-1]):
        assert story.derive(order).standings[again] == "opened twice"
    alone = [one for one in shown if (one.agency, one.digest) != (NL, again)]
    assert story.derive(alone).standings[again] == "apart"


def test_the_answer_says_whose_list_must_be_whole(story: Story) -> None:
    story.hand_over(NL, story.opening, RO)
    holders = story.holders()
    holders[RO] = replace(holders[RO], whole=False)
    answer = derive(story.origin, story.everything(), story.hops, holders)
    assert answer.lacking == ("the whole log of RO-POL",)
    assert (answer.custodian, answer.settled) == (RO, False)
