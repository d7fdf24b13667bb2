"""Guarded material: by no way does its key reach anybody outside government and court."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from ledger.app import give_custody_key
from ledger.client import handover, retrieval
from ledger.domain.crypto import custody_key
from ledger.domain.errors import DeniedError, RuleError, UsageError
from ledger.domain.event.offer_terms import OfferTerms
from tests.support.actors import Actor, enrolled
from tests.support.consortium import NL, RO, Consortium, offer, upload
from tests.support.desk import BASIS, Desk
from tests.support.strangers import desk, photo  # noqa: F401  (fixtures)

OFFICIAL = "government and court"


def guarded(desk: Desk, tmp_path: Path) -> str:
    item = photo(desk, tmp_path, b"guarded " * 99)
    desk.record(item, "restricted", {"handling": ["csam"]})
    return item


def share(desk: Desk, item: str, to: Actor) -> None:
    handover.share(
        desk.client, desk.person, desk.clock, item, with_person=to.pseudonym, basis=BASIS
    )


def test_counsel_is_not_given_it_under_another_enrolment(desk: Desk, tmp_path: Path) -> None:
    item = guarded(desk, tmp_path)
    counsel, other = enrolled(desk, "defence", number="C-1"), enrolled(desk, "reviewer")
    twin = enrolled(desk, "examiner", number=" c-1 ")
    for one in (counsel, twin):
        with pytest.raises(DeniedError, match=OFFICIAL):
            share(desk, item, one)
        terms = OfferTerms("NL-POL", int(time.time()) + 3600, person=one.pseudonym)
        with pytest.raises((DeniedError, RuleError), match=f"{OFFICIAL}|may take an item over"):
            handover.offer(desk.client, desk.person, desk.clock, item, terms)
    share(desk, item, other)


def test_a_mark_ends_what_counsel_signed_for_before(desk: Desk, tmp_path: Path) -> None:
    item, counsel = photo(desk, tmp_path, b"not seen yet" * 99), enrolled(desk, "defence")
    share(desk, item, counsel)
    signed = {
        mode: retrieval.record_access(
            counsel.client, counsel.person, desk.clock, item, mode=mode, basis=BASIS
        )
        for mode in ("view", "copy", "export")
    }
    calls = (
        lambda: counsel.client.grants(item, signed["copy"]),
        lambda: counsel.client.content(item, signed["copy"], 0, 9),
        lambda: counsel.client.bundle(item, signed["export"]),
        lambda: counsel.client.details(item, signed["view"]),
    )
    for call in calls:
        assert call()
    desk.record(item, "restricted", {"handling": ["csam"]})
    for call in calls:
        with pytest.raises(DeniedError, match="inspected by the defence"):
            call()


def test_counsel_is_not_given_a_part_without_a_key(desk: Desk, tmp_path: Path) -> None:
    item, both = guarded(desk, tmp_path), enrolled(desk, "defence", "reviewer")
    for to in ({"person": both.pseudonym}, {"agency": "NL-POL", "person": both.pseudonym}):
        body = {"recipientKind": "colleague", "mode": "view", "to": to}
        with pytest.raises(DeniedError, match=OFFICIAL):
            desk.record(item, "disclosed", body)


def test_counsel_with_a_second_role_does_not_open_an_item_with_such_material(desk: Desk) -> None:
    both = enrolled(desk, "officer", "defence")
    evidence = uuid.uuid4().urn
    opening = both.opening(
        "collected", {"description": "phone"}, evidence, members={"handling": ["csam"]}
    )
    status, answer = both.submit(opening)
    assert (status, OFFICIAL.encode() in answer) == (403, True), answer


def test_a_custodian_who_stands_for_the_defence_holds_no_custody_key(
    office: Desk, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="the defence"):
        office.client.invite("5", ["custodian", "defence"])
    item, both = photo(office, tmp_path), enrolled(office, "custodian", "defence")
    key = office.home.keyring.hpke_key(give_custody_key.CUSTODY)
    sealed = custody_key.seal(key, both.id, both.person.hpke.public).encode()
    with pytest.raises(RuleError, match="stands for the defence"):
        office.client.put_custody_key(sealed)
    access = retrieval.record_access(
        both.client, both.person, office.clock, item, mode="export", basis=BASIS
    )
    with pytest.raises(DeniedError, match="no content key"):
        both.client.grants(item, access)


def test_what_comes_from_another_agency_is_not_taken_by_counsel_there(
    both: Consortium, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    item = upload(giver, tmp_path)
    giver.record(item, "restricted", {"handling": ["csam"]})
    counsel = enrolled(taker, "examiner", "defence")
    offer(giver, item, RO)
    both.settle(NL, RO, rounds=2)
    digests = {"sha-256": giver_digest(giver, item)}
    with taker.node.records.read() as unit:
        row = unit.items.get(item)
    body: dict[str, Any] = {"offer": row.state.offer.digest.hex(), "digests": digests}
    with pytest.raises(DeniedError, match=OFFICIAL):
        counsel.client.register([counsel.sign("transfer-accepted", body, item)])
    handover.accept(taker.client, taker.person, taker.clock, item)


def giver_digest(desk: Desk, item: str) -> str:
    from ledger.services.registration.item_histories import Histories

    with desk.node.records.read() as unit:
        opening = Histories(desk.node).of(unit, item).opening
    assert opening is not None
    return str(opening.body["digests"]["sha-256"])
