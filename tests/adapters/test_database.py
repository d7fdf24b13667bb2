"""The database: migrations that match the models, all or nothing, and errors that quote no values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from ledger.adapters.database import engine as engines
from ledger.adapters.database.store import SqlRecords
from ledger.domain.errors import ConflictError, StorageError
from ledger.rows.logs import EntryRow, LogRow

ENTRY = EntryRow(b"log", 0, b"PLANTED", b"digest", "urn", 0, "open", 1, "NL-POL", b"c", b"p")


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    made = SqlRecords(engines.sqlite_url(tmp_path / "ledger.sqlite"))
    yield made
    made.close()


def test_the_newest_migration_is_the_one_that_a_start_checks_for() -> None:
    folder = Path(engines.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == engines.HEAD


def test_migrations_build_exactly_the_tables_of_the_models(
    records: SqlRecords, tmp_path: Path
) -> None:
    assert EntryRow.__table__.name == "entry"
    engine = create_engine(engines.sqlite_url(tmp_path / "ledger.sqlite"))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()


@pytest.mark.parametrize(("schema", "said"), [("0013", "first edition"), ("9999", "newer custody")])
def test_a_database_that_this_program_cannot_read_is_left_as_it_is(
    tmp_path: Path, schema: str, said: str
) -> None:
    url = engines.sqlite_url(tmp_path / "ledger.sqlite")
    SqlRecords(url).close()
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (schema,))
    with pytest.raises(StorageError, match=said):
        SqlRecords(url)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            (schema,)
        ]


def test_a_unit_that_fails_leaves_nothing(records: SqlRecords) -> None:
    def interrupted() -> None:
        with records.write() as unit:
            unit.logs.put(LogRow(b"log", "NL-POL", 0, 0, ""))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    with records.read() as unit:
        assert unit.logs.get(b"log") is None


def test_two_entries_in_one_place_are_a_conflict_and_the_error_quotes_no_values(
    records: SqlRecords,
) -> None:
    with records.write() as unit:
        unit.logs.add_entries([ENTRY])
    with pytest.raises(ConflictError) as error, records.write() as unit:
        unit.logs.add_entries([ENTRY])
    assert "PLANTED" not in str(error.value)


def test_a_full_disk_is_a_clear_error_and_nothing_is_written(records: SqlRecords) -> None:
    with records.write() as unit:
        unit._db.exec_driver_sql("PRAGMA max_page_count = 1")  # type: ignore[attr-defined]
    with pytest.raises(StorageError, match="SQLITE_FULL") as error, records.write() as unit:
        unit.logs.put_tile(b"log", 0, 0, b"PLANTED" * 100_000)
    assert "PLANTED" not in str(error.value)
    assert "free space" in (error.value.hint or "")


def test_a_challenge_is_good_once_and_not_after_its_time(records: SqlRecords) -> None:
    with records.write() as unit:
        unit.sessions.put_challenge(b"one", 100)
        unit.sessions.put_challenge(b"two", 100)
        assert unit.sessions.take_challenge(b"one", 99, 100)
        assert not unit.sessions.take_challenge(b"one", 99, 100)
        assert not unit.sessions.take_challenge(b"two", 101, 200)
        unit.sessions.put_challenge(b"three", 100)
        assert not unit.sessions.take_challenge(b"three", 90, 99)


@pytest.mark.parametrize("broken", ["CAST(x'ff' AS TEXT)", "CAST(x'75ff' AS TEXT)", "x'ff'", "7"])
def test_pages_end_behind_a_key_that_no_program_of_ours_writes(
    records: SqlRecords, broken: str
) -> None:
    """An audit that began its next page with the same row again would never end."""
    with records.write() as unit:
        unit.transfers.put_inherited("urn:1", b"")
        unit.transfers.put_inherited("urn:2", b"")
        unit.tables.flush()  # type: ignore[attr-defined]
        unit._db.exec_driver_sql(  # type: ignore[attr-defined]
            f"UPDATE inherited SET evidence = {broken} WHERE evidence = 'urn:1'"
        )
    with records.read() as unit:
        found, after = list[object](), list[object]()
        while page := unit.tables.page("inherited", after, 1):
            after = [page[0]["evidence"]]
            found += after
            assert len(found) <= 2
        assert len(found) == 2
        texts, last = list[object](), ""
        while values := unit.tables.distinct("inherited", "evidence", last, 1):
            texts.append(last := values[0])
            assert len(texts) <= 2
        assert "urn:2" in texts


def test_a_database_of_a_later_version_is_refused(tmp_path: Path) -> None:
    url = engines.sqlite_url(tmp_path / "later.sqlite")
    SqlRecords(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(StorageError, match="its schema is 9999, and this program knows"):
        SqlRecords(url)
