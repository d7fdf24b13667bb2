"""Which case a number means: the one whose record has it now, and of items those whose records say
it, whatever scheme somebody calls a further number by.
"""

from __future__ import annotations

import pytest

from ledger.domain.errors import ConflictError, RuleError
from ledger.domain.event import same_record
from tests.integration.test_cases import NUMBER, opened, thing, urns
from tests.support.desk import Desk
from tests.support.office import office, staffed  # noqa: F401  (fixtures)


def correct(desk: Desk, case: str, *numbers: str) -> None:
    new = [{"scheme": "case", "value": one} for one in numbers]
    body = {
        "target": desk.client.item(case).opening,
        "pointer": "/identifiers",
        "new": new,
        "reason": "a slip",
    }
    desk.record(case, "corrected", body)


def test_a_number_that_was_mistyped_and_corrected_is_free_for_the_case_that_has_it(
    office: Desk,
) -> None:
    slip = opened(office, "2026-171")
    correct(office, slip, NUMBER)
    real = opened(office, "2026-171")
    client = office.client
    assert urns(client, kind="case", case="2026-171") == {slip, real}
    assert set(client.search(same_record.CASE_NOW, "2026-171")) == {real}
    assert set(client.search(same_record.CASE_NOW, NUMBER)) == {slip}


def test_a_correction_gives_no_case_the_number_of_an_open_one(office: Desk) -> None:
    opened(office)
    other = opened(office, "2026-118")
    with pytest.raises(ConflictError, match="open under that number"):
        correct(office, other, f" {NUMBER}")
    for several in ((), ("2026-119", "2026-120")):
        with pytest.raises(RuleError, match="one number"):
            correct(office, other, *several)
    correct(office, other, "2026-118 ")  # its own, in another spelling
    assert set(office.client.search(same_record.CASE_NOW, "2026-118")) == {other}


@pytest.mark.parametrize("scheme", ["of-case", "case-itself", "case-now", "parts-of-exhibit"])
def test_a_further_number_is_taken_for_nothing_that_follows_from_records(
    office: Desk, scheme: str
) -> None:
    """An officer would put their item into the case of others, or keep a case from being opened."""
    item = thing(office, "A1")
    office.record(item, "identified", {"identifiers": [{"scheme": scheme, "value": "2026-999"}]})
    said = [{"scheme": scheme, "value": "2026-999"}, {"scheme": "case", "value": "1"}]
    thing(office, "A2", identifiers=said)
    client = office.client
    assert set(client.search(scheme, "2026-999")) == set()
    assert urns(client, text="2026-999") == set() == urns(client, case="2026-999")
    assert opened(office, "2026-999")
