"""Handovers between agencies: keys re-wrapped, steps taken by the contract, its outcome the same on
both sides.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from ledger.client.handovers import handover, handover_pause
from ledger.client.intake.upload import UploadOptions
from ledger.client.reading import retrieval
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.errors import ConflictError, NotFoundError, RuleError, VerificationError
from ledger.domain.verify import verify
from tests.support.actors import enrolled
from tests.support.consortium import NL, RO, US, Consortium, confirmed, judged, offer, upload
from tests.support.handing import paused


def test_an_item_handed_abroad_verifies_from_the_new_holder(
    both: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    offer(giver, evidence, RO)
    assert both.settle(NL, RO, rounds=3) == {}
    assert taker.client.item(evidence).offer.agency == RO
    handover.accept(taker.client, taker.person, taker.clock, evidence, condition="as sent")
    both.settle(NL, RO, rounds=3)
    assert giver.client.item(evidence).custodian == RO
    assert giver.client.item(evidence).holder == "", "none of ours is called a person of theirs"
    assert taker.client.item(evidence).custodian == RO
    assert taker.client.item(evidence).holder == taker.person.certificate.pseudonym
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
        assert desk.client.item(evidence).custodian == NL
        assert desk.client.item(evidence).offer is None
    assert judged(giver, evidence, root) == "verified NL-POL 1"
    assert giver.get(evidence)
    with taker.node.records.read() as unit:
        assert not unit.grants.are_left(evidence, "content")
    assert not [one for one in taker.client.handovers() if one.evidence == evidence]


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
    assert giver.client.item(evidence).offer is None
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
    [done] = giver.upload(file, options=UploadOptions(body={"digests": {"sha-256": "ab" * 32}}))
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
    assert {desk.client.item(done.evidence).custodian for desk in (giver, taker)} == {NL}
    told = giver.client.details(done.evidence, giver.access(done.evidence, "view"))[-2].document[
        "body"
    ]
    assert told["reason"] == "another digest than recorded"


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
    assert taker.client.item(evidence).offer.agency == RO
    handover.accept(taker.client, taker.person, taker.clock, evidence)
    both.settle(NL, RO, rounds=3)
    assert judged(taker, evidence, root) == "verified RO-DIICOT 2"
    shown = [event for event in taker.client.events(evidence) if event.effect == "offer"]
    assert [{look.what for look in one.looked} for one in shown] == [
        set(),
        {"record", "content"},
    ]
    assert [event.looked for event in giver.client.events(evidence) if event.effect == "offer"] == [
        (),
        (),
    ], "it was there that they looked"


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
        assert {trio[code].client.item(evidence).custodian for code in (giver, taker)} == {taker}
        assert desk.get(evidence) == b"evidence" * 1000
    assert judged(trio[NL], evidence, root) == "verified NL-POL 3"
    with pytest.raises(ConflictError, match="gone on"):
        trio[RO].bundle(evidence)
    trio[NL].record(evidence, "note", {"text": "back again"})
    assert judged(trio[NL], evidence, root) == "verified NL-POL 3"


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
    times = [event.provenTime for event in nl.client.events(evidence)]
    assert all(times)
    events = list(ro.client.events(evidence))
    assert [event.provenTime for event in events] == times
    assert {event.state for event in events} == {"final"}
    assert ro.client.item(evidence).state == "final"
    handover.accept(ro.client, ro.person, ro.clock, evidence)
    last = list(ro.client.events(evidence))[-1]
    assert (last.agency, last.state, last.provenTime) == (RO, "integrated", None)
    both.settle(RO, NL)
    assert {event.state for event in nl.client.events(evidence)} == {"final"}


def test_a_request_for_a_disposal_does_not_follow_the_item_to_another_agency(
    both: Consortium, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    colleague = enrolled(giver, "custodian")
    asked = giver.record(evidence, "disposal-requested", {"reason": "over"}).statement
    approved = colleague.record(evidence, "approved", {"target": asked}).statement
    offer(giver, evidence, RO)
    both.settle(NL, RO, rounds=2)
    handover.accept(taker.client, taker.person, taker.clock, evidence)
    both.settle(NL, RO, rounds=3)
    closing = {"scope": "all", "method": "keys destroyed", "approvals": [approved]}
    with pytest.raises(RuleError, match="nobody requested"):
        taker.record(evidence, "disposed", closing)
    with pytest.raises(RuleError, match="ended when the item went"):
        taker.record(evidence, "approved", {"target": asked})
