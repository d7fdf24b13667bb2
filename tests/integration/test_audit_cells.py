"""Cells of a home's database that were emptied or made of another type."""

from __future__ import annotations

import sqlite3

import pytest

from ledger.domain.errors import DeniedError
from ledger.domain.identity import certificate as certificates
from ledger.services.partners import directory
from tests.integration.test_audit_columns import Lived, both_agencies, lived  # noqa: F401
from tests.support.consortium import RO


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
