"""An inbox that would tell somebody too much, too little, or the same thing for ever."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ledger.client.handovers import handover
from ledger.domain.codecs.text import format_time
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.ports.inbox import ChangedItem, WaitingLine
from ledger.services.inbox import looking
from tests.integration.test_loans import lent
from tests.support.actors import Actor, enrolled
from tests.support.clocks import Ahead
from tests.support.consortium import NL, RO, Consortium, upload
from tests.support.desk import Desk
from tests.support.people import invited
from tests.support.strangers import (  # noqa: F401  (fixtures)
    custodian,
    desk,
    officer,
    photo,
    stranger,
    thing,
)

DAY = 86400


def waiting(actor: Actor | Desk, evidence: str | None) -> list[WaitingLine]:
    """What waits for somebody about one item, or about none."""
    pages = list(actor.client.inbox(None))
    return [line for page in pages for line in page.waiting if line.evidence == evidence]


def kinds(actor: Actor | Desk, evidence: str | None) -> list[str]:
    return [line.kind for line in waiting(actor, evidence)]


def changed(actor: Actor | Desk, since: int) -> list[ChangedItem]:
    return [one for page in actor.client.inbox(since) for one in page.changed]


def size(actor: Actor | Desk) -> int:
    return int(next(actor.client.inbox(None)).size)


def day(days: int) -> str:
    return format_time(int(time.time()) + days * DAY)


def test_an_offer_is_told_to_whoever_is_asked_and_to_nobody_else(
    desk: Desk, officer: Actor, stranger: Actor
) -> None:
    evidence = thing(officer)
    asked = enrolled(desk, "officer")
    terms = OfferTerms(desk.node.agency, desk.clock.now() + DAY, asked.pseudonym)
    handover.offer(officer.client, officer.person, officer.desk.clock, evidence, terms)
    [line] = waiting(asked, evidence)
    assert (line.kind, line.due) == ("offer", format_time(terms.expires))
    assert kinds(officer, evidence) == kinds(stranger, evidence) == []


def test_an_offer_that_expired_waits_for_whoever_made_it_and_no_longer_for_whom_it_was_made_to(
    desk: Desk, officer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = thing(officer)
    asked = enrolled(desk, "officer")
    terms = OfferTerms(desk.node.agency, desk.clock.now() + 60, asked.pseudonym)
    handover.offer(officer.client, officer.person, officer.desk.clock, evidence, terms)
    officer.client.inbox(None)
    monkeypatch.setattr(desk.node, "clock", Ahead(desk.node.clock, 120))
    assert kinds(officer, evidence) == ["offer-expired"]
    assert kinds(asked, evidence) == []


def test_a_disposal_waits_for_a_second_person_and_never_for_the_one_who_asked(
    desk: Desk, custodian: Actor, officer: Actor, stranger: Actor
) -> None:
    evidence = thing(officer)
    again = enrolled(desk, "custodian", number="4799")
    twin = enrolled(desk, "custodian", number="47 99")
    request = again.record(evidence, "disposal-requested", {"reason": "over"})
    assert kinds(custodian, evidence) == ["disposal-requested"]
    assert kinds(again, evidence) == [], "they asked"
    assert kinds(twin, evidence) == [], "and are the same person under another enrolment"
    assert kinds(stranger, evidence) == []
    custodian.record(evidence, "approved", {"target": request.statement})
    assert kinds(again, evidence) == kinds(custodian, evidence) == ["disposal-approved"]
    assert kinds(officer, evidence) == [], "an officer carries no disposal out"
    custodian.record(evidence, "hold-placed", {"hold": "x", "expires": day(400)})
    refused = thing(officer)
    request = again.record(refused, "disposal-requested", {"reason": "over"})
    custodian.record(refused, "refused", {"target": request.statement})
    assert kinds(custodian, refused) == kinds(again, refused) == []


def test_days_that_lie_sealed_are_told_to_those_alone_who_settle_the_matter(
    desk: Desk, custodian: Actor, officer: Actor
) -> None:
    evidence = thing(officer)
    watcher, prosecutor = enrolled(desk, "auditor"), enrolled(desk, "prosecutor")
    custodian.record(
        evidence, "hold-placed", {"hold": "appeal", "reason": "secret", "expires": day(3)}
    )
    custodian.record(evidence, "retention-set", {"rule": "wpg-9", "until": day(5)})
    lines = waiting(custodian, evidence)
    assert [(line.kind, line.due) for line in lines] == [
        ("hold-ends", day(3)),
        ("retention-ends", day(5)),
    ]
    assert "secret" not in str(lines)
    assert "appeal" not in str(lines)
    assert "wpg" not in str(lines)
    assert kinds(watcher, evidence) == [], "whoever watches sees that the item is there, no more"
    assert kinds(prosecutor, evidence) == [], "nor does a prosecutor without a part in it"
    assert kinds(officer, evidence) == [], "who holds it can neither lift nor dispose"


def test_what_is_due_in_months_does_not_wait_today(
    desk: Desk, custodian: Actor, officer: Actor
) -> None:
    evidence = thing(officer)
    custodian.record(evidence, "retention-set", {"rule": "wpg-9", "until": day(400)})
    assert kinds(custodian, evidence) == []


def test_an_item_that_is_closed_asks_nothing_any_more(
    desk: Desk, custodian: Actor, officer: Actor
) -> None:
    evidence = thing(officer)
    custodian.record(evidence, "retention-set", {"rule": "wpg-9", "until": day(1)})
    custodian.record(evidence, "voided", {"reason": "by mistake"})
    assert kinds(custodian, evidence) == []


@pytest.mark.parametrize(
    ("result", "told"), [("mismatch", ["content-differs"]), ("unreachable", []), ("match", [])]
)
def test_content_that_failed_its_check_is_told_and_a_node_that_was_not_reached_is_not_failure(
    desk: Desk, tmp_path: Path, result: str, told: list[str]
) -> None:
    evidence = photo(desk, tmp_path, result.encode() * 99)
    desk.record(evidence, "verified", {"result": result})
    assert kinds(desk, evidence) == told
    desk.record(evidence, "verified", {"result": "match"})
    assert kinds(desk, evidence) == []


def test_changes_are_those_of_others_since_the_look_among_items_that_one_may_see(
    desk: Desk, custodian: Actor, officer: Actor, stranger: Actor
) -> None:
    evidence, hidden = thing(officer), thing(custodian)
    since = size(officer)
    officer.record(evidence, "note", {"text": "mine"})
    assert changed(officer, since) == [], "one's own work is no news"
    custodian.record(evidence, "note", {"text": "theirs"})
    custodian.record(hidden, "note", {"text": "theirs"})
    [one] = changed(officer, since)
    assert (one.evidence, one.count) == (evidence, 1)
    assert changed(stranger, since) == []
    assert changed(officer, size(officer)) == []


def test_one_page_opens_no_more_records_than_it_may_and_the_next_goes_on_behind(
    desk: Desk, custodian: Actor, officer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [thing(officer) for _ in range(3)]
    for evidence in made:
        custodian.record(evidence, "retention-set", {"rule": "wpg-9", "until": day(1)})
    monkeypatch.setattr(looking, "_EVENTS", 2)
    pages = list(custodian.client.inbox(None))
    assert len(pages) >= len(made), "a record of two events ends a page"
    found = [line.evidence for page in pages for line in page.waiting]
    assert [found.count(evidence) for evidence in made] == [1, 1, 1]
    assert sum(page.looked for page in pages) == len(list(custodian.client.items()))


def test_a_record_that_was_altered_is_told_and_the_others_are_told_all_the_same(
    desk: Desk, custodian: Actor, officer: Actor
) -> None:
    broken, whole = thing(officer), thing(officer)
    custodian.record(whole, "retention-set", {"rule": "wpg-9", "until": day(1)})
    with desk.node.records.write() as unit:
        [row] = unit.logs.events(broken)
        sealed = unit.documents.get(row.payload)
        unit.items.drop_secrets(broken, [], record=True)
        unit.documents.put(row.payload, broken, bytes([sealed[0] ^ 1]) + sealed[1:])
    assert kinds(custodian, broken) == ["record-unreadable"]
    assert kinds(custodian, whole) == ["retention-ends"]


def test_whoever_asks_to_join_is_told_to_administrators_alone(office: Desk, tmp_path: Path) -> None:
    colleague = invited(office, tmp_path / "mine", number="4712")
    assert kinds(office, None) == [], "who was invited and has not asked waits for nobody"
    colleague.enrol()
    [line] = waiting(office, None)
    assert (line.kind, line.told) == ("person-asks", "4712")
    assert office.client.approve(line.subject)
    assert kinds(office, None) == []
    other = invited(office, tmp_path / "other", number="4713")
    other.enrol()
    assert kinds(enrolled(office, "custodian"), None) == []


def test_entries_that_wait_for_the_chain_too_long_are_told_with_their_number(
    office: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.anchor()
    photo(office, tmp_path)
    assert kinds(office, None) == []
    monkeypatch.setattr(office.node, "clock", Ahead(office.node.clock, 3700))
    actor = enrolled(office, "officer")
    [line] = waiting(actor, None)
    assert (line.kind, line.count) == ("not-anchored", 1)
    office.anchor()
    assert kinds(actor, None) == []


def test_background_work_that_stopped_is_told(office: Desk) -> None:
    office.node.workers.record("exchange", 1, problem="RO-DIICOT is gone", hint="wait", following=2)
    [line] = waiting(office, None)
    assert (line.kind, line.subject, line.told) == (
        "worker-failing",
        "exchange",
        "RO-DIICOT is gone",
    )


def test_a_loan_is_due_for_whoever_has_it_and_awaited_by_whoever_lent_it(
    both: Consortium, tmp_path: Path
) -> None:
    evidence = upload(both[NL], tmp_path)
    lent(both, evidence, NL, RO)
    assert kinds(both[RO], evidence) == ["return-due"]
    assert kinds(both[NL], evidence) == ["return-awaited"]
    lent(both, evidence, RO, NL, "custody")
    assert kinds(both[RO], evidence) == kinds(both[NL], evidence) == []
