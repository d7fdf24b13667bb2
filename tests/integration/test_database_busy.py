"""Who waits for the database in vain is told to come again: nothing is wrong with it."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from ledger.adapters.database import engine
from ledger.adapters.database.engine import sqlite_url
from ledger.adapters.database.store import SqlRecords
from ledger.domain.errors import BusyError
from ledger.rows.logs import LogRow
from tests.support.desk import Desk, signed_note

LOG = b"a log".ljust(32)


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PATIENCE", 0.1)


def test_whoever_waits_for_another_writer_in_vain_is_told_to_come_again(tmp_path: Path) -> None:
    records = SqlRecords(sqlite_url(tmp_path / "ledger.sqlite"))
    with records.write() as unit:
        unit.logs.put(LogRow(LOG, "NL-POL", 1, 0, ""))
        found: list[BaseException] = []

        def second() -> None:
            try:
                with records.write():
                    pass
            except BusyError as error:
                found.append(error)

        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        assert [str(one) for one in found] == ["others are writing to the database"]
    with records.write() as unit:  # and it is free again
        assert unit.logs.get(LOG) is not None
    records.close()


def test_a_registration_beside_another_program_that_writes_is_busy_and_can_be_repeated(
    home_path: Path, photo: Path
) -> None:
    with Desk(home_path) as desk:
        [item] = desk.upload(photo)
        sent = signed_note(desk, item.evidence)
        other = sqlite3.connect(home_path / "ledger.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyError, match="others are writing"):
            desk.client.register([sent])
        other.execute("ROLLBACK")
        other.close()
        assert not desk.client.register([sent])[0].repeated
