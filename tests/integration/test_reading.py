"""Reading: an access is signed when something can follow it, never for a reading that fails; looks
before an answer are written down.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from ledger.client.handovers import copying, handover, handover_pause, offered_item
from ledger.client.reading import retrieval
from ledger.domain.bundle import bundle as bundles
from ledger.domain.errors import (
    CustodyError,
    DemandError,
    DeniedError,
    NotFoundError,
    RuleError,
    StorageError,
    UsageError,
)
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.ports.answers import Recorded
from ledger.domain.verify.report import Verdict
from ledger.services.access import key_release
from ledger.services.handovers import erasure
from tests.integration.test_audit_inside import audit
from tests.support.actors import Actor, enrolled, item_of
from tests.support.desk import BASIS, Desk


@pytest.fixture(scope="module")
def desk(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with Desk(
        Path(shutil.copytree(founded, tmp_path_factory.mktemp("reading") / "home"))
    ) as opened:
        yield opened


def photo(desk: Desk, tmp_path: Path, data: bytes = b"a face" * 500) -> str:
    (tmp_path / "photo.jpg").write_bytes(data)
    return desk.upload(tmp_path / "photo.jpg")[0].evidence


def offer(desk: Desk, evidence: str, to: Actor, **more: Any) -> None:
    terms = OfferTerms("NL-POL", int(time.time()) + 3600, person=to.pseudonym, **more)
    handover.offer(desk.client, desk.person, desk.clock, evidence, terms)


def types(desk: Desk, evidence: str) -> list[str]:
    """Types of an item's events, without reading it through the API."""
    from ledger.services.registration.item_histories import Histories

    with desk.node.records.read() as unit:
        return [told.event.type for told in Histories(desk.node).of(unit, evidence).events.values()]


def refused(actor: Actor, evidence: str, mode: str, match: str, role: str = "") -> None:
    """Neither the client signs, nor would the node register what a client that does not ask first
    has signed.
    """
    before = item_of(actor.desk, evidence)
    with pytest.raises(CustodyError, match=match):
        retrieval.record_access(
            actor.client, actor.person, actor.desk.clock, evidence, mode=mode, basis=BASIS
        )
    with pytest.raises(CustodyError, match=match):
        actor.client.register(
            [actor.sign("accessed", {"mode": mode}, evidence, members={"basis": BASIS}, role=role)]
        )
    assert item_of(actor.desk, evidence) == before, (
        "nothing was signed for a reading that never was"
    )


def test_a_copy_without_a_key_is_not_signed_for_and_a_look_at_the_record_is(
    desk: Desk, tmp_path: Path
) -> None:
    item, guardian = photo(desk, tmp_path), enrolled(desk, "data-protection-officer")
    refused(guardian, item, "copy", "no key to the content")
    access = retrieval.record_access(
        guardian.client, guardian.person, desk.clock, item, mode="export", basis=BASIS
    )
    assert guardian.client.bundle(item, access), (
        "an export gives the record, for which no content key is needed"
    )
    for call in (
        lambda: guardian.client.grants(item, access),
        lambda: guardian.client.content(item, access, 0, 9),
    ):
        with pytest.raises(DeniedError, match="no key to the content"):
            call()
    with desk.node.records.read() as unit:
        assert {row.kind for row in unit.releases.under(bytes.fromhex(access))} == {"bundle"}, (
            "nor is a release noted"
        )


def test_a_custodian_without_the_custody_key_is_told_before_anything_is_signed(
    desk: Desk, tmp_path: Path
) -> None:
    item, newcomer = photo(desk, tmp_path), enrolled(desk, "custodian")
    before = item_of(desk, item)
    with pytest.raises(DeniedError, match="the custody key is not in your keyring") as caught:
        retrieval.record_access(
            newcomer.client, newcomer.person, desk.clock, item, mode="copy", basis=BASIS
        )
    assert "person give-key" in (caught.value.hint or "")
    assert item_of(desk, item) == before


def test_an_item_whose_keys_are_destroyed_is_not_read_and_nothing_says_that_it_was(
    desk: Desk, tmp_path: Path
) -> None:
    item, second = photo(desk, tmp_path), enrolled(desk, "custodian", "officer", number="4712")
    requested = desk.record(item, "disposal-requested", {"reason": "over"}).statement
    approved = second.record(item, "approved", {"target": requested}).statement
    desk.record(
        item, "disposed", {"scope": "all", "method": "keys destroyed", "approvals": [approved]}
    )
    for _ in range(2):  # when it is due, and when it is done
        for mode in ("view", "copy", "export"):
            refused(second, item, mode, "was disposed of", role="custodian")
        erasure.settle(desk.node)
    assert desk.client.bundle(item, ""), "what is left of it needs no access"


