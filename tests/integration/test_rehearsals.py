"""What would be refused is refused before the access that it needs is signed: the log tells of no
reading that nothing followed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.client.handovers import copying, handover
from ledger.client.reading import retrieval
from ledger.domain.errors import CustodyError, DeniedError, NotFoundError, RuleError, UsageError
from ledger.domain.event.offer_terms import OfferTerms
from tests.support.desk import BASIS, Desk
from tests.support.office import colleague, office, staffed, upload  # noqa: F401

UNREAD = "00" * 32


def refused_and_unsigned(
    desk: Desk, evidence: str, work: Callable[[], Any], match: str, error: type[CustodyError]
) -> None:
    before = desk.client.item(evidence)
    with pytest.raises(error, match=match):
        work()
    assert desk.client.item(evidence) == before


def rehearse(desk: Desk, evidence: str, event_type: str, body: dict[str, Any]) -> None:
    retrieval.rehearse(desk.client, desk.person, desk.clock, evidence, event_type, body)


def offer(desk: Desk, evidence: str, **more: Any) -> Any:
    to = colleague(desk, "second").pseudonym
    terms = OfferTerms("NL-POL", desk.clock.now() + 3600, person=to, **more)
    return handover.offer(desk.client, desk.person, desk.clock, evidence, terms)


def test_an_offer_of_what_was_handed_out_or_came_on_conditions_leaves_no_access(
    office: Desk,
    tmp_path: Path,
) -> None:
    evidence = upload(office, tmp_path)
    loan = lambda: offer(office, evidence, mode="loan")  # noqa: E731
    refused_and_unsigned(office, evidence, loan, "a loan says until when", RuleError)
    office.record(evidence, "released", {"counterparty": {"name": "a laboratory"}})
    refused_and_unsigned(
        office, evidence, lambda: offer(office, evidence), "is not back yet", RuleError
    )
    office.record(evidence, "received", {"counterparty": {"name": "a laboratory"}})
    offer(office, evidence)


def test_another_agency_is_called_a_colleague_to_be_asked_no_authorisation_by_nobody(
    office: Desk,
    tmp_path: Path,
) -> None:
    evidence = upload(office, tmp_path)
    for to in ({"agency": "RO-DIICOT"}, {"agency": "RO-DIICOT", "person": "a" * 26}):
        body = {"recipientKind": "colleague", "mode": "view", "to": to}
        with pytest.raises(RuleError, match="nobody of it is a colleague"):
            office.record(evidence, "disclosed", body)


def test_guarded_material_is_refused_to_the_defence_before_it_is_read(
    office: Desk,
    tmp_path: Path,
) -> None:
    evidence = upload(office, tmp_path, members={"handling": ["csam"]})
    who = (office.client, office.person, office.clock, evidence)
    counsel = colleague(office, "counsel").pseudonym
    refused_and_unsigned(
        office,
        evidence,
        lambda: handover.share(*who, with_person=counsel, basis=BASIS),
        "government and court only",
        DeniedError,
    )
    to, what = (
        copying.Recipient("defence"),
        copying.Disclosure("copy", members={"basis": BASIS}),
    )
    refused_and_unsigned(
        office, evidence, lambda: copying.disclose(*who, to, what), "is not given to", DeniedError
    )


def test_a_disposal_under_a_hold_is_refused_before_the_record_is_read(
    office: Desk,
    tmp_path: Path,
) -> None:
    evidence = upload(office, tmp_path)
    disposal = {"scope": "all", "method": "keys destroyed", "approvals": [UNREAD]}
    office.record(evidence, "hold-placed", {"hold": "appeal"})
    refused_and_unsigned(
        office,
        evidence,
        lambda: rehearse(office, evidence, "disposed", disposal),
        "in force on this item",
        RuleError,
    )
    office.record(evidence, "hold-released", {"hold": "appeal"})
    rehearse(office, evidence, "disposed", disposal)  # approvals are named after reading alone
    with pytest.raises(RuleError, match="nobody requested the disposal"):
        office.record(evidence, "disposed", disposal)


def test_a_rehearsal_names_nothing_that_registration_would_hide(
    office: Desk,
    tmp_path: Path,
) -> None:
    evidence = upload(office, tmp_path)
    absent = "urn:uuid:00000000-0000-4000-8000-000000000000"
    answers = []
    with colleague(office, "third").working() as (client, person):
        for item in (evidence, absent):
            with pytest.raises(NotFoundError) as refusal:
                retrieval.rehearse(
                    client, person, office.clock, item, "analysed", {"description": "a look"}
                )
            answers.append((refusal.value.message, refusal.value.hint))
    assert answers[0] == answers[1]


def test_what_somebody_else_would_sign_is_not_judged(
    office: Desk,
    tmp_path: Path,
) -> None:
    """A document that names another actor is refused before anything is said of the item's rules."""
    evidence = upload(office, tmp_path)
    office.record(evidence, "hold-placed", {"hold": "appeal"})
    disposal = {"scope": "all", "method": "keys destroyed", "approvals": [UNREAD]}
    with (
        colleague(office, "second").working() as (client, _),
        pytest.raises(CustodyError, match="actor is not the certificate's subject"),
    ):
        retrieval.rehearse(client, office.person, office.clock, evidence, "disposed", disposal)


@pytest.mark.parametrize(
    ("event_type", "body"),
    [
        ("unsealed", {"number": "B-1"}),
        ("sealed", {"number": "B-1"}),
        ("hold-released", {"hold": "appeal"}),
        ("hold-placed", {"hold": "appeal"}),
        ("accessed", {"mode": "view"}),
        ("transfer-withdrawn", {"offer": UNREAD, "reason": "x"}),
    ],
)
def test_nobody_tries_out_by_rehearsals_what_is_on_an_item(
    office: Desk, tmp_path: Path, event_type: str, body: dict[str, Any]
) -> None:
    """Each answer told whether a seal or a hold is there, and no event that somebody had asked."""
    evidence = upload(office, tmp_path)
    office.record(evidence, "hold-placed", {"hold": "appeal"})
    with pytest.raises(UsageError, match="not asked about beforehand"):
        rehearse(office, evidence, event_type, body)
