"""Invitations: who may still let somebody in by one, and for how long; and lists of people that
somebody altered.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from ledger.domain.errors import AlteredError, DeniedError, NotFoundError, RuleError, UsageError
from ledger.services.people import admission, listing, membership
from tests.integration.test_clocks import Off
from tests.support.actors import enrolled
from tests.support.desk import Desk
from tests.support.people import invited, joined, reference

YEAR = 365 * 86400


def test_an_invitation_made_by_a_clock_ahead_is_not_good_until_the_day_that_it_said(
    office: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = office.person.certificate.subject
    with monkeypatch.context() as patch:
        patch.setattr(office.node, "clock", Off(YEAR))
        code, _ = admission.invite(office.node, number="9", roles=["officer"], inviter=by)
    with pytest.raises(DeniedError, match="no such invitation, or it has expired"):
        office.client.enrolment(code)
    asked = invited(office, tmp_path / "asked", number="8")
    asked.enrol()
    waiting = reference(office)
    with office.node.records.write() as unit:
        [row] = [
            enrolment for enrolment in unit.people.enrolments() if enrolment.state == "requested"
        ]
        unit.people.put_enrolment(replace(row, expires=row.expires + YEAR))
    with pytest.raises(NotFoundError):
        office.client.approve(waiting)
    assert [one.state for one in listing.list_people(office.node)] == ["active"]
    office.client.invite("7", ["officer"])
    with office.node.records.read() as unit:
        assert len(unit.people.enrolments()) == 1, "the next invitation clears away what expired"


def test_who_is_no_administrator_any_more_lets_nobody_in_by_what_they_began(
    office: Desk, tmp_path: Path
) -> None:
    chief = joined(office, tmp_path / "chief", "administrator", "officer", number="4720")
    with chief.client() as client:
        code = client.invite("friend", ["custodian"]).code
    other = office.client.invite("else", ["officer"]).code
    office.client.renew(chief.pseudonym, ["officer"])
    with pytest.raises(DeniedError, match="no such invitation"):
        office.client.enrolment(code)
    assert office.client.enrolment(other).state == "invited"


@pytest.mark.parametrize("number", ["\u200b", "\u00ad\u2060", " \u202e "])
def test_a_service_number_that_nobody_can_see_is_none(office: Desk, number: str) -> None:
    """Everybody who is enrolled under it would be one person, and could be told from nobody."""
    with pytest.raises(UsageError, match="one at least that can be seen"):
        office.client.invite(number, ["officer"])


def test_a_certificate_that_was_deleted_keeps_nobody_from_being_listed_and_suspended(
    office: Desk, tmp_path: Path
) -> None:
    who, by = joined(office, tmp_path / "mine", number="4720"), office.person.certificate.subject
    digest = sha256(who.keyring.get("person-certificate")).digest()
    with closing(sqlite3.connect(office.path / "ledger.sqlite")) as database, database:
        database.execute("DELETE FROM certificate WHERE digest = ?", (digest,))
    [listed] = [person for person in office.client.people() if person.reference == who.pseudonym]
    assert (list(listed.roles), listed.state) == (["(altered)"], "active")
    with pytest.raises(AlteredError, match="is not in the database any more"):
        membership.renew(office.node, who.id, roles=None, by=by)
    with pytest.raises(AlteredError, match="is not in the database any more"):
        membership.suspend(office.node, who.id, by=by)
    with office.node.records.read() as unit:
        row = unit.people.get(who.id)
    assert row is not None
    assert not row.active


def test_what_was_altered_of_one_person_keeps_nobody_else_from_being_listed_and_suspended(
    office: Desk, tmp_path: Path
) -> None:
    invited(office, tmp_path / "asked", number="8").enrol()
    altered, other = enrolled(office, "officer"), enrolled(office, "officer")
    with closing(sqlite3.connect(office.path / "ledger.sqlite")) as database, database:
        database.execute("UPDATE enrolment SET request = x'00' WHERE state = 'requested'")
        database.execute(
            "UPDATE certificate SET der = x'00' WHERE digest = ?",
            (altered.person.certificate.digest,),
        )
    listed = {person.reference: person for person in office.client.people()}
    assert list(listed[altered.pseudonym].roles) == ["(altered)"]
    assert office.client.status().agency == office.node.agency
    assert [one.fingerprint for one in listed.values() if one.state == "requested"] == ["(altered)"]
    done = membership.suspend(office.node, other.id, by=office.person.certificate.subject)
    assert done.revoked > office.clock.now()


def test_a_suspension_as_of_the_first_second_says_so(office: Desk) -> None:
    who = enrolled(office, "officer")
    done = membership.suspend(office.node, who.id, by=office.person.certificate.subject, since=0)
    assert done.revoked == 0


def test_nobody_more_is_let_in_than_are_looked_at_when_somebody_is_let_in(
    office: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stood beyond the last row that is read could have anybody's key, or number."""
    invited(office, tmp_path / "asked", number="8").enrol()
    with monkeypatch.context() as patch:
        patch.setattr(admission, "MAX_PEOPLE", 1)
        with pytest.raises(RuleError, match="keeps 1 people and guests"):
            office.client.approve(reference(office))
        with pytest.raises(RuleError, match="keeps 1 invitations"):
            office.client.invite("9", ["officer"])
    office.client.approve(reference(office))
    patched = "ledger.adapters.database.people.MAX_PEOPLE"
    monkeypatch.setattr(patched, 1)
    invited(office, tmp_path / "later", number="9").enrol()
    assert office.client.approve(reference(office)), "who was let in takes no invitation's place"