def test_between_a_disposal_and_the_end_of_the_keys_no_bundle_is_given_without_an_access(
    desk: Desk, tmp_path: Path
) -> None:
    item, second = photo(desk, tmp_path), enrolled(desk, "custodian", "officer", number="4712")
    watcher = enrolled(desk, "administrator", "officer")
    desk.record(item, "note", {"text": "the name of a witness"})
    requested = desk.record(item, "disposal-requested", {"reason": "over"}).statement
    approved = second.record(item, "approved", {"target": requested}).statement
    desk.record(
        item, "disposed", {"scope": "all", "method": "keys destroyed", "approvals": [approved]}
    )
    for client in (watcher.client, second.client, desk.client):
        with pytest.raises(DeniedError, match="are being destroyed") as caught:
            client.bundle(item, "")
        assert "needs no access then" in (caught.value.hint or "")
    erasure.settle(desk.node)
    parsed = bundles.parse(watcher.client.bundle(item, ""))
    assert all(not (kept.document or kept.disclosures) for kept in parsed.statements)


def test_an_item_on_offer_is_read_by_nobody_and_the_answer_says_how_to(
    desk: Desk, tmp_path: Path
) -> None:
    item, taker, second = (
        photo(desk, tmp_path),
        enrolled(desk, "examiner"),
        enrolled(desk, "custodian", "officer"),
    )
    lawyer = enrolled(desk, "prosecutor", number="9")
    handover.share(
        desk.client, desk.person, desk.clock, item, with_person=lawyer.pseudonym, basis=BASIS
    )
    offer(desk, item, taker)
    refused(second, item, "view", "offer is open", role="custodian")
    with pytest.raises(RuleError) as caught:
        desk.client.readable(item, "copy")
    assert "custody handover pause" in (caught.value.hint or "")
    with pytest.raises(RuleError) as caught:
        lawyer.client.readable(item, "copy")
    told = "wait until it is answered, or ask the holder or a custodian to take the offer back"
    assert caught.value.hint == told, "a command that their roles may not run helps nobody"
    with pytest.raises(RuleError) as caught:
        taker.client.readable(item, "view")
    assert "accept" in (caught.value.hint or "")


def test_a_look_before_the_answer_is_written_down_first_and_shown_to_whoever_sees_the_item(
    desk: Desk, tmp_path: Path
) -> None:
    item, taker = photo(desk, tmp_path), enrolled(desk, "examiner")
    offer(desk, item, taker)
    assert [event.looked for event in desk.client.events(item)][-1] == ()
    offered_item.check(
        taker.client, taker.person, offered_item.look(taker.client, taker.person, item)
    )
    [listed] = [one for one in desk.client.handovers() if one.evidence == item]
    assert {(look.person, look.what) for look in listed.looked} == {
        (taker.pseudonym, "record"),
        (taker.pseudonym, "content"),
    }
    first = listed.looked
    offered_item.check(
        taker.client, taker.person, offered_item.look(taker.client, taker.person, item)
    )
    handover.accept(taker.client, taker.person, desk.clock, item)
    shown = [event.looked for event in desk.client.events(item) if event.effect == "offer"]
    assert shown == [first], "when they first looked stays, also after the answer"
    access = retrieval.record_access(
        taker.client, taker.person, desk.clock, item, mode="view", basis=BASIS
    )
    told = [
        detail.looked for detail in taker.client.details(item, access) if detail.looked is not None
    ]
    assert told == [first]
    desk.anchor()
    report = audit(desk)
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), [
        finding.as_json() for finding in report.findings
    ]


