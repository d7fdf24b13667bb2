"""Databases in which a person was a bare pseudonym: what stood there says afterwards of which
agency everybody is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from ledger.adapters.database import engine as engines
from ledger.adapters.database.store import SqlRecords
from ledger.domain.codecs.text import b64url
from ledger.domain.errors import AlteredError
from ledger.domain.identity.descriptor import HpkeKey
from ledger.domain.identity.person import PersonId
from ledger.rows.people import PersonRow

NL, RO = "NL-POL", "RO-DIICOT"
CHIEF, OFFICER, GUEST = "a" * 26, "b" * 26, "c" * 26
ITEM = "urn:uuid:00000000-0000-4000-8000-000000000001"
CUSTODY = HpkeKey("X25519", b"k" * 32)

_DESCRIPTOR = json.dumps({"custody": {"kem": CUSTODY.kem, "key": b64url(CUSTODY.key)}}).encode()
_ENTRY = (
    'INSERT INTO entry (log, "index", entry, digest, evidence, seq, effect, time, agency, certificate, payload, receipt_size, void) '
    "VALUES (x'01', ?, x'', ?, ?, ?, 'none', 1, ?, x'', x'', 0, 0)"
)
_ITEM = (
    "INSERT INTO item (evidence, origin, ref, custodian, seq, head, time, closed, opener, opened, latest_log, latest_index, holder) "
    "VALUES (?, ?, x'', ?, 0, x'', 0, 0, ?, ?, x'', 0, ?)"
)


def _fill(path: Path, version: str) -> None:
    """A database as a version left it, with a row in every table that names people."""
    engine = create_engine(engines.sqlite_url(path))
    config = Config()
    config.set_main_option("script_location", "ledger.adapters.database:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)

        def run(text: str, *values: object) -> None:
            connection.exec_driver_sql(text, values)

        run("INSERT INTO log (log, agency, number, size, frozen) VALUES (x'01', ?, 0, 3, '')", NL)
        run(
            "INSERT INTO descriptor (version, document, active_from, block) VALUES (1, ?, 0, 0)",
            _DESCRIPTOR,
        )
        run(_ENTRY, 0, b"ours", ITEM, 0, NL)
        run(_ENTRY, 1, b"guests", ITEM, 1, RO)
        run(_ITEM, ITEM, NL, NL, OFFICER, 0, CHIEF)
        run(_ITEM, ITEM.replace("1", "2"), RO, NL, "", 1, "")
        person = "INSERT INTO person (pseudonym, kind, certificate, hpke, number, active, agency) VALUES (?, ?, ?, x'00', x'11', 1, ?)"
        run(person, CHIEF, "person", b"chief", "")
        run(person, OFFICER, "person", b"officer", "")
        run(person, GUEST, "guest", b"guest", RO)
        run(
            "INSERT INTO session (token, pseudonym, certificate, expires) VALUES (x'01', ?, x'', 9999999999)",
            OFFICER,
        )
        enrolment = "INSERT INTO enrolment (code, roles, number, inviter, state, expires, request, certificate) VALUES (?, '', x'', ?, ?, 1, ?, ?)"
        run(enrolment, b"one", CHIEF, "approved", b"signed", b"officer")
        run(enrolment, b"two", CHIEF, "invited", b"", b"")
        for who, statement in ((OFFICER, b"ours"), (GUEST, b"guests")):
            run(
                "INSERT INTO reading (statement, pseudonym, evidence, time) VALUES (?, ?, ?, 1)",
                statement,
                who,
                ITEM,
            )
            run(
                "INSERT INTO alarm (id, kind, pseudonym, count, time) VALUES (?, 'bulk-access', ?, 9, 1)",
                who,
                who,
            )
        run("INSERT INTO identity (token, pseudonym) VALUES (x'01', ?)", OFFICER)
        if version >= "0005":
            release = 'INSERT INTO "release" (statement, recipient, kind, evidence, time) VALUES (?, ?, ?, ?, 1)'
            run(release, b"ours", OFFICER, "content", ITEM)
            run(release, b"guests", GUEST, "details", ITEM)
            run(release, b"ours", RO, "parcel", ITEM)
    engine.dispose()


@pytest.fixture(params=["0004", "0005"])
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[SqlRecords, str]]:
    path = tmp_path / "ledger.sqlite"
    _fill(path, request.param)
    records = SqlRecords(engines.sqlite_url(path))
    yield records, request.param
    records.close()


def test_everybody_gets_the_agency_that_certified_them(migrated: tuple[SqlRecords, str]) -> None:
    records, version = migrated
    chief, officer, guest = PersonId(NL, CHIEF), PersonId(NL, OFFICER), PersonId(RO, GUEST)
    with records.read() as unit:
        assert {row.person for row in unit.people.all()} == {chief, officer, guest}
        assert unit.people.get(PersonId(NL, GUEST)) is None
        assert unit.people.get(guest) == PersonRow(guest, b"guest", b"\x00", b"\x11", active=True)
        own, other = unit.items.get(ITEM), unit.items.get(ITEM.replace("1", "2"))
        assert own is not None
        assert other is not None
        assert (own.opener, own.holder) == (officer, chief)
        assert (other.opener, other.holder) == (None, None)
        assert [
            one.evidence
            for one in (
                row.state
                for row in unit.items.page(after=-1, limit=9, person=officer, evidence=None)
            )
        ] == [ITEM]
        assert {row.inviter for row in unit.people.enrolments()} == {chief}
        assert unit.people.identity(b"\x01") == officer
        assert (
            unit.releases.accesses(officer, 0),
            unit.releases.accesses(guest, 0),
            unit.releases.accesses(PersonId(NL, GUEST), 0),
        ) == (1, 1, 0)
        assert {row.person for row in unit.releases.alarms(after=0, limit=9)} == {officer, guest}
        assert unit.sessions.listed(None, 0, 1 << 62) == [], (
            "who was logged in did not say of which agency"
        )
        released = {
            (row.recipient, row.kind) for row in unit.releases.page(after=(b"", "", ""), limit=9)
        }
    expected = {(officer.recipient, "content"), (guest.recipient, "details"), (RO, "parcel")}
    assert released == (expected if version >= "0005" else set())


def test_what_somebody_signed_to_join_and_who_has_the_custody_key_is_kept(
    migrated: tuple[SqlRecords, str],
) -> None:
    records, _ = migrated
    with records.read() as unit:
        found = {row.person.pseudonym: row for row in unit.people.all()}
    assert found[OFFICER].proof == b"signed"
    assert found[CHIEF].proof == b""
    assert {name: row.custody for name, row in found.items()} == {
        CHIEF: CUSTODY.digest,
        OFFICER: b"",
        GUEST: b"",
    }


def test_two_people_of_one_pseudonym_are_two_people(migrated: tuple[SqlRecords, str]) -> None:
    records, _ = migrated
    namesakes = [PersonId(code, OFFICER) for code in (NL, RO, "US-HSI")]
    with records.write() as unit:
        for number, who in enumerate(namesakes):
            unit.people.put(
                PersonRow(who, bytes([number]), b"X25519\x00" + bytes([number]), b"", active=True)
            )
            unit.releases.put_access(bytes([number]) * 32, who, f"{ITEM}{number}", 5)
    with records.write() as unit:
        assert [unit.people.get(who).certificate for who in namesakes] == [
            b"\x00",
            b"\x01",
            b"\x02",
        ]  # type: ignore[union-attr]
        assert [unit.releases.accesses(who, 5) for who in namesakes] == [1, 1, 1]
        unit.people.put_identity(b"account", namesakes[0])
        assert unit.people.identity(b"account") == namesakes[0] != namesakes[1]


def test_a_bare_pseudonym_names_nobody(migrated: tuple[SqlRecords, str]) -> None:
    records, _ = migrated
    with records.read() as unit, pytest.raises(AlteredError):
        unit.people.get(OFFICER)  # type: ignore[arg-type]
