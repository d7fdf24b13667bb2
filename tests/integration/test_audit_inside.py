"""A home audited from inside: every edited, deleted or inserted row is found and named."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.app import open_audit
from ledger.domain.audit.report import AuditReport
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.codecs.text import told_time
from ledger.domain.verify.report import Verdict
from ledger.services.audit import internal, obligations, sampling
from ledger.services.audit.self_check import examine
from ledger.services.bundles import agency_trust
from tests.support.desk import Desk

#: Tables whose rows follow from what was signed or anchored, with columns that nothing signed says
#: anything about.
TABLES: dict[str, set[str]] = {
    "log": {"frozen"},
    "entry": set(),
    "tile": set(),
    "item": set(),
    "document": set(),
    "disclosure": set(),
    "grant": set(),
    "blind_index": set(),
    "link": set(),
    "certificate": set(),
    "person": {"active"},
    "crl": set(),
    "descriptor": set(),
    "checkpoint": set(),
    "chain_transaction": set(),
    "index_form": set(),
    "release": {"time"},
}


def audit(desk: Desk, **options: Any) -> AuditReport:
    root: TrustRoot = agency_trust.trust_root(desk.node, confirmations=0)
    keys = [desk.home.keyring.hpke_key(name) for name in ("hpke-person", "hpke-custody")]
    with open_audit.temporary(root) as state:
        return internal.audit(
            desk.node, root, state, internal.InternalOptions(keys=keys, **options)
        )


@pytest.fixture(scope="module")
def lived(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A home with something in every table that the test is about."""
    import shutil

    folder = tmp_path_factory.mktemp("lived")
    from ledger.client.intake.upload import UploadOptions

    files = []
    for name in ("one.jpg", "two.jpg"):
        (folder / name).write_bytes(name.encode() * 700)
        files.append(folder / name)
    with Desk(Path(shutil.copytree(founded, folder / "home"))) as desk:
        done = desk.upload(
            *files,
            options=UploadOptions(
                members={"identifiers": [{"scheme": "case", "value": "2026-117"}]}
            ),
        )
        desk.get(done[0].evidence)
        desk.access(done[1].evidence, "view")
        desk.record(done[1].evidence, "note", {"text": "seen"})
        desk.anchor()
        yield desk


def test_an_honest_home_is_verified_and_says_what_was_rehashed(lived: Desk) -> None:
    report = audit(lived, seed=7)
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()
    assert report.details["content"].startswith("2 of 2 items with content")
    assert report.facts["seed"] == 7
    assert audit(lived, seed=7).facts == report.facts


def _changed(value: Any, rng: random.Random) -> Any:
    if isinstance(value, bytes):
        if not value:
            return b"x"
        place = rng.randrange(len(value))
        return value[:place] + bytes([value[place] ^ (1 << rng.randrange(8))]) + value[place + 1 :]
    if isinstance(value, int):
        return value + 1
    if value is None:
        return None
    return value[:-1] + ("b" if value[-1:] != "b" else "c") if value else "x"


def _database(desk: Desk) -> sqlite3.Connection:
    return sqlite3.connect(desk.path / "ledger.sqlite", isolation_level=None)


def _columns(database: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]


@pytest.mark.parametrize("table", TABLES)
def test_every_edited_row_is_found(lived: Desk, rng: random.Random, table: str) -> None:
    database = _database(lived)
    tried = 0
    for column in _columns(database, table):
        rows = database.execute(
            f'SELECT rowid, "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL'
        ).fetchall()
        if column in TABLES[table] or not rows:
            continue
        rowid, value = rng.choice(rows)
        try:
            database.execute(
                f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?',
                (_changed(value, rng), rowid),
            )
        except sqlite3.IntegrityError:
            continue
        try:
            report = audit(lived)
            assert report.verdict is not Verdict.VERIFIED, f"{table}.{column} of row {rowid}"
            assert any(
                table in finding.place or "entry" in finding.place or evidence_of(finding.place)
                for finding in report.findings
            ), report.as_json()
            tried += 1
        finally:
            # Where a key is the rowid itself, the row has moved.
            moved = (
                database.execute(
                    f'SELECT rowid FROM "{table}" WHERE rowid = ?', (rowid,)
                ).fetchone()
                is None
            )
            place = _changed(value, rng) if moved else rowid
            database.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (value, place))
    database.close()
    assert audit(lived).verdict is Verdict.VERIFIED
    assert tried or table == "link"


def evidence_of(place: str) -> bool:
    return (
        "urn:uuid:" in place
        or "checkpoint" in place
        or "tile" in place
        or "certs" in place
        or "descriptor" in place
        or "crl" in place
        or "certificate" in place
    )


