"""What a thief took back of what others ordered is not made anybody's own by ordering it anew."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ledger.app import field_folder
from ledger.client.handovers import copying, handover
from ledger.client.intake.upload import Upload, UploadOptions
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.services.people import membership
from tests.integration.test_lifecycle import seized
from tests.support.actors import Actor, enrolled
from tests.support.consortium import NL, RO, Consortium, upload
from tests.support.desk import BASIS, Desk
from tests.support.strangers import photo


def shared_with(desk: Desk, item: str, *roles: str) -> Actor:
    reader = enrolled(desk, *roles)
    handover.share(
        desk.client, desk.person, desk.clock, item, with_person=reader.pseudonym, basis=BASIS
    )
    return reader


def known(desk: Desk, thief: Actor) -> None:
    by, since = desk.person.certificate.subject, int(time.time()) - 600
    membership.suspend(desk.node, thief.id, by=by, since=since)


def test_a_courts_hold_that_a_thief_lifted_is_no_custodians_by_ordering_it_anew(
    office: Desk, tmp_path: Path
) -> None:
    item = photo(office, tmp_path)
    court, thief = shared_with(office, item, "court"), shared_with(office, item, "court")
    accomplice = enrolled(office, "custodian")
    hold = {"hold": "appeal"}
    court.record(item, "hold-placed", hold)
    thief.record(item, "hold-released", hold)
    accomplice.record(item, "hold-placed", hold)
    known(office, thief)
    with pytest.raises(DeniedError, match="this hold was ordered as court"):
        accomplice.record(item, "hold-released", hold)
    court.record(item, "hold-released", hold)


def test_a_courts_hold_stands_though_a_custodian_placed_and_lifted_it_anew_before_the_theft_is_known(
    office: Desk, tmp_path: Path
) -> None:
    item = photo(office, tmp_path)
    court, thief = shared_with(office, item, "court"), shared_with(office, item, "court")
    accomplice = enrolled(office, "custodian")
    hold, mark = {"hold": "appeal"}, {"handling": ["privileged"]}
    court.record(item, "hold-placed", hold)
    court.record(item, "restricted", mark)
    thief.record(item, "hold-released", hold)
    thief.record(item, "unrestricted", {**mark, "reason": "none"})
    for event_type, body in (("hold-placed", hold), ("hold-released", hold), ("restricted", mark)):
        accomplice.record(item, event_type, body)
    accomplice.record(item, "unrestricted", {**mark, "reason": "none"})
    given, ended = {"recipientKind": "media", "mode": "view"}, {"reason": "mistake"}
    known(office, thief)
    with pytest.raises(DeniedError, match="marked privileged is not given"):
        office.record(item, "disclosed", given)
    with pytest.raises(RuleError, match="so it takes no hold back"):
        office.record(item, "voided", ended)
    office.record(item, "hold-placed", hold)
    court.record(item, "hold-released", hold)
    court.record(item, "unrestricted", {**mark, "reason": "waived"})
    office.record(item, "disclosed", given)
    office.record(item, "voided", ended)


def test_a_mark_that_a_thief_took_off_is_carried_also_behind_another_event_of_the_same_batch(
    office: Desk, tmp_path: Path
) -> None:
    item, thief = photo(office, tmp_path), enrolled(office, "custodian")
    office.record(item, "restricted", {"handling": ["csam"]})
    thief.record(item, "unrestricted", {"handling": ["csam"], "reason": "none"})
    known(office, thief)
    keeper = enrolled(office, "custodian")
    note = keeper.sign("note", {"text": "x"}, item)
    (tmp_path / "copy.jpg").write_bytes(b"copy")
    options = UploadOptions(body={"kind": "working-copy", "parents": [item]}, event_type="derived")
    register = keeper.client.register
    keeper.client.register = lambda batch: register([note, *batch])[1:]  # type: ignore[method-assign]
    journal = field_folder.journal_of(tmp_path, office.home.keyring)
    run = Upload(keeper.person, keeper.client, journal, office.clock, options)
    with pytest.raises(RuleError, match="derived from material marked csam"):
        list(run.run([tmp_path / "copy.jpg"]))


def test_a_copy_for_another_agency_says_how_its_item_is_marked_whatever_its_record_seems_to_say(
    both: Consortium, tmp_path: Path
) -> None:
    """It was taken there as unmarked: by the record that the giver read the mark was off."""
    nl = both[NL]
    item, thief = upload(nl, tmp_path), enrolled(nl, "custodian")
    nl.record(item, "restricted", {"handling": ["csam"]})
    body = {"recipientKind": "agency", "mode": "copy", "to": {"agency": RO}}
    with pytest.raises(RuleError, match="marked csam, and what is given to another agency"):
        nl.record(item, "disclosed", body)
    thief.record(item, "unrestricted", {"handling": ["csam"], "reason": "none"})
    known(nl, thief)
    to, what = copying.Recipient("agency", agency=RO), copying.Disclosure("copy")
    with pytest.raises(RuleError, match="marked csam, and what is given") as refusal:
        copying.disclose(nl.client, nl.person, nl.clock, item, to, what)
    assert "record restrict ID --handling MARK" in str(refusal.value.hint)
    nl.record(item, "restricted", {"handling": ["csam"]})
    copying.disclose(nl.client, nl.person, nl.clock, item, to, what)


@pytest.mark.parametrize(
    ("told", "body"),
    [
        ("received", {"counterparty": {"name": "laboratory"}}),
        ("incident", {"kind": "loss"}),
    ],
)
def test_a_return_that_a_thief_told_of_ends_no_item(
    office: Desk, told: str, body: dict[str, Any]
) -> None:
    phone, thief = seized(office), enrolled(office, "custodian")
    office.record(phone, "released", {"counterparty": {"name": "laboratory"}})
    if told == "incident":
        body = {**body, "discovered": format_time(office.clock.now())}
    thief.record(phone, told, body)
    known(office, thief)
    with pytest.raises(RuleError, match="tells that the item is back or what became of it"):
        office.record(phone, "voided", {"reason": "by mistake"})
    office.record(phone, "received", {"counterparty": {"name": "laboratory"}})
    office.record(phone, "voided", {"reason": "by mistake"})


def test_what_a_thief_said_to_be_back_is_offered_to_nobody(office: Desk) -> None:
    phone, thief = seized(office), enrolled(office, "custodian")
    taker = enrolled(office, "examiner")
    office.record(phone, "released", {"counterparty": {"name": "laboratory"}})
    thief.record(phone, "received", {"counterparty": {"name": "laboratory"}})
    known(office, thief)
    terms = OfferTerms("NL-POL", office.clock.now() + 3600, person=taker.pseudonym)
    with pytest.raises(RuleError, match="tells that the item is back or what became of it"):
        handover.offer(office.client, office.person, office.clock, phone, terms)
    office.record(phone, "received", {"counterparty": {"name": "laboratory"}})
    handover.offer(office.client, office.person, office.clock, phone, terms)
