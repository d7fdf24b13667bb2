"""What is said of backups: until when one opens an item, what it lacks, and whether it is the one that
was checked.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.adapters.backup.keys import BackupKeys
from ledger.app import backup, backup_manifest, restore_home, settings
from ledger.domain.blocks import dag
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import StorageError
from ledger.rows.storage import ReplicaStateRow
from ledger.services.handovers import erasure
from tests.support.backups import DAY, NOW, make
from tests.support.consortium import upload
from tests.support.desk import PASSPHRASE, Desk
from tests.support.disposals import dispose


@pytest.mark.parametrize("altered", ["expires", "check"])
def test_a_digit_that_a_disk_altered_in_the_note_of_backups_is_no_date(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys, altered: str
) -> None:
    """A certificate of disposal named an earlier date than that until which backups open the item."""
    made = make(desk, tmp_path / "backups", keys_file, keys)
    note = desk.path / settings.BACKUPS
    value = json.loads(note.read_bytes())
    value[altered] = json.loads(
        json.dumps(value[altered]).translate({ord("1"): "3", ord("8"): "0"})
    )
    note.write_text(json.dumps(value))
    with pytest.raises(StorageError, match="until when a backup opens an item is not known"):
        settings.read_backups(desk.path)
    make(desk, tmp_path / "backups", keys_file, keys, NOW + DAY)
    assert settings.read_backups(desk.path) == made.expires


def test_a_note_of_backups_of_an_earlier_version_counts(desk: Desk) -> None:
    (desk.path / settings.BACKUPS).write_text('{"expires": 1900000000}')
    assert settings.read_backups(desk.path) == 1_900_000_000


def test_a_backup_between_a_disposal_and_the_end_of_its_keys_is_in_the_certificate(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys
) -> None:
    """The certificate said that no backup opens the item, while one did: it named those of the time
    at which the disposal was signed, and the node had been down meanwhile.
    """
    item = upload(desk, tmp_path)
    dispose(desk, item)
    made = make(desk, tmp_path / "backups", keys_file, keys)
    assert made.grants
    erasure.settle(desk.node)
    assert desk.client.disposal(item).backupsExpire == format_time(made.expires)


def test_a_file_of_a_snapshot_that_is_exchanged_behind_the_check_is_not_restored(
    desk: Desk,
    tmp_path: Path,
    keys_file: Path,
    keys: BackupKeys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, real = tmp_path / "backups", backup_manifest.check
    made = make(desk, folder, keys_file, keys)

    def exchanged(snapshot: Path, key: bytes) -> backup.Manifest:
        checked = real(snapshot, key)
        (made.snapshot / settings.CONFIG).write_bytes(b"{}")
        return checked

    monkeypatch.setattr(backup_manifest, "check", exchanged)
    with pytest.raises(StorageError, match=r"home\.json in the snapshot .* is missing or altered"):
        restore_home.restore(folder, tmp_path / "back", keys, PASSPHRASE)
    assert not (tmp_path / "back").exists()


def test_a_backup_says_what_it_lacks_since_it_lies_at_ipfs_nodes_alone(
    desk: Desk, tmp_path: Path, keys_file: Path, keys: BackupKeys
) -> None:
    """What the own disk had given up was in no backup, and `backup` did not say so."""
    away, here = upload(desk, tmp_path), upload(desk, tmp_path)
    with desk.node.records.write() as unit:
        for evidence in (away, here):
            root = unit.items.get(evidence).cid
            unit.replicas.put(ReplicaStateRow(evidence, "site-a", root, "pinned", 0))
    assert make(desk, tmp_path / "backups", keys_file, keys).elsewhere == 0
    with desk.node.records.read() as unit:
        gone = list(dag.every(desk.node.blocks, unit.items.get(away).cid))
    desk.node.blocks.discard(gone, kept=[])
    assert make(desk, tmp_path / "backups", keys_file, keys, NOW + 1).elsewhere == 1
