"""Cells of a home's database that were emptied or made of another type."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.domain.errors import DeniedError
from ledger.domain.identity import certificate as certificates
from ledger.services.partners import directory
from ledger.services.people import membership
from tests.integration.test_audit_columns import Lived, both_agencies, lived  # noqa: F401
from tests.integration.test_audit_honest import audit
from tests.support.consortium import NL, RO
from tests.support.desk import Desk
from tests.support.people import joined


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("partner", "crl", b""), ("person", "person", b"x"), ("item", "holder", b"x")],
)
def test_a_cell_that_is_emptied_or_of_another_type_is_found_and_ends_no_audit(
    lived: Lived, table: str, column: str, value: bytes
) -> None:
    """Without its list nobody of a partner would be revoked; a name of bytes would end whatever
    reads people.
    """
    database = sqlite3.connect(lived.desk.path / "ledger.sqlite", isolation_level=None)
    own = str(lived.desk.person.certificate.subject)
    rowid, before = next(
        row
        for row in database.execute(f'SELECT rowid, "{column}" FROM "{table}"')
        if row[1] and (table != "person" or row[1] != own)
    )
    edit = f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?'
    database.execute(edit, (value, rowid))
    try:
        assert lived.check().codes() & {"row-edited", "row-inserted", "row-missing"}
        lived.desk.client.people()
        if table == "partner":
            with lived.desk.node.records.read() as unit:
                ders = [row["der"] for row in unit.tables.rows("certificate")]
                theirs = next(one for one in map(certificates.parse, ders) if one.agency == RO)
                with pytest.raises(DeniedError, match="no revocation list"):
                    directory.authorities(lived.desk.node, unit, theirs)
    finally:
        database.execute(edit, (before, rowid))
        database.close()


def test_the_time_of_a_settled_offer_is_not_taken_back_unseen(lived: Lived) -> None:
    """Of a handover behind which nothing of ours follows, 0 was believed: as if the node had not
    seen yet that the contract took the offer.
    """
    database = sqlite3.connect(lived.desk.path / "ledger.sqlite", isolation_level=None)
    rows = database.execute(
        "SELECT rowid, offer_time FROM crossing WHERE offer_time > 0 AND state <> 'concluding'"
    ).fetchall()
    assert len(rows) > 2
    missed = []
    try:
        for rowid, before in rows:
            edit = "UPDATE crossing SET offer_time = ? WHERE rowid = ?"
            database.execute(edit, (0, rowid))
            if "row-edited" not in lived.check().codes():
                missed.append(rowid)
            database.execute(edit, (before, rowid))
    finally:
        database.close()
    assert missed == []


def test_somebody_of_ours_whom_the_database_alone_shuts_out_is_told(lived: Lived) -> None:
    """The node revoked them within a minute, as if an administrator had said so."""
    database = sqlite3.connect(lived.desk.path / "ledger.sqlite", isolation_level=None)
    missed = []
    try:
        people = database.execute("SELECT rowid, person FROM person WHERE active").fetchall()
        ours = [(rowid, person) for rowid, person in people if person.endswith(f"@{NL}")]
        assert len(ours) > 1
        for rowid, person in ours:
            edit = "UPDATE person SET active = ? WHERE rowid = ?"
            database.execute(edit, (0, rowid))
            if "row-edited" not in lived.check().codes():
                missed.append(person)
            database.execute(edit, (1, rowid))
    finally:
        database.close()
    assert missed == []


def test_somebody_who_is_suspended_is_not_let_in_again_by_the_database_unseen(
    office: Desk, tmp_path: Path
) -> None:
    colleague = joined(office, tmp_path / "colleague", "officer")
    administrator = office.person.certificate.subject
    membership.suspend(office.node, colleague.id, by=administrator)
    office.anchor()
    assert "row-edited" not in audit(office).codes()
    with office.node.records.write() as unit:
        person = unit.people.get(colleague.id)
        assert person is not None
        unit.people.put(replace(person, active=True))
    assert "row-edited" in audit(office).codes()


@pytest.mark.parametrize("place", [-1, -(1 << 40), 3.5, "7"])
def test_an_item_of_another_agency_that_the_database_hides_from_lists_is_found(
    lived: Lived, place: object
) -> None:
    """Its place in lists follows from nothing, and before the first one it was in none."""
    database = sqlite3.connect(lived.desk.path / "ledger.sqlite", isolation_level=None)
    rowid, before = database.execute(
        "SELECT rowid, opened FROM item WHERE origin <> ?", (NL,)
    ).fetchone()
    edit = "UPDATE item SET opened = ? WHERE rowid = ?"
    database.execute(edit, (place, rowid))
    try:
        stored = database.execute("SELECT opened FROM item WHERE rowid = ?", (rowid,)).fetchone()
        assert bool(lived.check().codes()) == (stored != (7,)), "an ordinary place is one"
    finally:
        database.execute(edit, (before, rowid))
        database.close()


@pytest.mark.parametrize("more", [" ", "\x00", "@"])
def test_a_holder_with_something_behind_their_name_is_found_for_every_item(
    lived: Lived, more: str
) -> None:
    database = sqlite3.connect(lived.desk.path / "ledger.sqlite", isolation_level=None)
    missed = []
    try:
        for rowid, holder in database.execute("SELECT rowid, holder FROM item").fetchall():
            edit = "UPDATE item SET holder = ? WHERE rowid = ?"
            database.execute(edit, (holder + more, rowid))
            if not lived.check().codes():
                missed.append(rowid)
            database.execute(edit, (holder, rowid))
    finally:
        database.close()
    assert missed == []
