"""Handovers between agencies: keys re-wrapped, steps taken by the contract, its outcome the same on
both sides.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from ledger.client import handover, handover_pause, retrieval
from ledger.client.handover import Terms
from ledger.client.upload import Options
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import ConflictError, NotFoundError, RuleError, VerificationError
from ledger.domain.verify import verify
from ledger.services.audit.self_check import Finding, examine
from ledger.services.handovers import sync
from ledger.services.node.context import Node
from ledger.services.onchain import transfer_steps
from tests.support import consortium
from tests.support.consortium import NL, RO, US, Consortium, confirmed, judged, offer, upload
from tests.support.desk import Desk


def test_an_item_handed_abroad_verifies_from_the_new_holder(
    both: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    offer(giver, evidence, RO)
    assert both.settle(NL, RO, rounds=3) == {}
    assert taker.client.item(evidence)["offer"]["agency"] == RO
    handover.accept(taker.client, taker.person, taker.clock, evidence, condition="as sent")
    both.settle(NL, RO, rounds=3)
    assert giver.client.item(evidence)["custodian"] == RO
    assert taker.client.item(evidence)["custodian"] == RO
    assert taker.get(evidence) == b"evidence" * 1000
    taker.anchor()
    report = verify(taker.bundle(evidence), root, confirm=confirmed(taker))  # type: ignore[arg-type]
    assert report.verdict.value == "verified", report.as_json()
    assert report.facts["handoversAbroad"] == 1


def test_a_refused_item_stays_with_the_giver_and_the_keys_that_came_along_are_destroyed(
    both: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    offer(giver, evidence, RO)
    both.settle(NL, RO, rounds=2)
    handover.decline(taker.client, taker.person, taker.clock, evidence, reason="the seal is broken")
    both.settle(NL, RO, rounds=3)
    for desk in (giver, taker):
        assert desk.client.item(evidence)["custodian"] == NL
        assert desk.client.item(evidence)["offer"] is None
    assert judged(giver, evidence, root) == "verified NL-POL 1"
    assert giver.get(evidence)
    with taker.node.records.read() as unit:
        assert not unit.has_grants(evidence, "content")
    assert not [one for one in taker.client.handovers() if one["evidence"] == evidence]


def test_nothing_else_follows_an_open_offer_and_nobody_else_answers_it(
    both: Consortium, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    offer(giver, evidence, RO)
    with pytest.raises(RuleError, match="an offer is open"):
        giver.record(evidence, "note", {"text": "one more thing"})
    with pytest.raises(RuleError, match="an offer is open"):
        offer(giver, evidence, RO)
    with pytest.raises(NotFoundError):
        handover.accept(giver.client, giver.person, giver.clock, evidence)
    both.settle(NL, RO, rounds=3)
    with pytest.raises(RuleError, match="offer is open"):
        taker.record(evidence, "note", {"text": "not mine yet"})


def test_an_offer_taken_back_before_it_reached_the_chain_leaves_no_trace_there(
    both: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    giver = both[NL]
    evidence = upload(giver, tmp_path)
    offer(giver, evidence, RO)
    handover.withdraw(giver.client, giver.person, giver.clock, evidence, reason="wrong addressee")
    both.settle(NL, RO, rounds=3)
    assert giver.client.item(evidence)["offer"] is None
    assert judged(giver, evidence, root) == "verified NL-POL 0"
    offer(giver, evidence, RO)
    both.settle(NL, RO, rounds=3)
    handover.accept(both[RO].client, both[RO].person, both[RO].clock, evidence)
    both.settle(NL, RO, rounds=3)
    assert judged(both[RO], evidence, root) == "verified RO-DIICOT 1"


def test_what_is_not_the_recorded_file_on_arrival_is_refused_and_stays_with_the_giver(
    both: Consortium, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"not what the record says")
    [done] = giver.upload(file, options=Options(body={"digests": {"sha-256": "ab" * 32}}))
    offer(giver, done.evidence, RO)
    both.settle(NL, RO)
    with pytest.raises(VerificationError, match="recorded size and digests") as caught:
        handover.accept(taker.client, taker.person, taker.clock, done.evidence)
    assert "decline" in (caught.value.hint or "")
    handover.decline(
        taker.client,
        taker.person,
        taker.clock,
        done.evidence,
        reason="another digest than recorded",
    )
    both.settle(NL, RO)
    assert {desk.client.item(done.evidence)["custodian"] for desk in (giver, taker)} == {NL}
    told = giver.client.details(done.evidence, giver.access(done.evidence, "view"))[-2]["document"][
        "body"
    ]
    assert told["reason"] == "another digest than recorded"


def test_an_offer_that_expired_is_not_accepted_and_ends_the_same_on_both_sides(
    both: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    expires = int(time.time()) + 20
    handover.offer(giver.client, giver.person, giver.clock, evidence, Terms(RO, expires))
    both.settle(NL, RO, rounds=2)
    assert taker.client.item(evidence)["offer"]["expires"] == format_time(expires)
    time.sleep(max(expires + 1 - time.time(), 0))
    with pytest.raises(RuleError, match="expired"):
        handover.accept(taker.client, taker.person, taker.clock, evidence)
    handover.withdraw(giver.client, giver.person, giver.clock, evidence, reason="nobody answered")
    both.settle(NL, RO)
    for desk in (giver, taker):
        assert (desk.client.item(evidence)["custodian"], desk.client.item(evidence)["offer"]) == (
            NL,
            None,
        )
    assert judged(giver, evidence, root) == "verified NL-POL 1"
    details = giver.client.details(evidence, giver.access(evidence, "view"))
    assert "transfer-expired" in [one["document"]["type"] for one in details]


def test_an_answer_that_the_contract_refuses_holds_up_no_other_handover(
    both: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    late, other = (upload(giver, tmp_path, data) for data in (b"late", b"other"))
    expires = int(time.time()) + 25
    handover.offer(giver.client, giver.person, giver.clock, late, Terms(RO, expires))
    offer(giver, other, RO)
    both.settle(NL, RO, rounds=2)
    handover.accept(
        taker.client, taker.person, taker.clock, late
    )  # signed in time, and never sent in time
    handover.accept(taker.client, taker.person, taker.clock, other)
    time.sleep(max(expires + 2 - time.time(), 0))
    both.settle(NL, RO)
    assert {desk.client.item(other)["custodian"] for desk in (giver, taker)} == {RO}
    assert {desk.client.item(late)["custodian"] for desk in (giver, taker)} == {NL}
    handover.withdraw(giver.client, giver.person, giver.clock, late, reason="too late")
    assert both.settle(NL, RO) == {}
    assert [one["void"] for one in taker.client.events(late) if one["effect"] == "accept"] == [True]
    assert judged(giver, late, root) == "verified NL-POL 1"


def test_a_withdrawal_signed_while_the_offer_is_on_its_way_to_the_contract_is_not_lost(
    both: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    giver = both[NL]
    evidence = upload(giver, tmp_path)
    offer(giver, evidence, RO)
    giver.anchor()
    assert transfer_steps.step(giver.node)  # sent, and not looked at again
    handover.withdraw(giver.client, giver.person, giver.clock, evidence, reason="wrong addressee")
    assert both.settle(NL, RO) == {}
    assert giver.client.item(evidence)["offer"] is None
    assert judged(giver, evidence, root) == "verified NL-POL 1"


def paused(
    giver: Desk, both: Consortium, evidence: str, *, settle: tuple[str, ...] = (NL, RO)
) -> handover_pause.Reading:
    """Take an offer back as the command does, the agencies exchanging meanwhile."""
    waiting = handover_pause.Waiting(
        60, sleep=lambda seconds: both.settle(*settle, rounds=1) and None
    )
    handover_pause.take_back(giver.client, giver.person, giver.clock, evidence, waiting)
    return handover_pause.begin(
        giver.client, giver.person, giver.clock, evidence, {"purpose": "the court asks"}
    )


def test_an_offer_abroad_is_paused_through_the_contract_with_its_hop_and_made_again(
    both: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    offer(giver, evidence, RO, purpose="analysis", conditions=("this case",))
    reading = paused(
        giver, both, evidence
    )  # begun before the contract has the offer: that is waited for
    out = BytesIO()
    retrieval.fetch(giver.client, giver.person, evidence, reading.access, out)
    assert out.getvalue() == b"evidence" * 1000
    assert judged(giver, evidence, root) == "verified NL-POL 1", (
        "the contract took the offer, and its withdrawal"
    )
    handover_pause.offer_again(giver.client, giver.person, giver.clock, evidence, reading)
    both.settle(NL, RO, rounds=3)
    assert taker.client.item(evidence)["offer"]["agency"] == RO
    handover.accept(taker.client, taker.person, taker.clock, evidence)
    both.settle(NL, RO, rounds=3)
    assert judged(taker, evidence, root) == "verified RO-DIICOT 2"
    shown = [one for one in taker.client.events(evidence) if one["effect"] == "offer"]
    assert [{look["what"] for look in one["looked"]} for one in shown] == [
        set(),
        {"record", "content"},
    ]
    assert [one["looked"] for one in giver.client.events(evidence) if one["effect"] == "offer"] == [
        [],
        [],
    ], "it was there that they looked"


def test_a_pause_that_the_other_agency_overtakes_reads_nothing_and_offers_nothing(
    both: Consortium, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    offer(giver, evidence, RO)
    both.settle(NL, RO, rounds=3)
    handover.accept(taker.client, taker.person, taker.clock, evidence)
    both.settle(RO, rounds=2)
    with pytest.raises(ConflictError, match="accepted first"):
        paused(giver, both, evidence)
    assert [one["effect"] for one in giver.client.events(evidence) if not one["void"]] == [
        "open",
        "none",
        "offer",
        "accept",
    ]


@pytest.mark.parametrize("first", [NL, RO])
def test_a_withdrawal_that_races_an_acceptance_ends_the_same_on_both_sides(
    both: Consortium, root: TrustRoot, tmp_path: Path, first: str
) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    offer(giver, evidence, RO)
    both.settle(NL, RO, rounds=3)
    handover.withdraw(giver.client, giver.person, giver.clock, evidence, reason="needed here")
    handover.accept(taker.client, taker.person, taker.clock, evidence)
    both.settle(first, rounds=2)
    both.settle(NL, RO, rounds=3)
    winner, moved = (RO, 1) if first == RO else (NL, 1)
    for desk in (giver, taker):
        item = desk.client.item(evidence)
        assert (item["custodian"], item["offer"]) == (winner, None)
        void = [one for one in desk.client.events(evidence) if one["void"]]
        assert len(void) == (desk.node.agency != winner)
        assert not [one for one in desk.client.handovers() if one["evidence"] == evidence]
    assert judged(both[winner], evidence, root) == f"verified {winner} {moved}"
    assert both[winner].get(evidence)
    for desk in (giver, taker):
        assert [one for one in examine(desk.node, deep=True) if isinstance(one, Finding)] == []


def test_an_item_goes_on_to_a_third_agency_and_comes_back(
    trio: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    evidence = upload(trio[NL], tmp_path)
    for giver, taker in ((NL, RO), (RO, US), (US, NL)):
        offer(trio[giver], evidence, taker)
        assert trio.settle() == {}
        desk = trio[taker]
        handover.accept(desk.client, desk.person, desk.clock, evidence)
        assert trio.settle() == {}
        assert {trio[code].client.item(evidence)["custodian"] for code in (giver, taker)} == {taker}
        assert desk.get(evidence) == b"evidence" * 1000
    assert judged(trio[NL], evidence, root) == "verified NL-POL 3"
    with pytest.raises(ConflictError, match="gone on"):
        trio[RO].bundle(evidence)
    trio[NL].record(evidence, "note", {"text": "back again"})
    assert judged(trio[NL], evidence, root) == "verified NL-POL 3"


@pytest.mark.timeout(900)
def test_a_node_that_dies_at_any_step_of_a_handover_goes_on_where_it_was(
    chain: str, tmp_path: Path, rng: random.Random
) -> None:
    """Calls of the chain and transactions of the database are cut at random on both sides; the
    homes are opened anew each time.
    """
    root = consortium.found(tmp_path, chain, NL, RO)
    with consortium.opened(tmp_path, NL, RO) as agencies:
        evidence = upload(agencies[NL], tmp_path)
        offer(agencies[NL], evidence, RO)
    answered, cuts = False, 0
    for attempt in range(400):
        with consortium.opened(tmp_path, NL, RO) as agencies:
            code = (NL, RO)[attempt % 2]
            desk = agencies[code]
            allowed = rng.randrange(2, 16)
            with cut(desk, after=allowed) as done:
                for _ in range(3):
                    sync.settle(desk.node, timeout=20)
                    sync.sync(desk.node)
            cuts += done()
            if not answered and code == RO and agencies[RO].client.handovers():
                handover.accept(desk.client, desk.person, desk.clock, evidence)
                answered = True
            states = [agencies[one].node for one in (NL, RO)]
            if (
                answered
                and all(_custodian(node, evidence) == RO for node in states)
                and attempt > 11
            ):
                break
    assert answered
    assert cuts >= 4, cuts
    with consortium.opened(tmp_path, NL, RO) as agencies:
        agencies.settle()
        for desk in (agencies[NL], agencies[RO]):
            assert _custodian(desk.node, evidence) == RO
            assert [one for one in examine(desk.node, deep=True) if isinstance(one, Finding)] == []
        assert judged(agencies[RO], evidence, root) == "verified RO-DIICOT 1"


def _custodian(node: Node, evidence: str) -> str:
    with node.records.read() as unit:
        item = unit.item(evidence)
    return item.state.custodian if item is not None else ""


class _Died(Exception):
    pass


@contextmanager
def cut(desk: Desk, *, after: int) -> Iterator[Callable[[], int]]:
    """The process dies before the ``after``-th call of the chain or write to the database."""
    left, died = after, 0
    chain, records = desk.node.contracts.chain, desk.node.records
    send, write, receipt = chain.send, records.write, chain.receipt

    def spend() -> None:
        nonlocal left, died
        left -= 1
        if left <= 0:
            died = 1
            raise _Died

    def cutting(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            spend()
            found = function(*arguments, **more)
            spend()
            return found

        return call

    chain.send, chain.receipt, records.write = cutting(send), cutting(receipt), cutting(write)
    try:
        with suppress(_Died):
            yield lambda: died
    finally:
        chain.send, chain.receipt, records.write = send, receipt, write


def test_what_came_with_an_item_is_told_as_it_was_proven_and_not_by_the_places_of_our_own_log(
    both: Consortium, tmp_path: Path
) -> None:
    """An entry of another log was told as anchored, or as not anchored, by how far ours was at that
    number.
    """
    nl, ro = both[NL], both[RO]
    evidence = upload(nl, tmp_path)
    offer(nl, evidence, RO)
    both.settle(NL, RO)
    times = [one["provenTime"] for one in nl.client.events(evidence)]
    assert all(times)
    events = list(ro.client.events(evidence))
    assert [one["provenTime"] for one in events] == times
    assert {one["state"] for one in events} == {"final"}
    assert ro.client.item(evidence)["state"] == "final"
    handover.accept(ro.client, ro.person, ro.clock, evidence)
    last = list(ro.client.events(evidence))[-1]
    assert (last["agency"], last["state"], last["provenTime"]) == (RO, "integrated", None)
    both.settle(RO, NL)
    assert {one["state"] for one in nl.client.events(evidence)} == {"final"}