def test_a_look_that_cannot_be_written_down_is_not_given(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, taker = photo(desk, tmp_path), enrolled(desk, "examiner")
    offer(desk, item, taker)

    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(key_release, "note_release", full)
    for call in (
        lambda: taker.client.incoming(item),
        lambda: taker.client.incoming_content(item, 0, 9),
    ):
        with pytest.raises(StorageError):
            call()


def test_a_look_by_somebody_that_the_offer_does_not_name_is_found_by_an_audit(
    desk: Desk, tmp_path: Path
) -> None:
    item, taker, thief = (
        photo(desk, tmp_path),
        enrolled(desk, "examiner"),
        enrolled(desk, "examiner"),
    )
    offer(desk, item, taker)
    state = item_of(desk, item)
    key_release.note_release(desk.node, state.offer.digest, thief.id.recipient, "offer", item)
    desk.anchor()
    assert audit(desk).codes() == {"release-unlogged"}
    handover.withdraw(desk.client, desk.person, desk.clock, item, reason="over")


def again(desk: Desk, evidence: str) -> tuple[bytes, Recorded]:
    """What the command does, in one go."""
    handover_pause.take_back(
        desk.client, desk.person, desk.clock, evidence, handover_pause.Waiting(30), basis=BASIS
    )
    reading = handover_pause.begin(desk.client, desk.person, desk.clock, evidence, BASIS)
    out = BytesIO()
    retrieval.fetch(desk.client, desk.person, evidence, reading.access, out)
    return out.getvalue(), handover_pause.offer_again(
        desk.client, desk.person, desk.clock, evidence, reading
    )


def offers(desk: Desk, evidence: str) -> list[dict[str, Any]]:
    """Bodies of the offers of an item."""
    from ledger.services.registration.item_histories import Histories

    with desk.node.records.read() as unit:
        told = Histories(desk.node).of(unit, evidence).events.values()
    return [record.event.body for record in told if record.event.type == "transfer-offered"]


def test_a_paused_offer_is_read_under_a_signed_access_and_made_again_with_the_same_terms(
    desk: Desk, tmp_path: Path
) -> None:
    item, taker = photo(desk, tmp_path), enrolled(desk, "examiner")
    offer(
        desk,
        item,
        taker,
        mode="loan",
        return_by=int(time.time()) + 7200,
        condition="good",
        conditions=("this case",),
        purpose="analysis",
    )
    data, _ = again(desk, item)
    assert data == b"a face" * 500
    assert types(desk, item)[2:] == [
        "transfer-offered",
        "transfer-withdrawn",
        "accessed",
        "transfer-offered",
    ]
    first, second = offers(desk, item)
    assert first == second
    handover.accept(taker.client, taker.person, desk.clock, item)
    assert taker.client.item(item).holder == taker.pseudonym


def test_a_pause_that_was_interrupted_at_any_step_goes_on(desk: Desk, tmp_path: Path) -> None:
    taker = enrolled(desk, "examiner")
    for step in range(3):
        item = photo(desk, tmp_path)
        offer(desk, item, taker)
        handover_pause.take_back(
            desk.client, desk.person, desk.clock, item, handover_pause.Waiting(30), basis=BASIS
        )
        if step > 0:
            reading = handover_pause.begin(desk.client, desk.person, desk.clock, item, BASIS)
        if step > 1:
            retrieval.fetch(desk.client, desk.person, item, reading.access, None)
        assert desk.client.item(item).offer is None
        assert again(desk, item)[0] == b"a face" * 500
        assert desk.client.item(item).offer.person == taker.pseudonym
        assert len(offers(desk, item)) == 2


def test_nothing_is_paused_that_is_not_on_offer_or_was_taken_back_for_good_or_is_over(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, taker = photo(desk, tmp_path), enrolled(desk, "examiner")
    with pytest.raises(UsageError, match="no offer"):
        again(desk, item)
    assert types(desk, item) == ["acquired"]
    offer(desk, item, taker)
    with pytest.raises(NotFoundError):  # whoever is asked has no way to take it back
        handover_pause.take_back(
            enrolled(desk, "officer").client,
            desk.person,
            desk.clock,
            item,
            handover_pause.Waiting(1),
            basis=BASIS,
        )
    handover.withdraw(desk.client, desk.person, desk.clock, item, reason="wrong addressee")
    with pytest.raises(RuleError, match="another reason"):
        again(desk, item)
    assert desk.client.item(item).offer is None
    offer(desk, item, taker)
    later = int(time.time()) + 3590
    before = item_of(desk, item)
    monkeypatch.setattr(type(desk.clock), "now", lambda self: later)
    with pytest.raises(RuleError, match="is over"):
        again(desk, item)
    assert item_of(desk, item) == before


def test_an_item_accepted_meanwhile_is_not_taken_back(desk: Desk, tmp_path: Path) -> None:
    item, taker = photo(desk, tmp_path), enrolled(desk, "examiner")
    offer(desk, item, taker)
    handover.accept(taker.client, taker.person, desk.clock, item)
    with pytest.raises(UsageError, match="no offer"):
        again(desk, item)


def test_what_the_profile_refuses_leaves_no_access_in_the_log(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An offer without the authorisation that a country asks for was refused, and the record said
    for ever that a key was taken for it.
    """
    (tmp_path / "file").write_bytes(b"content")
    [item] = desk.upload(tmp_path / "file")
    other = enrolled(desk, "officer")
    asked = {
        "transfer-offered": ("/basis/authorisation",),
        "disclosed": ("/basis/authorisation",),
        "disposed": ("/body/rule",),
    }
    monkeypatch.setattr(desk.node, "profile", replace(desk.node.profile, required=asked))
    terms = OfferTerms(
        desk.node.agency,
        desk.clock.now() + 86400,
        person=other.person.certificate.pseudonym,
        members={"basis": BASIS},
    )
    tries = {
        "offer": lambda: handover.offer(desk.client, desk.person, desk.clock, item.evidence, terms),
        "share": lambda: handover.share(
            desk.client,
            desk.person,
            desk.clock,
            item.evidence,
            with_person=other.person.certificate.pseudonym,
            basis=BASIS,
        ),
        "disclose": lambda: copying.disclose(
            desk.client,
            desk.person,
            desk.clock,
            item.evidence,
            copying.Recipient("court"),
            copying.Disclosure("copy", members={"basis": BASIS}),
        ),
    }
    for name, work in tries.items():
        with pytest.raises(DemandError):
            work()
        assert desk.client.item(item.evidence).events == 1, name
