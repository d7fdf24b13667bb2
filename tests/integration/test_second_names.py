"""Two roles, two names, two certificates of one person: none gives what the other is refused."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.adapters import profiles
from ledger.adapters.memory import StoppedClock
from ledger.app import enrolling
from ledger.client.handovers import handover
from ledger.client.reading.retrieval import record_access
from ledger.domain.errors import DeniedError, RuleError, UsageError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.verify.procedure import verify
from ledger.services.registration.item_histories import Histories
from tests.support.actors import enrolled
from tests.support.desk import BASIS, Desk
from tests.support.people import invited, joined, reference
from tests.support.samples import profile_apart
from tests.support.strangers import BODIES, desk, officer, photo, thing  # noqa: F401  (fixtures)


@pytest.mark.parametrize(
    "roles",
    [
        ("administrator", "officer"),
        ("administrator", "prosecutor"),
        ("auditor", "reviewer"),
        ("auditor", "defence"),
    ],
)
def test_a_second_role_opens_nothing_to_whoever_administers_or_audits(
    desk: Desk, officer: object, roles: tuple[str, ...]
) -> None:
    hidden, both = thing(officer), enrolled(desk, *roles)
    assert hidden in {item.evidence for item in both.client.items()}
    with pytest.raises(DeniedError, match="never details"):
        record_access(both.client, both.person, desk.clock, hidden, mode="view", basis=BASIS)
    for kind in ("note", "analysed", "disclosed", "restricted", "hold-placed", "corrected"):
        with pytest.raises(DeniedError, match=r"not for you to record|none of your roles"):
            both.record(hidden, kind, BODIES[kind])
    own = thing(both) if "officer" in roles else None
    if own is not None:
        record_access(both.client, both.person, desk.clock, own, mode="view", basis=BASIS)


def test_an_administrator_changes_nothing_of_themselves_under_another_name(desk: Desk) -> None:
    boss = enrolled(desk, "administrator", number="B-1")
    twin = enrolled(desk, "administrator", "officer", number=" b-1 ")
    with pytest.raises(RuleError, match="their own roles"):
        boss.client.renew(twin.pseudonym, ["administrator", "custodian"])
    with pytest.raises(RuleError, match="themselves"):
        boss.client.suspend(twin.pseudonym)


def test_roles_that_the_profile_keeps_apart_are_not_joined_later(
    office: Desk, tmp_path: Path
) -> None:
    """An administrator could have got the other roles by another invitation, under their number."""
    office.node.profile = profiles.load(str(profile_apart(tmp_path)))
    both = ["administrator", "officer"]
    with pytest.raises(RuleError, match="wants the administrator apart"):
        office.client.invite("7", both)
    worker = joined(office, tmp_path / "worker", "officer", number="8")
    with pytest.raises(RuleError, match="wants the administrator apart"):
        office.client.renew(str(worker.id), both)
    again = invited(office, tmp_path / "again", "administrator", number=" 8")
    again.enrol()
    with pytest.raises(RuleError, match="wants the administrator apart"):
        office.client.approve(reference(office))
    assert again.enrol().certificate is None


def test_a_first_person_with_three_roles_reads_as_custodian_alone_and_signs_for_it(
    office: Desk, tmp_path: Path
) -> None:
    """What they may as administrator opens nothing, and nobody is their own second person."""
    worker = joined(office, tmp_path / "worker", "officer", number="8")
    (tmp_path / "file").write_bytes(b"a face")
    item = worker.upload(tmp_path / "file").evidence
    with pytest.raises(DeniedError):
        office.client.details(item, "00" * 32)
    access = office.access(item, "view")
    documents = [row.document for row in office.client.details(item, access)]
    assert [(row["type"], row["actor"]["role"]) for row in documents[1:] if row is not None] == [
        ("accessed", "custodian")
    ]
    request = office.record(item, "disposal-requested", {"reason": "x"})
    with pytest.raises(RuleError, match="nobody"):
        office.record(item, "approved", {"target": request.statement})


@pytest.mark.parametrize("between", ["nothing", "a renewal", "a suspension"])
def test_nothing_signed_with_a_stolen_key_verifies_whenever_that_is_known(
    office: Desk, tmp_path: Path, between: str
) -> None:
    victim = joined(office, tmp_path / "victim", "officer", number="77")
    office.node.clock = clock = StoppedClock(int(time.time()))
    stolen = clock.time - 1
    clock.time += 2
    (tmp_path / "planted").write_bytes(b"planted by the thief")
    item = victim.upload(tmp_path / "planted").evidence
    office.anchor()
    if between == "a renewal":
        clock.time += 2
        office.client.renew(str(victim.id), [])
    if between == "a suspension":
        office.client.suspend(str(victim.id))
    office.client.suspend(str(victim.id), since=stolen)
    office.anchor()
    chain = office.node.contracts.chain
    report = verify(
        office.bundle(item), office.trust(), confirm=lambda number, _: {chain.block(number).hash}
    )
    assert report.verdict.value == "failed"


def test_one_key_is_one_person(office: Desk, tmp_path: Path) -> None:
    victim = joined(office, tmp_path / "victim", "custodian", number="80")
    with office.node.records.read() as unit:
        proof = unit.people.get(victim.id).proof
    given = enrolling.invitation(
        office.client, server="http://home", number="81", roles=["officer"]
    )
    with pytest.raises(RuleError, match="enrolled here already"):
        office.client.request_enrolment(given.code, proof)
    office.client.suspend(str(victim.id))
    with pytest.raises(RuleError, match="enrolled here already"):
        office.client.request_enrolment(given.code, proof)


def test_a_date_for_a_guests_certificate_is_refused_and_not_ignored(office: Desk) -> None:
    with pytest.raises(UsageError, match="their own agency"):
        office.client.suspend("a" * 26 + "@RO-DIICOT", since=1)


def test_nobody_says_that_keys_are_destroyed_while_they_are_there(
    desk: Desk, officer: object
) -> None:
    custodian, item = enrolled(desk, "custodian"), thing(officer)
    custodian.record(item, "voided", {"reason": "recorded by mistake"})
    with pytest.raises(RuleError, match="not destroyed"):
        custodian.record(item, "keys-destroyed", {"scope": ["content", "record"], "count": 7})


def test_an_offer_made_anew_while_it_is_checked_is_not_accepted_by_what_was_looked_at(
    desk: Desk, officer: object, tmp_path: Path
) -> None:
    item, taker = photo(desk, tmp_path, b"swap " * 99), enrolled(desk, "examiner")
    soon = int(time.time()) + 3600
    terms = OfferTerms("NL-POL", soon, person=taker.pseudonym)
    handover.offer(desk.client, desk.person, desk.clock, item, terms)
    made = []

    def swap(_: int) -> None:
        if not made:
            made.append(1)
            handover.withdraw(desk.client, desk.person, desk.clock, item, reason="swap")
            anew = replace(terms, conditions=("not to be shown to the defence",))
            handover.offer(desk.client, desk.person, desk.clock, item, anew)

    with pytest.raises(RuleError, match="such as another offer"):
        handover.accept(taker.client, taker.person, desk.clock, item, progress=swap)
    with desk.node.records.read() as unit:
        assert Histories(desk.node).of(unit, item).offer is not None


def test_guarded_material_is_not_granted_to_counsel_with_a_second_role(
    desk: Desk, tmp_path: Path
) -> None:
    item, both = photo(desk, tmp_path, b"guarded " * 99), enrolled(desk, "defence", "reviewer")
    desk.record(item, "restricted", {"handling": ["csam"]})
    with pytest.raises(DeniedError, match="government and court"):
        handover.share(
            desk.client, desk.person, desk.clock, item, with_person=both.pseudonym, basis=BASIS
        )
