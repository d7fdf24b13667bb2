"""What was given to somebody rightly, and may not be read any more: after a disposal, or by whoever
joined the defence since; and that nobody is on both sides to begin with.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ledger.client.handovers import handover
from ledger.domain.errors import DeniedError, RuleError, UsageError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.services.access import custody_keys
from ledger.services.handovers import erasure
from tests.integration.test_openers import access
from tests.support.actors import Actor, enrolled
from tests.support.consortium import NL, RO, Consortium, upload
from tests.support.desk import Desk
from tests.support.disposals import dispose
from tests.support.people import invited, joined, reference
from tests.support.strangers import desk, photo  # noqa: F401  (fixtures)


def test_an_access_that_was_signed_before_a_disposal_opens_nothing_after_it(
    desk: Desk, tmp_path: Path
) -> None:
    item, reader = photo(desk, tmp_path), enrolled(desk, "custodian", "officer")
    signed = {mode: access(reader, item, mode) for mode in ("view", "export")}
    calls = (
        lambda: reader.client.details(item, signed["view"]),
        lambda: reader.client.grants(item, signed["export"]),
        lambda: reader.client.content(item, signed["export"], 0, 9),
        lambda: reader.client.bundle(item, signed["export"]),
    )
    assert calls[0]()
    assert calls[3]()
    dispose(desk, item)
    for _ in range(2):  # while its keys are there still, and when they are gone
        for call in calls:
            with pytest.raises(DeniedError, match="was disposed of"):
                call()
        erasure.settle(desk.node)
    assert reader.client.bundle(item, "")


def test_guarded_material_on_offer_is_not_shown_to_whoever_joined_the_defence_meanwhile(
    desk: Desk, tmp_path: Path
) -> None:
    item, asked = photo(desk, tmp_path), enrolled(desk, "examiner", number="D-1")
    desk.record(item, "restricted", {"handling": ["csam"]})
    terms = OfferTerms("NL-POL", int(time.time()) + 3600, person=asked.pseudonym)
    handover.offer(desk.client, desk.person, desk.clock, item, terms)
    enrolled(desk, "defence", number=" d-1")
    for call in (
        lambda: asked.client.incoming(item),
        lambda: asked.client.incoming_content(item, 0, 9),
    ):
        with pytest.raises(DeniedError, match="government and court only") as refused:
            call()
        assert "handover decline" in (refused.value.hint or "")
    assert [one.looked for one in desk.client.handovers() if one.evidence == item] == [()]
    handover.decline(asked.client, asked.person, desk.clock, item, reason="not for me any more")


def test_a_copy_that_names_one_person_elsewhere_is_not_left_for_all_of_their_agency(
    both: Consortium, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    item = upload(giver, tmp_path)
    to: dict[str, Any] = {"agency": RO, "person": taker.person.certificate.pseudonym}
    for mode in ("copy", "export"):
        body = {"recipientKind": "agency", "mode": mode, "to": to}
        with pytest.raises(RuleError, match=f"goes to {RO} as a whole"):
            giver.record(item, "disclosed", body)
    giver.record(item, "disclosed", {"recipientKind": "agency", "mode": "view", "to": to})
    assert [copy for copy in taker.client.copies() if copy.evidence == item] == []


def test_nobody_is_custodian_and_counsel_by_two_enrolments(office: Desk, tmp_path: Path) -> None:
    keeper = joined(office, tmp_path / "keeper", "custodian", number="B-1")
    with pytest.raises(UsageError, match="under whichever enrolment"):
        office.client.invite(" b-1", ["defence"])
    second = joined(office, tmp_path / "second", "officer", number="B-1")
    late = invited(office, tmp_path / "late", "defence", number="B-2")
    joined(office, tmp_path / "other", "custodian", number="b-2")
    late.enrol()
    with pytest.raises(UsageError, match="under whichever enrolment"):
        office.client.approve(reference(office))
    with pytest.raises(UsageError, match="under whichever enrolment"):
        office.client.renew(second.pseudonym, ["officer", "defence"])
    office.client.renew(keeper.pseudonym, ["defence"])
    office.client.renew(second.pseudonym, ["officer", "defence"])
    with pytest.raises(UsageError, match="under whichever enrolment"):
        office.client.renew(keeper.pseudonym, ["custodian"])


def test_whoever_is_counsel_under_another_enrolment_is_not_said_to_wait_for_the_custody_key(
    office: Desk,
) -> None:
    def standing(who: Actor) -> str:
        [found] = [one for one in office.client.people() if one.reference == who.pseudonym]
        return str(found.custodyKey)

    twin, other = enrolled(office, "custodian", number="E-1"), enrolled(office, "custodian")
    assert standing(twin) == standing(other) == custody_keys.WAITS
    enrolled(office, "defence", number="e-1")
    assert (standing(twin), standing(other)) == ("", custody_keys.WAITS)
