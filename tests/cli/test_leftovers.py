"""What lies in a home besides what it keeps: told, removed, or named for what it is."""

from __future__ import annotations

from pathlib import Path

from cli.node import clear_copies
from tests.support.commands import within


def test_a_backup_says_what_waits_here_and_is_not_in_it(home_path: Path, tmp_path: Path) -> None:
    arguments = ("backup", tmp_path / "backups", "--keys", tmp_path / "keys")
    code, printed, _ = within(*arguments, home=home_path)
    assert (code, "NOT in it" in printed) == (0, False)
    queue = home_path / "client" / "field" / "queue"
    queue.mkdir(parents=True)
    (queue / "upload-00.journal").write_bytes(b"x")
    code, printed, _ = within(*arguments, home=home_path)
    assert (code, "NOT in it: 1" in printed) == (3, True)


def test_backup_keys_that_are_not_there_are_no_reason_to_found_another_agency(
    home_path: Path, tmp_path: Path
) -> None:
    within("backup", tmp_path / "backups", "--keys", tmp_path / "keys", home=home_path)
    code, _, said = within(
        "restore", tmp_path / "backups", "--keys", tmp_path / "lost", home=tmp_path / "new"
    )
    assert (code, "init" in said) == (2, False), said
    assert not (tmp_path / "new").exists()


def test_a_home_that_lost_its_keyring_is_restored_and_not_made_anew(home_path: Path) -> None:
    (home_path / "keyring.json").unlink()
    code, _, said = within("list", home=home_path)
    assert (code, "restore FOLDER --keys FILE" in said, "init" in said) == (1, True, False), said


def test_what_a_killed_command_left_in_clear_is_removed_by_the_next_one_when_nobody_works_with_any(
    home_path: Path,
) -> None:
    """Not told by the number of the process: that of another container, or a new one, may have the
    same.
    """
    (home_path / ".copy-killed").mkdir()
    (home_path / ".copy-killed" / "copy").write_bytes(b"evidence")
    with clear_copies.folder(home_path) as folder:
        assert within("list", home=home_path)[0] == 0
        assert folder in set(home_path.glob(".copy-*"))
    assert within("list", home=home_path)[0] == 0
    assert list(home_path.glob(".copy-*")) == []
