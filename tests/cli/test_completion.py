"""A real shell completes a line: from what is clear, without a passphrase, and never with an error
in the line.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
#: As bash calls the function of a command when somebody presses Tab.
PRESSED = """
eval "$(custody --show-completion)"
COMP_WORDS=({words} "{last}")
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_custody_completion custody
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def offered(words: str, last: str, *, folder: Path, **environment: str) -> tuple[list[str], str]:
    """What bash offers behind words, and what was printed into the line."""
    kept = {name: one for name, one in os.environ.items() if not name.startswith("CUSTODY_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    done = subprocess.run(
        ["bash", "--norc", "--noprofile", "-c", PRESSED.format(words=words, last=last)],
        env={**kept, "PATH": path, "PYTHONPATH": str(ROOT), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout.split(), done.stderr


@pytest.fixture(scope="module")
def home(worked: dict[str, Any]) -> Path:
    return Path(worked["home"])


def test_short_ids_are_offered_without_a_passphrase_and_nothing_that_is_sealed(
    home: Path, worked: dict[str, Any], tmp_path: Path
) -> None:
    found, said = offered(f"custody --home {home} show", "", folder=tmp_path)
    assert (len(found), said) == (1, ""), found
    assert len(found[0]) == 8
    again, _ = offered(f"custody --home {home} verify", "2026", folder=tmp_path)
    assert "2026-117/A1" not in again
    assert offered("custody show", found[0][:3], folder=tmp_path, CUSTODY_HOME=str(home))[0] == (
        found
    )
    assert offered("custody note", "zz", folder=tmp_path, CUSTODY_HOME=str(home)) == ([], "")


@pytest.mark.parametrize(
    ("words", "last", "expected"),
    [
        ("custody", "upl", "upload"),
        ("custody correct A1 --field", "descr", "description"),
        ("custody list --kind", "f", "file"),
        ("custody record", "mo", "move"),
        ("custody config set", "time", "time-zone"),
    ],
)
def test_commands_kinds_of_events_fields_and_settings_are_offered(
    words: str, last: str, expected: str, tmp_path: Path
) -> None:
    found, said = offered(words, last, folder=tmp_path)
    assert (expected in found, said) == (True, ""), found


@pytest.mark.parametrize("words", ["custody handover A1 --to", "custody handover offer A1 -t"])
def test_colleagues_are_offered_by_pseudonym(words: str, home: Path, tmp_path: Path) -> None:
    found, said = offered(words, "", folder=tmp_path, CUSTODY_HOME=str(home))
    assert (len(found), said) == (1, "")
    assert "4711" not in found, "service numbers are sealed"


def test_commands_and_items_are_offered_where_an_offer_may_begin(
    home: Path, tmp_path: Path
) -> None:
    [item], _ = offered("custody show", "", folder=tmp_path, CUSTODY_HOME=str(home))
    found, said = offered("custody handover", "", folder=tmp_path, CUSTODY_HOME=str(home))
    assert ({"accept", "offer", item} <= set(found), said) == (True, ""), found


def test_whatever_is_wrong_with_the_home_nothing_is_printed_into_the_line(
    home: Path, tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(home, tmp_path / "broken"))
    (broken / "ledger.sqlite").write_bytes(b"no database" * 1000)
    (tmp_path / "config" / "custody").mkdir(parents=True)
    (tmp_path / "config" / "custody" / "config.toml").write_text("no = [toml")
    for named in (broken, tmp_path / "nowhere", tmp_path):
        config = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "CUSTODY_HOME": str(named)}
        assert offered("custody show", "", folder=tmp_path, **config) == ([], "")


def test_a_home_is_not_changed_by_who_completes_a_line(home: Path, tmp_path: Path) -> None:
    def files() -> dict[str, int]:
        # What SQLite shares among those who read at once is no part of what is kept.
        found = (one for one in home.rglob("*") if not one.name.endswith(("-shm", "-wal")))
        return {str(one): one.stat().st_mtime_ns for one in found if one.is_file()}

    before = files()
    offered("custody show", "", folder=tmp_path, CUSTODY_HOME=str(home))
    assert files() == before


def test_many_items_are_answered_in_time(home: Path) -> None:
    from ledger.adapters.database import clear_names

    begun = time.perf_counter()
    assert clear_names.items(home / "ledger.sqlite", "")
    assert time.perf_counter() - begun < 0.3
