"""Who waits for the database in vain is told to come again: nothing is wrong with it."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.database import engine
from ledger.adapters.database.engine import sqlite_url
from ledger.adapters.database.store import SqlRecords
from ledger.domain.codecs.text import from_b64url
from ledger.domain.errors import BusyError, ConflictError
from ledger.rows.logs import LogRow
from ledger.services.registration import registration
from ledger.services.registration.item_histories import Histories
from tests.support.actors import Actor
from tests.support.desk import Desk, signed_note

LOG = b"a log".ljust(32)


@pytest.fixture
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PATIENCE", 0.1)


@pytest.mark.usefixtures("_hurried")
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


@pytest.mark.usefixtures("_hurried")
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


def test_of_many_events_signed_on_one_head_at_once_one_is_recorded(desk: Desk, photo: Path) -> None:
    """Each is judged by the history as it was read before; what came since decides."""
    [item] = desk.upload(photo)
    actor = Actor(desk, desk.person, desk.client, None)
    sent = [
        actor.sign("hold-placed", {"hold": f"h{number}"}, item.evidence) for number in range(12)
    ]
    begin = threading.Barrier(len(sent))

    def register(answer: dict[str, Any]) -> str:
        begin.wait()
        try:
            registration.register(
                desk.node, [submission(answer)], caller=desk.person.certificate.subject
            )
        except ConflictError as error:
            return error.message
        return "recorded"

    with ThreadPoolExecutor(len(sent)) as pool:
        answers = sorted(pool.map(register, sent))
    assert answers == ["another event already stands at seq 1 of this item"] * 11 + ["recorded"]
    with desk.node.records.read() as unit:
        life = Histories(desk.node).of(unit, item.evidence)
    assert len(life.orders.holds) == 1


def submission(value: dict[str, Any]) -> registration.Submission:
    """The JSON form of the API as the service takes it."""
    statement, document = (
        from_b64url(value[name], what=name) for name in ("statement", "document")
    )
    return registration.Submission(statement, document, tuple(value["disclosures"]))
