"""Which items of a case are named by lists, and to whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.client.handovers import handover
from ledger.client.intake.upload import UploadOptions
from ledger.client.reading import retrieval
from ledger.domain.event.offer_terms import OfferTerms
from tests.integration.test_cases import NUMBER, numbers, opened, thing, to, urns
from tests.support.desk import BASIS, Desk
from tests.support.office import office, staffed  # noqa: F401  (fixtures)
from tests.support.people import joined


@pytest.mark.parametrize("mark", ["csam", "privileged", "victim-identity", "classified"])
def test_a_name_that_may_say_who_was_harmed_stands_in_no_listing(office: Desk, mark: str) -> None:
    case, marked = opened(office), thing(office, "A1", handling=[mark])
    asked = [marked, thing(office, "A2")]
    retrieval.record(
        office.client, office.person, office.clock, case, "listed", {}, {"basis": BASIS}
    )
    [found] = office.client.listing(case, asked)
    assert [one.evidence for one in found.items] == asked[1:]
    office.record(asked[1], "restricted", {"handling": [mark], "reason": "her name"})
    [found] = office.client.listing(case, asked)
    assert not found.items


def test_what_is_only_on_offer_is_named_and_found_by_no_list_of_its_addressee(
    office: Desk, tmp_path: Path
) -> None:
    officer = joined(office, tmp_path / "officer", "officer", number="5")
    case, file = opened(office), tmp_path / "p.jpg"
    office.record(case, "case-assigned", to(officer))
    file.write_bytes(b"a face")
    options = UploadOptions(again=True, members=numbers(exhibit="A2"))
    item = office.upload(file, options=options)[0].evidence
    terms = OfferTerms("NL-POL", office.clock.now() + 3600, person=officer.pseudonym)
    handover.offer(office.client, office.person, office.clock, item, terms)
    officer.record(case, "listed", {}, {"basis": BASIS})
    with officer.working() as (client, person):
        assert not [named for page in client.listing(case, [item]) for named in page.items]
        assert set(client.search("case", NUMBER)) == urns(client, case=NUMBER) == set()
        assert urns(client) == {one.evidence for one in client.items()} == set()
        assert [one.evidence for one in client.handovers()] == [item]
        assert urns(client, among=[item]) == {item}, "whoever names it means it"
        handover.accept(client, person, office.clock, item)
        assert urns(client, case=NUMBER) == {item}
        [found] = client.listing(case, [item])
        assert [one.name for one in found.items] == ["p.jpg"]
