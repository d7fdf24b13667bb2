"""Who may act on an item: whoever knows its name and its head alone does nothing to it, and learns
nothing about it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.app import create_home
from ledger.client.handovers import handover
from ledger.client.reading.retrieval import record_access
from ledger.domain.errors import DeniedError, NotFoundError, RuleError
from ledger.domain.event.case_types import subjects
from ledger.domain.event.document import Event
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.event.types import TYPES
from ledger.domain.identity.roles import ROLES_BY_TYPE
from ledger.domain.item.participation import PARTS_BY_TYPE
from ledger.services.records import documents
from tests.support.actors import Actor, enrolled, item_of
from tests.support.desk import BASIS, PASSPHRASE, Desk
from tests.support.strangers import (  # noqa: F401  (fixtures)
    BODIES,
    DIGEST,
    SOON,
    UNSEEING,
    custodian,
    desk,
    officer,
    photo,
    stranger,
    thing,
)


def offered(desk: Desk, evidence: str, to: Actor) -> None:
    handover.offer(
        desk.client,
        desk.person,
        desk.clock,
        evidence,
        OfferTerms("NL-POL", int(time.time()) + 3600, person=to.pseudonym),
    )


def told(desk: Desk, evidence: str) -> list[Event]:
    """The documents of an item, as the node keeps them."""
    with desk.node.records.read() as unit:
        found = [documents.read_event(desk.node, unit, row) for row in unit.logs.events(evidence)]
    return [event for event in found if event is not None]


def test_every_type_has_a_rule() -> None:
    assert set(PARTS_BY_TYPE) == set(ROLES_BY_TYPE) == set(TYPES)
    signable = {
        name
        for name in TYPES
        if ROLES_BY_TYPE[name] & set(UNSEEING)
        and TYPES[name].effect != "open"
        and "item" in subjects(name, TYPES[name].effect)
    }
    assert signable == set(BODIES), "those about cases: test_cases.py"


def test_nobody_offers_to_themselves_under_whichever_name_or_number(
    desk: Desk, officer: Actor
) -> None:
    phone = thing(officer)
    twin = enrolled(desk, "officer", number=" ４７２０ ")  # noqa: RUF001  (the same service number, typed in full-width digits)
    gone = enrolled(desk, "officer")
    with desk.node.records.write() as unit:
        row = unit.people.get(gone.id)
        assert row is not None
        unit.people.put(replace(row, active=False))
    clerk = enrolled(desk, "administrator")
    for to in (
        {"agency": "NL-POL", "person": officer.pseudonym},
        {"agency": "NL-POL", "person": twin.pseudonym},
        {"agency": "NL-POL", "person": officer.pseudonym.upper()},
        {"agency": "NL-POL", "person": f" {officer.pseudonym}"},
        {"agency": "NL-POL", "person": gone.pseudonym},
        {"agency": "NL-POL", "person": clerk.pseudonym},
        {"agency": "NL-POL"},
        {"agency": "NL-POL", "unit": "west"},
    ):
        with pytest.raises(RuleError):
            officer.record(
                phone, "transfer-offered", {"mode": "custody", "to": to, "expires": SOON}
            )
    with pytest.raises(RuleError, match="themselves"):
        handover.offer(
            officer.client,
            officer.person,
            desk.clock,
            phone,
            OfferTerms("NL-POL", int(time.time()) + 99, person=officer.pseudonym),
        )
    assert item_of(desk, phone).seq == 0


def test_an_offer_is_answered_by_whoever_is_asked_and_nobody_else(
    desk: Desk, officer: Actor, stranger: Actor, custodian: Actor
) -> None:
    phone, asked = thing(officer), enrolled(desk, "examiner")
    answer = officer.record(
        phone,
        "transfer-offered",
        {"mode": "custody", "to": {"agency": "NL-POL", "person": asked.pseudonym}, "expires": SOON},
    )
    body = {"offer": answer.statement}
    for event_type, more in (("transfer-accepted", {}), ("transfer-declined", {"reason": "x"})):
        with pytest.raises(NotFoundError):
            stranger.client.register([stranger.sign(event_type, {**body, **more}, phone)])
        for one in (officer, custodian):
            with pytest.raises(DeniedError, match="not for you"):
                one.record(phone, event_type, {**body, **more})
    with pytest.raises(DeniedError, match="not for you"):
        asked.record(phone, "transfer-withdrawn", {**body, "reason": "x"})
    refused = asked.sign("transfer-declined", {**body, "reason": "not mine"}, phone)
    first = asked.client.register([refused])[0]
    with pytest.raises(NotFoundError):
        asked.client.item(phone)
    again = asked.client.register([refused])[0]  # whose first answer was lost
    assert (again.repeated, again.receipt) == (True, first.receipt)
    assert asked.submit(asked.sign("note", {"text": "x"}, phone))[0] == 404


def test_whoever_refused_an_item_or_was_too_late_keeps_no_key_and_no_part(
    desk: Desk, tmp_path: Path
) -> None:
    item, asked = photo(desk, tmp_path), enrolled(desk, "examiner")
    offered(desk, item, asked)
    handover.withdraw(desk.client, desk.person, desk.clock, item, reason="somebody else takes it")
    with desk.node.records.read() as unit:
        assert unit.grants.sealed_to(item, "content", asked.person.hpke.public.digest) == []
    with pytest.raises(NotFoundError):
        asked.client.item(item)
    handover.share(
        desk.client, desk.person, desk.clock, item, with_person=asked.pseudonym, basis=BASIS
    )
    offered(desk, item, asked)
    handover.withdraw(desk.client, desk.person, desk.clock, item, reason="again")
    assert asked.client.item(item).offer is None, "what was shared before stays shared"


def test_an_officer_who_handed_an_item_over_sees_its_record_and_does_nothing_more_with_the_item(
    desk: Desk, officer: Actor, custodian: Actor
) -> None:
    phone, taker = thing(officer), enrolled(desk, "examiner")
    handover.offer(
        officer.client,
        officer.person,
        desk.clock,
        phone,
        OfferTerms("NL-POL", int(time.time()) + 3600, person=taker.pseudonym),
    )
    handover.accept(taker.client, taker.person, desk.clock, phone)
    assert phone in {item.evidence for item in taker.client.items()}
    access = record_access(
        officer.client, officer.person, desk.clock, phone, mode="view", basis=BASIS
    )
    assert officer.client.details(phone, access)[0].document["type"] == "collected"
    officer.record(phone, "note", {"text": "the screen was cracked before"})
    for event_type in (
        "moved",
        "released",
        "sealed",
        "voided",
        "analysed",
        "approved",
        "transfer-withdrawn",
    ):
        with pytest.raises(DeniedError, match="not for you"):
            officer.record(phone, event_type, BODIES[event_type])
    with pytest.raises(DeniedError, match="not for you"):
        officer.record(
            phone,
            "transfer-offered",
            {
                **BODIES["transfer-offered"],
                "to": {"agency": "NL-POL", "person": custodian.pseudonym},
            },
        )
    taker.record(phone, "sealed", {"number": "S-9"})
    custodian.record(phone, "moved", {"place": "vault"})


def test_whoever_watches_over_all_items_works_on_those_alone_that_they_have_a_part_in_themselves(
    desk: Desk, officer: Actor, custodian: Actor
) -> None:
    phone, both = thing(officer), enrolled(desk, "data-protection-officer", "officer", "prosecutor")
    for event_type, role in (
        ("note", "officer"),
        ("analysed", "officer"),
        ("ruled", "prosecutor"),
        ("hold-placed", "prosecutor"),
        ("restricted", "prosecutor"),
    ):
        status, answer = both.submit(both.sign(event_type, BODIES[event_type], phone, role=role))
        assert status == 403, (event_type, role, answer)
    noted = both.record(phone, "note", {"text": "kept for too long?"})
    both.record(phone, "restricted", {"handling": ["csam"]})
    own = thing(both)
    both.record(own, "moved", {"place": "vault"})
    roles = {event.value["actor"]["role"] for event in told(desk, phone)[1:]}
    assert roles == {"data-protection-officer"}, noted
    assert [event.value["actor"]["role"] for event in told(desk, own)] == ["officer", "officer"]
    handover.share(
        custodian.client,
        custodian.person,
        desk.clock,
        phone,
        with_person=both.pseudonym,
        basis=BASIS,
    )
    both.record(phone, "ruled", {"ruling": "admitted"})


def test_a_hold_of_a_prosecutor_is_lifted_by_a_prosecutor_or_a_court_and_no_custodian(
    desk: Desk, officer: Actor, custodian: Actor
) -> None:
    phone = thing(officer)
    placing, other = enrolled(desk, "prosecutor"), enrolled(desk, "custodian", "prosecutor")
    handover.share(
        custodian.client,
        custodian.person,
        desk.clock,
        phone,
        with_person=placing.pseudonym,
        basis=BASIS,
    )
    placing.record(phone, "hold-placed", {"hold": "appeal"})
    with pytest.raises(DeniedError, match="ordered as prosecutor"):
        custodian.record(phone, "hold-released", {"hold": "appeal"})
    with pytest.raises(DeniedError, match="ordered as prosecutor"):
        other.record(phone, "hold-released", {"hold": "appeal"})
    placing.record(phone, "hold-released", {"hold": "appeal"})
    custodian.record(phone, "hold-placed", {"hold": "audit"})
    other.record(phone, "hold-released", {"hold": "audit"})


def test_nobody_gives_themselves_a_part_to_act_in_another_role_of_theirs(
    desk: Desk, officer: Actor, custodian: Actor
) -> None:
    phone, placing = thing(officer), enrolled(desk, "prosecutor")
    both = enrolled(desk, "custodian", "prosecutor", number="P-7")
    twin = enrolled(desk, "prosecutor", number=" p-7 ")
    for one in (placing, custodian):
        body = {"recipientKind": "colleague", "mode": "grant", "to": {"person": one.pseudonym}}
        custodian_or_both = custodian if one is placing else both
        custodian_or_both.record(phone, "disclosed", body, {"basis": BASIS})
    placing.record(phone, "hold-placed", {"hold": "appeal"})
    for one in (both, twin):
        for agency in ({}, {"agency": "NL-POL"}):
            to = {"person": one.pseudonym, **agency}
            body = {"recipientKind": "colleague", "mode": "grant", "to": to}
            with pytest.raises(RuleError, match="themselves"):
                both.record(phone, "disclosed", body, {"basis": BASIS})
    with pytest.raises(DeniedError, match="ordered as prosecutor"):
        both.record(phone, "hold-released", {"hold": "appeal"})


def test_whom_an_item_was_shared_with_works_on_it_within_their_role_and_does_not_dispose_of_it(
    desk: Desk, tmp_path: Path
) -> None:
    item = photo(desk, tmp_path)
    lab, prosecutor = enrolled(desk, "examiner", "officer"), enrolled(desk, "prosecutor")
    for one in (lab, prosecutor):
        handover.share(
            desk.client, desk.person, desk.clock, item, with_person=one.pseudonym, basis=BASIS
        )
    lab.record(item, "analysed", {"description": "faces"})
    prosecutor.record(item, "hold-placed", {"hold": "appeal"})
    for event_type in ("moved", "voided", "transfer-offered"):
        with pytest.raises(DeniedError, match="not for you"):
            lab.record(item, event_type, BODIES[event_type])


def test_a_thing_is_shared_too_though_it_has_no_key(
    desk: Desk, officer: Actor, custodian: Actor
) -> None:
    phone, prosecutor = thing(officer), enrolled(desk, "prosecutor")
    with pytest.raises(NotFoundError):
        prosecutor.client.item(phone)
    handover.share(
        custodian.client,
        custodian.person,
        desk.clock,
        phone,
        with_person=prosecutor.pseudonym,
        basis=BASIS,
    )
    assert phone in {item.evidence for item in prosecutor.client.items()}
    prosecutor.record(phone, "hold-placed", {"hold": "appeal"})


def test_a_second_enrolment_does_not_make_a_second_person_of_anybody(tmp_path: Path) -> None:
    roles = ["administrator", "custodian", "officer"]
    create_home.found(
        tmp_path / "home", agency="NL-POL", person="K-17", roles=roles, passphrase=PASSPHRASE
    )
    with Desk(tmp_path / "home") as desk:
        item = photo(desk, tmp_path)
        twin = enrolled(
            desk, "custodian", "officer", number="\uff4b\u201117\u200b \ufe0f"
        )  # as it may be typed to look like another
        requested = desk.record(item, "disposal-requested", {"reason": "over"}).statement
        with pytest.raises(RuleError, match="themselves"):
            twin.record(item, "approved", {"target": requested})
        second = enrolled(desk, "custodian", number="K-18")
        second.record(item, "approved", {"target": requested})


def test_an_old_offer_inside_the_agency_that_names_nobody_is_taken_by_nobody(
    desk: Desk, officer: Actor
) -> None:
    from dataclasses import replace

    phone, other = thing(officer), enrolled(desk, "officer")
    to = {"agency": "NL-POL", "person": other.pseudonym}
    officer.record(phone, "transfer-offered", {"mode": "custody", "to": to, "expires": SOON})
    with desk.node.records.write() as unit:  # as an older version let it through
        row = unit.items.get(phone)
        assert row is not None
        assert row.state.offer is not None
        unit.items.put(row.at(replace(row.state, offer=replace(row.state.offer, person=None))))
    with pytest.raises(NotFoundError):
        other.client.incoming(phone)
    with pytest.raises(NotFoundError):
        other.client.register([other.sign("transfer-accepted", {"offer": DIGEST}, phone)])
