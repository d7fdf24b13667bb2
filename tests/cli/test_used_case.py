"""The case that is worked on in a folder: chosen by whoever works, told whenever it is taken."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ledger.app import used_cases
from tests.support.commands import done


@pytest.fixture
def home(worked: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with exhibit A1 of case 2026-117, from a folder of its own."""
    (tmp_path / "desk" / "below").mkdir(parents=True)
    (tmp_path / "desk" / "p.jpg").write_bytes(b"a face")
    monkeypatch.chdir(tmp_path / "desk")
    return Path(shutil.copytree(worked["home"], tmp_path / "home"))


def numbers(home: Path, name: str) -> dict[str, str]:
    """What an item's record says of its numbers."""
    shown = json.loads(done(home, "--json", "show", name, "--basis", "x")[0])
    given = shown["details"][0]["document"].get("identifiers", [])
    return {one["scheme"]: one["value"] for one in given}


def test_what_is_recorded_in_a_folder_is_of_its_case_and_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(home, "use", "2026-200")
    _, said = done(home, "upload", "p.jpg", "-e", "A1")
    assert "case 2026-200, which this folder uses" in said
    assert numbers(home, "2026-200/A1") == {"case": "2026-200", "exhibit": "A1"}
    monkeypatch.chdir("below")
    _, said = done(home, "seize", "phone", "-e", "A2")
    assert "case 2026-200, which this folder uses" in said
    assert numbers(home, "2026-200/A2")["case"] == "2026-200"
    monkeypatch.chdir("../..")
    _, said = done(home, "seize", "phone", "-e", "A3")
    assert "which this folder uses" not in said


def test_a_case_that_is_typed_is_the_one_that_is_recorded(home: Path) -> None:
    done(home, "use", "2026-200")
    _, said = done(home, "upload", "p.jpg", "-c", "2026-201", "-e", "A1")
    assert "which this folder uses" not in said
    assert numbers(home, "2026-201/A1")["case"] == "2026-201"


def test_an_exhibit_number_alone_is_one_of_the_case_and_no_other(home: Path) -> None:
    done(home, "upload", "p.jpg", "-c", "2026-200", "-e", "A1")
    _, said = done(home, "note", "A1", "x", code=2)
    assert "may be each of 2 items" in said
    done(home, "use", "2026-200")
    done(home, "note", "A1", "seen")
    assert json.loads(done(home, "--json", "show", "2026-200/A1")[0])["item"]["events"] == 2
    done(home, "use", "--none")
    done(home, "note", "A1", "x", code=2)


def test_a_number_that_is_the_beginning_of_anothers_id_is_refused_in_a_used_case_too(
    home: Path, worked: dict[str, str]
) -> None:
    """Whoever recorded it had it taken for the other one by all who work on the case."""
    begins = worked["evidence"].removeprefix("urn:uuid:")[:8]
    done(home, "use", "2026-200")
    done(home, "upload", "p.jpg", "-e", begins)
    _, said = done(home, "note", begins, "x", code=2)
    assert "may be each of 2 items" in said


def test_the_case_is_not_in_clear_on_the_disk_and_no_file_of_the_folder_chooses_it(
    home: Path,
) -> None:
    done(home, "use", "2026-200")
    kept = (home / used_cases.CASES).read_bytes()
    assert b"2026-200" not in kept
    assert b"desk" not in kept
    assert sorted(path.name for path in Path().iterdir()) == ["below", "p.jpg"]
    (home / used_cases.CASES).write_bytes(bytes(len(kept)))  # damaged: no case is taken
    assert json.loads(done(home, "--json", "use")[0])["case"] == ""


def test_an_interrupted_upload_goes_on_with_the_details_of_then(home: Path) -> None:
    done(home, "use", "2026-200")
    _, said = done(home, "upload", "p.jpg", "--resume", code=2)
    assert "was interrupted" in said
    assert "which this folder uses" not in said


def test_an_exhibit_with_its_parts_is_one_of_the_case_too(home: Path) -> None:
    """A1 was understood in the folder, and A2/ was no exhibit."""
    (home.parent / "desk" / "pages").mkdir()
    (home.parent / "desk" / "pages" / "1.txt").write_text("one")
    done(home, "upload", "pages", "-c", "2026-200", "-e", "A2")
    done(home, "upload", "pages", "-c", "2026-201", "-e", "A2", "--again")
    move = ("record", "move", "A2/", "--to", "store 3")
    assert "is no case" in done(home, *move, "--yes", code=2)[1]
    done(home, "use", "2026-200")
    _, said = done(home, *move, typed="y\n")
    assert "2 items (2026-200/A2 with its 1 part)?" in said
    events = {
        case: json.loads(done(home, "--json", "show", f"{case}/A2")[0])["item"]["events"]
        for case in ("2026-200", "2026-201")
    }
    assert events == {"2026-200": 2, "2026-201": 1}


def test_a_number_that_the_case_has_is_told_by_it_with_each_way_on(home: Path) -> None:
    done(home, "use", "2026-117")
    _, said = done(home, "seize", "phone", "-e", "A1", code=1)
    assert "2026-117/A1 bears it" in said
    for way in ("--exhibit NUMBER", "--part-of A1", "--replaces A1"):
        assert f"seize phone {way}" in " ".join(said.replace("\\\n", "").split())
    done(home, "seize", "phone", "--part-of", "A1")
    _, said = done(home, "seize", "phone", "-c", "2026-300", "-e", "A1")
    assert "bears it" not in said