@pytest.mark.parametrize("table", sorted(set(TABLES) - {"link", "release"}))
def test_a_deleted_row_is_found(lived: Desk, rng: random.Random, table: str) -> None:
    database = _database(lived)
    rows = database.execute(f'SELECT * FROM "{table}"').fetchall()
    columns = _columns(database, table)
    key = rng.choice(database.execute(f'SELECT rowid FROM "{table}"').fetchall())[0]
    row = database.execute(f'SELECT * FROM "{table}" WHERE rowid = ?', (key,)).fetchone()
    database.execute(f'DELETE FROM "{table}" WHERE rowid = ?', (key,))
    try:
        report = audit(lived)
        assert report.verdict is not Verdict.VERIFIED, (
            f"{table} {dict(zip(columns, row, strict=True))} of {len(rows)}"
        )
    finally:
        names, marks = ", ".join(f'"{column}"' for column in columns), ", ".join("?" * len(columns))
        database.execute(f'INSERT INTO "{table}" (rowid, {names}) VALUES (?, {marks})', (key, *row))
        database.close()


@pytest.mark.parametrize("table", sorted(set(TABLES) - {"log", "person", "link"}))
def test_an_inserted_row_is_found(lived: Desk, rng: random.Random, table: str) -> None:
    database = _database(lived)
    columns = _columns(database, table)
    keys = {row[1] for row in database.execute(f'PRAGMA table_info("{table}")') if row[5]}
    unique = {"digest", "opened"} if table in {"entry", "item"} else set()
    row = dict(
        zip(columns, database.execute(f'SELECT * FROM "{table}" LIMIT 1').fetchone(), strict=True)
    )
    fresh = {
        name: value + 1000 if isinstance(value, int) else _changed(value, rng)
        for name, value in row.items()
        if name in keys | unique
    }
    fresh.pop("log", None)
    fresh.pop("level", None)
    row |= fresh
    names, marks = ", ".join(f'"{one}"' for one in row), ", ".join("?" * len(row))
    made = database.execute(
        f'INSERT INTO "{table}" ({names}) VALUES ({marks})', tuple(row.values())
    ).lastrowid
    try:
        assert audit(lived).verdict is not Verdict.VERIFIED, table
    finally:
        database.execute(f'DELETE FROM "{table}" WHERE rowid = ?', (made,))
        database.close()


@pytest.mark.parametrize("page", [500, 1])
def test_keys_released_without_an_access_are_found(
    lived: Desk, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(
        obligations, "_PAGE", page
    )  # one statement may cover several releases, on both sides of a page's end
    database = _database(lived)
    row = database.execute('SELECT * FROM "release" WHERE kind = ?', ("content",)).fetchone()
    database.execute(
        'INSERT INTO "release" VALUES (?, ?, ?, ?, ?)', (row[0], "somebodyelse", *row[2:])
    )
    try:
        report = audit(lived)
        assert report.codes() == {"release-unlogged"}, [
            finding.as_json() for finding in report.findings
        ]
    finally:
        database.execute('DELETE FROM "release" WHERE recipient = ?', ("somebodyelse",))
        database.close()


def test_content_that_was_altered_on_disk_is_found_by_rehashing(
    founded: Path, tmp_path: Path
) -> None:
    import shutil

    home = Path(shutil.copytree(founded, tmp_path / "home"))
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"evidence" * 5000)
    with Desk(home) as desk:
        desk.upload(file)
        desk.anchor()
    [pack] = (home / "blocks").rglob("*.car")
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)
    with Desk(home) as desk:
        report = audit(desk, share=1.0)
        assert report.verdict in {Verdict.FAILED, Verdict.UNREADABLE}
        assert report.codes() & {"content-differs", "content-missing", "content-unread"}, (
            report.as_json()
        )


@pytest.mark.parametrize(
    ("population", "expected"), [(0, 0), (5, 5), (30, 30), (100, 30), (1000, 100), (100_000, 1056)]
)
def test_the_usual_sample_is_a_tenth_or_what_95_percent_confidence_takes(
    population: int, expected: int
) -> None:
    assert sampling.sample_size(population) == expected


def test_each_deleted_disclosure_is_found(lived: Desk) -> None:
    database = _database(lived)
    columns = _columns(database, "disclosure")
    for key, *row in database.execute("SELECT rowid, * FROM disclosure").fetchall():
        database.execute("DELETE FROM disclosure WHERE rowid = ?", (key,))
        try:
            assert audit(lived).codes() & {"document-differs", "row-edited"}
        finally:
            marks = ", ".join("?" * len(columns))
            database.execute(
                f"INSERT INTO disclosure (rowid, {', '.join(columns)}) VALUES (?, {marks})",
                (key, *row),
            )
    database.close()
    assert audit(lived).verdict is Verdict.VERIFIED


def test_a_time_that_was_edited_is_told_as_people_write_times(desk: Desk, photo: Path) -> None:
    """The doctor said "expected time = 1795000000, found 1795000001"."""
    desk.upload(photo)
    desk.anchor()
    with desk.node.records.write() as unit:
        unit._db.exec_driver_sql("UPDATE item SET time = 1795000000")
    told = [one.message for one in examine(desk.node, deep=False) if hasattr(one, "message")]
    [line] = [record for record in told if "time = " in record]
    assert "found 2026-11-18T11:06:40Z" in line
    assert re.search(r"time = \d{4}-\d\d-\d\dT", line)
    assert told_time(1 << 70) == str(1 << 70)
