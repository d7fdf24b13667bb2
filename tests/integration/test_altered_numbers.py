"""Service numbers that somebody altered or deleted in the database: nobody becomes two people by
it, the audit finds it, and whoever it was can still be suspended.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.domain.errors import DeniedError, KeyringError
from ledger.domain.identity.person import PersonId
from ledger.rows.people import PersonRow
from ledger.services.access.service_numbers import Persons
from ledger.services.audit.self_check import examine
from ledger.services.audit.self_check_findings import SelfCheckFinding
from tests.support.actors import enrolled
from tests.support.desk import Desk
from tests.support.people import invited, joined, reference

Alter = Callable[[PersonRow], PersonRow]
ALTERED = "does not open"


def emptied(row: PersonRow) -> PersonRow:
    return replace(row, number=b"")


def short(row: PersonRow) -> PersonRow:
    return replace(row, number=b"\x01\x02")


def flipped(row: PersonRow) -> PersonRow:
    return replace(row, number=row.number[:-1] + bytes([row.number[-1] ^ 1]))


ALTERATIONS = pytest.mark.parametrize("alter", [emptied, short, flipped])


def write(desk: Desk, who: PersonId, alter: Alter) -> None:
    with desk.node.records.write() as unit:
        row = unit.people.get(who)
        assert row is not None
        unit.people.put(alter(row))


def found_by_doctor(desk: Desk) -> list[str]:
    desk.anchor()
    return [
        one.message
        for one in examine(desk.node, deep=False)
        if isinstance(one, SelfCheckFinding) and one.part == "rows"
    ]


@ALTERATIONS
def test_a_number_that_was_altered_makes_nobody_a_second_person(
    office: Desk, tmp_path: Path, alter: Alter
) -> None:
    first = enrolled(office, "officer", "custodian", number="4720")
    twin = enrolled(office, "custodian", number="4720")
    (tmp_path / "file").write_bytes(b"x" * 100)
    item = office.upload(tmp_path / "file")[0].evidence
    asked = first.record(item, "disposal-requested", {"reason": "over"}).statement
    write(office, first.id, alter)
    with pytest.raises(KeyringError, match=ALTERED):
        twin.record(item, "approved", {"target": asked})
    assert any(ALTERED in one for one in found_by_doctor(office))


def test_a_person_who_was_deleted_is_no_second_person_either_and_is_missed(
    office: Desk, tmp_path: Path
) -> None:
    gone = joined(office, tmp_path / "gone", "officer", number="4720")
    with closing(sqlite3.connect(office.path / "ledger.sqlite")) as database, database:
        database.execute("DELETE FROM person WHERE person = ?", (str(gone.id),))
    with office.node.records.read() as unit, pytest.raises(KeyringError, match=ALTERED):
        Persons(office.node, unit).behind(gone.id)
    assert any(f"person {gone.id}" in one for one in found_by_doctor(office))


@ALTERATIONS
def test_nobody_approves_anything_under_a_number_that_was_altered(
    office: Desk, tmp_path: Path, alter: Alter
) -> None:
    invited(office, tmp_path / "mine", number="4711").enrol()  # the administrator's own number
    write(office, office.person.certificate.subject, alter)
    with pytest.raises(KeyringError, match=ALTERED):
        office.client.approve(reference(office))


@ALTERATIONS
def test_whoever_altered_their_number_is_listed_and_suspended_all_the_same(
    office: Desk, tmp_path: Path, alter: Alter
) -> None:
    who = joined(office, tmp_path / "mine", number="4720")
    own = office.client.invite("4720", ["officer"])
    write(office, who.id, alter)
    listed = {person.reference: person.number for person in office.client.people()}
    assert listed[who.pseudonym] == "(altered)"
    assert "4711" in listed.values()
    office.client.suspend(who.pseudonym)
    with pytest.raises(DeniedError), who.client() as client:
        client.status()
    with pytest.raises(DeniedError, match="no such invitation"):
        office.client.enrolment(own.code)
