"""`custody backup` alone: where backups go, and that keys are never made twice by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import within


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A medium for keys."""
    (tmp_path / "usb").mkdir()
    return tmp_path / "usb" / "keys"


def test_a_backup_without_a_word_lies_beside_the_home_with_its_keys_apart(
    home_path: Path,
) -> None:
    code, out, said = within("backup", home=home_path)
    assert code == 0, said
    folder = home_path.with_name("home-backups")
    assert len(list((folder / "snapshots").iterdir())) == 1
    keys = home_path.with_name("home-backup-keys")
    assert keys.is_file()
    assert f"keep {keys} apart from it" in " ".join(out.replace("\\", "").split())
    assert within("doctor", home=home_path)[0] in (0, 3)


def test_a_backup_goes_where_the_last_one_went(home_path: Path, elsewhere: Path) -> None:
    folder = home_path.with_name("store")
    assert within("backup", folder, "--keys", elsewhere, home=home_path)[0] == 0
    code, out, said = within("--json", "backup", home=home_path)
    if code == 2:  # within the same second
        assert "exists already" in said
    else:
        assert str(folder) in json.loads(out)["snapshot"]
    assert not home_path.with_name("home-backups").exists()


def test_keys_on_a_medium_that_is_not_there_are_not_made_anew(
    home_path: Path, elsewhere: Path
) -> None:
    folder = home_path.with_name("store")
    assert within("backup", folder, "--keys", elsewhere, home=home_path)[0] == 0
    elsewhere.unlink()
    for words in (["backup"], ["backup", str(folder)]):
        code, _, said = within(*words, home=home_path)
        assert (code, "the backup keys are not in" in said) == (2, True), said
    assert not elsewhere.exists()


def test_a_folder_of_backups_on_a_medium_that_is_not_there_is_not_begun_anew(
    home_path: Path, elsewhere: Path
) -> None:
    """An empty mount point took a backup, on the disk of the home, that was taken for the other."""
    folder = home_path.with_name("store")
    assert within("backup", folder, "--keys", elsewhere, home=home_path)[0] == 0
    folder.rename(home_path.with_name("unplugged"))
    for _ in range(2):
        code, _, said = within("backup", home=home_path)
        assert (code, "the earlier backups are not in" in said) == (2, True), said
        assert not (folder / "snapshots").exists()
        folder.mkdir(exist_ok=True)


def test_a_note_of_the_place_of_backups_that_is_damaged_sends_none_elsewhere(
    home_path: Path, elsewhere: Path
) -> None:
    folder = home_path.with_name("store")
    assert within("backup", folder, "--keys", elsewhere, home=home_path)[0] == 0
    (home_path / "backup-places.json").write_text('{"folder": "/')
    code, _, said = within("backup", home=home_path)
    assert (code, "says where the last backup was put, cannot be read" in said) == (2, True), said
    assert not home_path.with_name("home-backups").exists()
