"""What the database does by itself: a trigger, a view or a table that custody did not make is
found, and so is one that is gone.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.database.engine import sqlite_url
from ledger.adapters.database.store import SqlRecords
from ledger.domain.verify.report import Verdict
from ledger.rows.table import TABLES
from ledger.services.audit import column_sources
from ledger.services.audit.self_check import examine
from tests.integration.test_audit_inside import audit
from tests.support.desk import Desk

EDITS = {
    "trigger that takes the traces of readings away": (
        'CREATE TRIGGER t AFTER INSERT ON "release" BEGIN DELETE FROM "release" WHERE statement = new.statement; END',
        'DROP TRIGGER "t"',
    ),
    "trigger that silences alarms": (
        "CREATE TRIGGER t AFTER INSERT ON alarm BEGIN DELETE FROM alarm; END",
        "DROP TRIGGER t",
    ),
    "table that keeps keys beyond their destruction": (
        "CREATE TABLE stolen (data BLOB)",
        "DROP TABLE stolen",
    ),
    "view": ("CREATE VIEW v AS SELECT * FROM item", "DROP VIEW v"),
    "column": ("ALTER TABLE item ADD COLUMN more TEXT", "ALTER TABLE item DROP COLUMN more"),
    "index": ("CREATE INDEX i ON item (holder)", "DROP INDEX i"),
}


@pytest.fixture(scope="module")
def anchored(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("schema")
    with Desk(Path(shutil.copytree(founded, folder / "home"))) as desk:
        (folder / "photo.jpg").write_bytes(b"x" * 700)
        desk.upload(folder / "photo.jpg")
        desk.anchor()
        yield desk


@pytest.mark.parametrize("edit", EDITS)
def test_what_the_database_was_taught_to_do_by_itself_is_found(anchored: Desk, edit: str) -> None:
    made, undone = EDITS[edit]
    with closing(
        sqlite3.connect(anchored.path / "ledger.sqlite", isolation_level=None)
    ) as database:
        database.execute(made)
        try:
            report = audit(anchored)
        finally:
            database.execute(undone)
    assert (report.verdict, "schema-differs" in report.codes()) == (Verdict.FAILED, True), (
        report.as_json()
    )


def test_an_index_that_is_gone_is_found(anchored: Desk) -> None:
    assert audit(anchored).codes() == set()
    with closing(
        sqlite3.connect(anchored.path / "ledger.sqlite", isolation_level=None)
    ) as database:
        name, sql = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchone()
        database.execute(f'DROP INDEX "{name}"')
        try:
            report = audit(anchored)
        finally:
            database.execute(sql)
    assert report.codes() == {"schema-differs"}


@pytest.mark.parametrize(
    ("table", "column"),
    [("person", "person"), ("item", "holder"), ("item", "custodian"), ("entry", "evidence"), ("document", "evidence"), ("log", "agency"),
     ("grant", "scope"), ("chain_transaction", "kind"), ("checkpoint", "state"), ("blind_index", "evidence")],
)  # fmt: skip
def test_a_cell_that_is_no_text_is_a_finding_and_the_rest_goes_on(
    anchored: Desk, table: str, column: str
) -> None:
    """It ended the audit as a disk that fails, and hid every other edit."""
    with closing(
        sqlite3.connect(anchored.path / "ledger.sqlite", isolation_level=None)
    ) as database:
        keys, before = database.execute(
            f'SELECT rowid, "{column}" FROM "{table}" LIMIT 1'
        ).fetchone()
        database.execute(
            f'UPDATE "{table}" SET "{column}" = CAST(x\'ff41\' AS TEXT) WHERE rowid = ?', (keys,)
        )
        try:
            report = audit(anchored)
        finally:
            database.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (before, keys))
    assert report.verdict is Verdict.FAILED, report.as_json()
    assert "home-unread" not in report.codes()
    json.dumps(report.as_json(), ensure_ascii=False).encode()


BAD = (
    "x'ff00'",
    "''",
    "-1",
    "9223372036854775807",
    "9e999",
    "'a' || char(0) || 'b'",
    "hex(zeroblob(200000))",
    "'{}'",
    "CAST(x'ff' AS TEXT)",
)


def test_a_cell_of_another_type_never_ends_an_audit_without_a_report(
    anchored: Desk, rng: random.Random
) -> None:
    """Nor does it hide what else was edited."""
    with closing(
        sqlite3.connect(anchored.path / "ledger.sqlite", isolation_level=None)
    ) as database:
        database.text_factory = lambda data: data.decode(errors="surrogateescape")
        cells = []
        for table in TABLES:
            for row in database.execute(f'PRAGMA table_info("{table}")'):
                free = {
                    **column_sources.FREE.get(table, {}),
                    **column_sources.PARTLY.get(table, {}),
                }
                if row[1] not in free and database.execute(f'SELECT 1 FROM "{table}"').fetchone():
                    cells.append((table, row[1]))
        for table, column in rng.sample(cells, 20):
            bad = rng.choice(BAD)
            saved = database.execute(f'SELECT * FROM "{table}"').fetchall()
            first, *_ = database.execute(f'SELECT rowid FROM "{table}" LIMIT 1').fetchone()
            try:
                database.execute(
                    f'UPDATE "{table}" SET "{column}" = {bad} WHERE rowid = ?', (first,)
                )
            except (sqlite3.IntegrityError, sqlite3.OperationalError):
                continue
            if database.execute(f'SELECT * FROM "{table}"').fetchall() == saved:
                continue  # SQLite made the number of it that stood there
            try:
                report = audit(anchored)
                assert report.verdict is Verdict.FAILED, (table, column, bad, report.as_json())
                assert "home-unread" not in report.codes(), (table, column, bad, report.as_json())
                [*examine(anchored.node, deep=False)]
            finally:
                database.execute(f'DELETE FROM "{table}"')
                database.executemany(
                    f'INSERT INTO "{table}" VALUES ({",".join("?" * len(saved[0]))})', saved
                )
    assert audit(anchored).codes() == set()


def test_a_database_that_was_brought_up_version_by_version_is_made_like_a_new_one(
    tmp_path: Path,
) -> None:
    """Or every older home would fail its audit."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from sqlalchemy import create_engine

    config = Config()
    config.set_main_option("script_location", "ledger.adapters.database:migrations")
    url = sqlite_url(tmp_path / "old.sqlite")
    engine = create_engine(url)
    for script in reversed(list(ScriptDirectory.from_config(config).walk_revisions())):
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, script.revision)
    engine.dispose()
    schemas = []
    for one in (url, sqlite_url(tmp_path / "new.sqlite")):
        records = SqlRecords(one)
        with records.read() as unit:
            schemas.append(unit.tables.schema())
        records.close()
    assert schemas[0] == schemas[1]
    assert len(schemas[0]) > 40
