"""A home whose record was lost, or is an older one: no ciphertext is cleared away by what it does
not name, and no backup of it is called good.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.backup.keys import BackupKeys
from ledger.domain.errors import NetworkError, StorageError
from ledger.services.storage import garbage_collection
from tests.support.backups import make
from tests.support.commands import within
from tests.support.consortium import upload
from tests.support.desk import Desk

DAY = 86400


def packs(home: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((home / "blocks").glob("pack-*.car"))]


@pytest.mark.parametrize("lost", ["gone", "empty"])
def test_a_ledger_that_is_lost_is_not_made_anew(
    home_path: Path, tmp_path: Path, keys_file: Path, lost: str
) -> None:
    """The home opened as a new one, and a node that served it cleared all ciphertext away."""
    with Desk(home_path) as desk:
        upload(desk, tmp_path)
    before = packs(home_path)
    for path in home_path.glob("ledger.sqlite*"):
        path.unlink()
    if lost == "empty":
        (home_path / "ledger.sqlite").touch(mode=0o600)
    backup = ("backup", str(tmp_path / "backups"), "--keys", str(keys_file))
    for command in (("collect",), ("doctor",), ("status",), backup):
        code, _, said = within(*command, home=home_path)
        assert (code != 0, "is gone or empty" in said) == (True, True), said
    assert packs(home_path) == before
    assert not list((tmp_path / "backups").glob("snapshots/*"))


def test_nothing_is_cleared_away_or_backed_up_by_a_record_without_entries(
    home_path: Path, tmp_path: Path, keys_file: Path, keys: BackupKeys
) -> None:
    with Desk(home_path) as desk:
        upload(desk, tmp_path)
        before = packs(home_path)
        with closing(sqlite3.connect(home_path / "ledger.sqlite", isolation_level=None)) as db:
            for table in ("entry", "log", "item"):
                db.execute(f"DELETE FROM {table}")
        with pytest.raises(StorageError, match="the record was lost"):
            garbage_collection.collect(desk.node)
        with pytest.raises(StorageError, match="holds no record at all"):
            make(desk, tmp_path / "backups", keys_file, keys)
    assert packs(home_path) == before


def test_nothing_is_cleared_away_by_a_record_that_is_older_than_the_chain_has_it(
    home_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody put an older copy of the database back: what was recorded since belonged to no item."""
    old = tmp_path / "ledger.sqlite"
    with Desk(home_path):
        pass
    shutil.copy(home_path / "ledger.sqlite", old)
    with Desk(home_path) as desk:
        upload(desk, tmp_path)
        desk.client.anchor()
    before = packs(home_path)
    for path in home_path.glob("ledger.sqlite*"):
        path.unlink()
    shutil.copy(old, home_path / "ledger.sqlite")
    with Desk(home_path) as desk:
        later = desk.clock.now() + 30 * DAY
        monkeypatch.setattr(type(desk.clock), "now", lambda self: later)
        with pytest.raises(StorageError, match="is an older one"):
            garbage_collection.collect(desk.node)
    assert packs(home_path) == before


def test_nothing_is_cleared_away_while_the_chain_cannot_say_whether_the_record_is_an_older_one(
    home_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that was set back to an older copy of its database, and cleared away before its
    chain answered again.
    """

    def silent(*_: object) -> None:
        raise NetworkError("the chain does not answer")

    with Desk(home_path) as desk:
        upload(desk, tmp_path)
        before = packs(home_path)
        monkeypatch.setattr(type(desk.node.contracts), "latest", silent)
        with pytest.raises(NetworkError, match="is whole cannot be told") as error:
            garbage_collection.collect(desk.node)
    assert "nothing was removed" in (error.value.hint or "")
    assert packs(home_path) == before
