"""What is printed to be run next runs as it was printed, whatever folders and files are called."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import within
from tests.support.desk import PASSPHRASE

NAMES = ("it's my home", "-home", "a\nb", "`id`", 'say "no"', "$HOME; rm -r x")


def words(line: str) -> list[str]:
    """The words of a command as a shell reads them."""
    script = 'custody() { printf "%s\\0" "$@"; }\n' + line
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    return [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]]


def told(*printed: str) -> list[list[str]]:
    """The commands at the ends of lines that were printed."""
    lines = [line for text in printed for line in text.splitlines() if "custody --home" in line]
    return [words(line[line.index("custody --home") :]) for line in lines]


@pytest.fixture
def place(founded: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path / request.param
    folder.mkdir()
    shutil.copytree(founded, folder / "home")
    (folder / "pass phrase").write_bytes(PASSPHRASE)
    (folder / "photo.jpg").write_bytes(os.urandom(999))
    return folder


def run(place: Path, *words: object) -> tuple[int, str, str]:
    given = ("--passphrase-file", place / "pass phrase", *words)
    return within(*given, home=place / "home")


@pytest.mark.parametrize("name", NAMES)
def test_bundle_and_file_may_be_named_in_either_order_whatever_they_are_called(
    worked: dict[str, Path], tmp_path: Path, name: str
) -> None:
    bundle, file = tmp_path / f"{name}.bundle", tmp_path / f"{name}.jpg"
    shutil.copy(worked["folder"] / "b.bundle", bundle)
    shutil.copy(worked["photo"], file)
    trust = worked["folder"] / "trust.json"
    assert within("verify", file, bundle, "--trust", trust)[0] == 0


@pytest.mark.parametrize("place", NAMES, indirect=True)
def test_the_commands_that_are_told_run_whatever_the_folder_is_called(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    printed = run(place, "upload", place / "photo.jpg")
    commands = told(*printed[1:])
    assert [one[-1] for one in commands] == ["anchor", "status"], printed
    printed = run(place, "backup", place / "backups", "--keys", place / "keys")
    [restore] = told(*printed[1:])
    commands.append([word.replace("NEW-FOLDER", "new") for word in restore])
    printed = run(place, "show", "3f0c1d2e-0000-4000-8000-000000000000")
    commands += told(*printed[1:])
    printed = run(place, "note", "x", "--text", "y")
    commands += told(*printed[1:])
    assert [one[-1] for one in commands[3:]] == ["list", "list"]
    monkeypatch.delenv("CUSTODY_PASSPHRASE", raising=False)
    for command in commands:
        assert "--passphrase-file" in command
        code, out, said = within(*command)
        assert code == 0, (command, out, said)
    assert (place / "new" / "home.json").exists()
