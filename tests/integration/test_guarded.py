"""Guarded material: by no way does its key reach anybody outside government and court."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.app import give_custody_key
from ledger.client.handovers import handover
from ledger.client.reading import retrieval
from ledger.domain.crypto import custody_key
from ledger.domain.errors import DeniedError, KeyringError, RuleError, UsageError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.services.access import custody_keys
from tests.integration.test_openers import access, opened
from tests.support.actors import Actor, enrolled
from tests.support.consortium import NL, RO, Consortium, offer, upload
from tests.support.desk import BASIS, Desk
from tests.support.strangers import desk, photo  # noqa: F401  (fixtures)

OFFICIAL = "government and court"
PRESENT: list[Any] = [{"name": "a colleague"}]
REASON = {"basis": BASIS}


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
    with pytest.raises(DeniedError, match="no key to the content"):
        both.client.grants(item, access)


def test_a_custodian_whose_other_enrolment_stands_for_the_defence_gets_no_custody_key(
    office: Desk, tmp_path: Path
) -> None:
    (tmp_path / "guarded").mkdir()
    item, other = guarded(office, tmp_path / "guarded"), photo(office, tmp_path)
    twin, colleague = enrolled(office, "custodian", number="Q-1"), enrolled(office, "custodian")
    key = office.home.keyring.hpke_key(give_custody_key.CUSTODY)
    sealed = custody_key.seal(key, twin.id, twin.person.hpke.public).encode()
    office.client.put_custody_key(sealed)
    held = key.public.digest
    signed = {name: access(twin, name, "export") for name in (item, other)}
    assert all(twin.client.grants(name, signed[name]) for name in signed)
    enrolled(office, "defence", number=" q-1")
    for call in (
        lambda: office.client.put_custody_key(sealed),
        lambda: custody_keys.waiting_for(office.node, twin.id),
        lambda: custody_keys.confirm(office.node, twin.id, held),
    ):
        with pytest.raises(RuleError, match="stands for the defence"):
            call()
    with pytest.raises(DeniedError, match="no key to the content"):
        twin.client.grants(other, signed[other])
    for call in (
        lambda: twin.client.grants(item, signed[item]),
        lambda: twin.client.details(item, signed[item]),
        lambda: twin.client.bundle(item, signed[item]),
        lambda: access(twin, item, "export"),
    ):
        with pytest.raises(DeniedError, match="inspected by the defence"):
            call()
    assert colleague.client.grants(item, access(colleague, item, "export"))


def test_an_official_who_joins_the_defence_later_opens_no_guarded_material_by_an_older_share(
    desk: Desk, tmp_path: Path
) -> None:
    item, reviewer = guarded(desk, tmp_path), enrolled(desk, "reviewer", number="N-7")
    share(desk, item, reviewer)
    signed = {mode: access(reviewer, item, mode) for mode in ("view", "copy")}
    assert reviewer.client.grants(item, signed["copy"])
    enrolled(desk, "defence", number="n-7")
    nothing_but_inspections(reviewer, item, signed)


@pytest.mark.parametrize("roles", [("officer", "defence"), ("officer",)], ids=["role", "twin"])
def test_a_holder_who_stands_for_the_defence_copies_nothing_once_it_is_guarded(
    desk: Desk, tmp_path: Path, roles: tuple[str, ...]
) -> None:
    enrolled(desk, "defence", number="Z-9")
    holder = enrolled(desk, *roles, number="Z-9")
    item = opened(holder, tmp_path)
    signed = {mode: access(holder, item, mode) for mode in ("view", "copy")}
    assert holder.client.grants(item, signed["copy"])
    desk.record(item, "restricted", {"handling": ["csam"]})
    nothing_but_inspections(holder, item, signed)
    with pytest.raises(RuleError, match="taken off for a reason"):
        desk.record(item, "unrestricted", {"handling": ["csam"]})
    desk.record(item, "unrestricted", {"handling": ["csam"], "reason": "a mistake"})
    assert holder.client.grants(item, access(holder, item, "copy"))


def test_while_a_service_number_does_not_open_only_guarded_material_is_kept_back(
    desk: Desk, tmp_path: Path
) -> None:
    (tmp_path / "guarded").mkdir()
    item, other = guarded(desk, tmp_path / "guarded"), photo(desk, tmp_path)
    altered = enrolled(desk, "officer")
    with desk.node.records.write() as unit:
        unit.people.put(replace(unit.people.get(altered.id), number=b""))
    assert desk.client.grants(other, desk.access(other))
    with pytest.raises(KeyringError, match="does not open"):
        desk.access(item)


def nothing_but_inspections(reader: Actor, item: str, signed: dict[str, str]) -> None:
    for call in (
        lambda: reader.client.grants(item, signed["copy"]),
        lambda: reader.client.content(item, signed["copy"], 0, 9),
        lambda: reader.client.bundle(item, signed["copy"]),
        lambda: reader.client.details(item, signed["view"]),
        lambda: access(reader, item, "copy"),
        lambda: access(reader, item, "view"),
    ):
        with pytest.raises(DeniedError, match="inspected by the defence"):
            call()
    with pytest.raises(DeniedError, match="under supervision"):
        access(reader, item, "inspection")
    seen = reader.record(item, "accessed", {"mode": "inspection", "present": PRESENT}, REASON)
    assert reader.client.details(item, seen.statement)


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
