"""Handovers that race: with the contract, with time, and with a node that dies."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ledger.client.handovers import handover
from ledger.domain.blocks import dag
from ledger.domain.blocks.store import BlockStore
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import ConflictError, RuleError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.verify import verify
from ledger.services.audit.self_check import examine
from ledger.services.audit.self_check_findings import SelfCheckFinding
from ledger.services.handovers import sync
from ledger.services.node.context import Node
from ledger.services.onchain import transfer_steps
from ledger.services.registration import registration
from ledger.services.storage import garbage_collection
from tests.support import consortium
from tests.support.chains import running
from tests.support.consortium import NL, RO, Consortium, confirmed, judged, offer, upload
from tests.support.desk import Desk
from tests.support.handing import paused


def test_an_offer_that_expired_is_not_accepted_and_ends_the_same_on_both_sides(
    both: Consortium, root: TrustRoot, tmp_path: Path, chain: str
) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    expires = giver.clock.now() + 300
    handover.offer(giver.client, giver.person, giver.clock, evidence, OfferTerms(RO, expires))
    both.settle(NL, RO, rounds=2)
    assert taker.client.item(evidence).offer.expires == format_time(expires)
    both.later(chain, 301)
    with pytest.raises(RuleError, match="expired"):
        handover.accept(taker.client, taker.person, taker.clock, evidence)
    handover.withdraw(giver.client, giver.person, giver.clock, evidence, reason="nobody answered")
    both.settle(NL, RO)
    for desk in (giver, taker):
        assert (desk.client.item(evidence).custodian, desk.client.item(evidence).offer) == (
            NL,
            None,
        )
    assert judged(giver, evidence, root) == "verified NL-POL 1"
    details = giver.client.details(evidence, giver.access(evidence, "view"))
    assert "transfer-expired" in [detail.document["type"] for detail in details]


def test_an_answer_that_the_contract_refuses_holds_up_no_other_handover(
    both: Consortium, root: TrustRoot, tmp_path: Path, chain: str
) -> None:
    giver, taker = both[NL], both[RO]
    late, other = (upload(giver, tmp_path, data) for data in (b"late", b"other"))
    expires = giver.clock.now() + 300
    handover.offer(giver.client, giver.person, giver.clock, late, OfferTerms(RO, expires))
    offer(giver, other, RO)
    both.settle(NL, RO, rounds=2)
    handover.accept(
        taker.client, taker.person, taker.clock, late
    )  # signed in time, and never sent in time
    handover.accept(taker.client, taker.person, taker.clock, other)
    both.later(chain, 302)
    both.settle(NL, RO)
    assert {desk.client.item(other).custodian for desk in (giver, taker)} == {RO}
    assert {desk.client.item(late).custodian for desk in (giver, taker)} == {NL}
    handover.withdraw(giver.client, giver.person, giver.clock, late, reason="too late")
    assert both.settle(NL, RO) == {}
    assert [event.void for event in taker.client.events(late) if event.effect == "accept"] == [True]
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
    assert giver.client.item(evidence).offer is None
    assert judged(giver, evidence, root) == "verified NL-POL 1"


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
    assert [event.effect for event in giver.client.events(evidence) if not event.void] == [
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
        assert (item.custodian, item.offer) == (winner, None)
        void = [event for event in desk.client.events(evidence) if event.void]
        assert len(void) == (desk.node.agency != winner)
        assert not [one for one in desk.client.handovers() if one.evidence == evidence]
    assert judged(both[winner], evidence, root) == f"verified {winner} {moved}"
    assert both[winner].get(evidence)
    for desk in (giver, taker):
        assert [
            one for one in examine(desk.node, deep=True) if isinstance(one, SelfCheckFinding)
        ] == []


@pytest.mark.parametrize("first", [NL, RO])
def test_an_answer_that_lost_is_shown_in_later_bundles_and_holds_up_no_handover(
    both: Consortium, root: TrustRoot, tmp_path: Path, first: str
) -> None:
    """The item map of its log names it: without it nobody could show that nothing is missing."""
    evidence = upload(both[NL], tmp_path)
    offer(both[NL], evidence, RO)
    both.settle(NL, RO, rounds=3)
    one, other = both[NL], both[RO]
    handover.withdraw(one.client, one.person, one.clock, evidence, reason="needed here")
    handover.accept(other.client, other.person, other.clock, evidence)
    both.settle(first, rounds=2)
    both.settle(NL, RO, rounds=3)
    winner, loser = both[first], both[RO if first == NL else NL]
    for giver, taker in ((winner, loser), (loser, winner)):
        offer(giver, evidence, taker.node.agency)
        both.settle(NL, RO, rounds=3)
        handover.accept(taker.client, taker.person, taker.clock, evidence)
        both.settle(NL, RO, rounds=3)
    sync.settle(winner.node, timeout=30)
    report = verify(winner.bundle(evidence), root, confirm=confirmed(winner))  # type: ignore[arg-type]
    assert report.verdict.value == "verified", report.as_json()
    assert [row["standing"] for row in report.beside] == ["lost"]
    assert report.beside[0]["log"] == loser.node.agency
    assert sorted(report.facts["completeBy"]) == [NL, RO]
    for desk in both.desks.values():
        assert [
            one for one in examine(desk.node, deep=True) if isinstance(one, SelfCheckFinding)
        ] == []


@pytest.fixture
def another_chain() -> Iterator[str]:
    """A chain whose time is the clock's; the module's chain is ahead of it by now."""
    with running("anvil") as url:
        yield url


@pytest.mark.timeout(900)
def test_a_node_that_dies_at_any_step_of_a_handover_goes_on_where_it_was(
    another_chain: str, tmp_path: Path, rng: random.Random
) -> None:
    """Calls of the chain and transactions of the database are cut at random on both sides; the
    homes are opened anew each time.
    """
    root = consortium.found(tmp_path, another_chain, NL, RO)
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
            assert [
                one for one in examine(desk.node, deep=True) if isinstance(one, SelfCheckFinding)
            ] == []
        assert judged(agencies[RO], evidence, root) == "verified RO-DIICOT 1"


def _custodian(node: Node, evidence: str) -> str:
    with node.records.read() as unit:
        item = unit.items.get(evidence)
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


def test_nobody_waits_while_the_content_of_what_is_taken_over_is_looked_for(
    both: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tree was walked within the transaction in which alone anybody can write."""
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path, random.Random(1).randbytes(3 << 20))
    offer(giver, evidence, RO)
    both.settle(NL, RO, rounds=2)
    walked: list[bytes] = []
    original = dag.every

    def every(blocks: BlockStore, root: bytes) -> Iterator[bytes]:
        writing = threading.Thread(target=garbage_collection.forget_sessions, args=(taker.node,))
        writing.start()
        writing.join(5)
        assert not writing.is_alive()
        walked.append(root)
        yield from original(blocks, root)

    with monkeypatch.context() as patch:
        patch.setattr(dag, "every", every)
        handover.accept(taker.client, taker.person, taker.clock, evidence)
    assert walked
    both.settle(NL, RO)
    assert taker.client.item(evidence).custodian == RO


@pytest.mark.parametrize("lacking", ["root", "leaf"])
def test_what_is_not_here_is_not_taken_over(
    both: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path, random.Random(2).randbytes(3 << 20))
    offer(giver, evidence, RO)
    both.settle(NL, RO, rounds=2)
    with taker.node.records.read() as unit:
        item = unit.items.get(evidence)
    assert item is not None
    assert item.cid is not None
    root, *_, leaf = dag.every(taker.node.blocks, item.cid)
    original = registration._lack_of

    def losing(node: Node, cid: bytes) -> RuleError | None:
        """After the person read all of it."""
        node.blocks.discard([root if lacking == "root" else leaf], kept=())
        return original(node, cid)

    monkeypatch.setattr(registration, "_lack_of", losing)
    with pytest.raises(RuleError, match="not kept here yet"):
        handover.accept(taker.client, taker.person, taker.clock, evidence)
    assert taker.client.item(evidence).custodian == NL
