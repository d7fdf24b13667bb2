"""What is set once holds where it should, says where it comes from, and is nobody else's to set."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from ledger.app import preferences
from ledger.domain.errors import UsageError
from tests.support.commands import custody, done, within


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's file, which is not there yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("TZ", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "config" / "custody" / "config.toml"


def held(home: Path, name: str) -> tuple[str, str]:
    found = json.loads(done(home, "--json", "config", "get", name)[0])
    return found["value"], found["by"]


def test_an_option_goes_before_the_environment_that_before_the_home_and_that_before_the_user(
    home_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert held(home_path, "time-zone") == ("", "default")
    done(home_path, "config", "set", "time-zone", "Europe/Bucharest")
    assert held(home_path, "time-zone") == ("Europe/Bucharest", "you")
    done(home_path, "config", "set", "time-zone", "Asia/Tokyo", "--home-only")
    assert held(home_path, "time-zone") == ("Asia/Tokyo", "this home")
    monkeypatch.setenv("TZ", "UTC")
    assert held(home_path, "time-zone") == ("UTC", "TZ")
    monkeypatch.delenv("TZ")
    done(home_path, "config", "unset", "time-zone", "--home-only")
    assert held(home_path, "time-zone") == ("Europe/Bucharest", "you")


def test_times_are_shown_in_the_zone_that_was_set(
    worked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = worked["home"]
    monkeypatch.delenv("TZ", raising=False)
    custody("config", "set", "time-zone", "Asia/Tokyo", home=home)
    shown = custody("show", "2026-117/A1", "--basis", "report", home=home).stdout
    assert "+09:00" in shown
    shown = custody("show", "2026-117/A1", home=home, environment={"TZ": "UTC"}).stdout
    assert "+09:00" not in shown


def test_what_upload_takes_from_the_configuration_is_told_and_signed(
    worked: dict[str, Any], tmp_path: Path
) -> None:
    home = worked["home"]
    done(home, "config", "set", "upload-tool", "UFED", "--home-only")
    done(home, "config", "set", "upload-tool-version", "7.1", "--home-only")
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"two")

    def recorded(exhibit: str) -> Any:
        shown = done(home, "--json", "show", f"2026-900/{exhibit}", "--basis", "x")[0]
        return json.loads(shown)["details"][0]["document"]["body"]["tool"]

    _, said = done(home, "upload", tmp_path / "a", "-c", "2026-900", "-e", "A1")
    assert "--tool UFED, as your configuration says" in said
    assert recorded("A1") == {"name": "UFED", "version": "7.1"}
    _, said = done(home, "upload", tmp_path / "b", "-c", "2026-900", "-e", "A2", "--tool", "dd")
    assert "configuration" not in said
    assert recorded("A2") == {"name": "dd"}, "never the version of another tool"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("time-zon", "UTC"), "did you mean time-zone?"),
        (("nothing", "x"), "there are: home, passphrase-file, time-zone"),
        (("time-zone", "Amsterdam"), "such as Europe/Amsterdam"),
        (("colour", "blue"), "auto or never"),
        (("passphrase", "long enough words"), "nothing secret is kept here"),
        (("home", "/nowhere/at/all"), "is not there"),
        (("upload-tool", "a\x1b[2Jb"), "letters that a terminal shows"),
    ],
)
def test_what_is_not_known_is_refused_and_nothing_is_written(
    words: tuple[str, str], told: str, file: Path
) -> None:
    code, _, said = within("config", "set", *words)
    assert (code, told in said) == (2, True), said
    assert not file.exists()


def test_a_secret_that_was_typed_is_not_repeated() -> None:
    assert "enough" not in "".join(within("config", "set", "passphrase", "long enough")[1:])


@pytest.mark.parametrize("text", ['colour = "never', "colour = 1", 'colr = "never"', "[a]\nb = 1"])
def test_a_file_that_was_mistyped_is_no_file_without_settings(text: str, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(text)
    code, _, said = within("list")
    assert (code, str(file) in said) == (2, True), said


def test_a_file_that_others_can_write_does_not_choose_the_home(
    file: Path, home_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert within("config", "set", "home", home_path)[0] == 0
    assert json.loads(within("home", "show", "--json")[1])["by"] == "your configuration"
    file.chmod(0o666)
    code, _, said = within("home", "show")
    assert (code, "can be written by others" in said) == (2, True), said


def test_a_home_chooses_no_other_home_and_no_passphrase_file(home_path: Path) -> None:
    (home_path / "config.toml").write_text('home = "/tmp"\n')
    with pytest.raises(UsageError, match="no home says it of itself"):
        preferences.read(home_path / "config.toml")
    code, _, said = within("config", "set", "home", home_path, "--home-only", home=home_path)
    assert (code, "no home says it" in said) == (2, True), said


def test_the_files_are_their_owners_alone_whatever_the_umask(file: Path) -> None:
    before = os.umask(0)
    try:
        assert within("config", "set", "colour", "never")[0] == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_comments_stay_and_what_cannot_be_changed_line_by_line_is_left_alone(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text('# mine\ncolour = "auto"\nupload-tool = """\nUFED"""\n')
    assert within("config", "set", "colour", "never")[0] == 0
    assert file.read_text().startswith("# mine\n")
    assert preferences.read(file) == {"colour": "never", "upload-tool": "UFED"}
    before = file.read_text()
    code, _, said = within("config", "set", "upload-tool", "other")
    assert (code, "change it in an editor" in said) == (2, True), said
    assert file.read_text() == before


@pytest.mark.parametrize("value", ['quote " and \\', "naïve \U0001f4f7", "'" * 3])
def test_what_is_set_is_read_back_as_it_was_typed(value: str) -> None:
    assert within("config", "set", "upload-place", value)[0] == 0
    assert within("config", "get", "upload-place")[1] == f"{value}\n"
