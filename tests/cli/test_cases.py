"""Cases on the command line, against a node that serves: the page of documents as it is printed,
and what could go wrong for who types it.
"""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cli.terminal import output
from tests.support.commands import ROOT
from tests.support.served_agency import ServedAgency, serving

PAGE = ROOT / "docs" / "cases.md"
NOT_YET = ["not", "yet", "anchored"]
AMSTERDAM = "Europe/Amsterdam"


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedAgency]:
    with serving(tmp_path_factory.mktemp("cases")) as found:
        found.join("ben", "officer", number="4712")
        found.join("pia", "prosecutor", number="4750")
        found.join("ava", "auditor", number="4760")
        yield found


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.jpg").write_bytes(b"a face" * 100)
    return tmp_path


def unfolded(shown: str) -> str:
    """Without the folds of a terminal."""
    return " ".join(shown.replace("\\\n", "").split())


def test_every_command_of_the_page_runs_in_its_order(agency: ServedAgency) -> None:
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    assert len(lines) == 10
    shown = {}
    for line in lines:
        answer = "y\n" if line.startswith("custody share") else None
        shown[line] = agency.type("node", *shlex.split(line)[1:], typed=answer)
    assert "photo.jpg" in shown["custody list --case 2026-117"], "within the day nobody is asked"
    assert "photo.jpg" in shown[lines[6]]
    listed = agency.json("ben", "case", "list", "--all")["cases"]
    assert [one["closed"] for one in listed] == [True]
    told = agency.type("ben", "case", "show", "2026-117", "--basis", "hearing")
    assert "case assigned" in told
    assert "sealed names of items listed" in told
    assert "the hearing is on 12 March" in told
    assert "Harbour" in told


def test_what_is_told_of_a_case_names_it_as_it_can_be_typed_next(agency: ServedAgency) -> None:
    agency.type("ben", "case", "open", "2027-1")
    said = agency.type("ben", "case", "open", "2027-1", code=1)
    assert "a case is open under that number already" in said
    short = agency.json("ben", "case", "list")["cases"][-1]["opening"][:8]
    shown = agency.type("ben", "case", "show", f"case:{short}")
    assert f"show case:{short} --basis WHY" in unfolded(shown)
    assert agency.type("ben", "show", f"case:{short}") in shown
    listed = unfolded(agency.type("ben", "case", "list"))
    [reading] = re.findall(
        r"to read them, say why: custody .*(case show case:\w+ --basis) WHY", listed
    )
    assert "case: 2027-1" in agency.type("ben", *reading.split(), "hearing")
    for name in ("2027-1", "case:2027-1"):
        assert "case case:" not in agency.type("ben", "case", "show", name)
    said = agency.type("ben", "get", "case:2027-1", "--basis", "x", code=1)
    assert "no content" in said
    assert f"case:{short}" in said
    said = agency.type("ben", "show", "case:2027-2", code=2)
    assert "no case '2027-2' was opened that you may see" in said
    assert "case open 2027-2" in unfolded(said)


def test_a_case_that_others_opened_is_none_for_who_was_not_assigned(agency: ServedAgency) -> None:
    agency.type("node", "case", "open", "2027-3")
    said = agency.type("ben", "case", "show", "2027-3", code=2)
    assert "no case '2027-3' was opened that you may see" in said
    agency.type("ben", "case", "open", "2027-3")
    said = agency.type("node", "case", "show", "2027-3", code=2)
    assert "is the number of 2 cases" in said
    cases = re.findall(r"case:[0-9a-f]{8}", said)
    assert len(cases) == 2
    for code, basis in ((0, ()), (2, ("--basis", "x"))):
        said = agency.type("node", "list", "--case", "2027-3", *basis, code=code)
        assert not basis or "is the number of 2 cases" in said, "nobody else reads why"
    for case in cases:
        assert agency.json("node", "show", case)["item"]["events"] == 1
        agency.type("node", "case", "close", case, "--reason", "opened twice", "--yes")


def test_somebody_to_whom_a_case_was_assigned_is_told_and_can_type_what_they_read(
    agency: ServedAgency,
) -> None:
    agency.type("ben", "inbox")
    agency.type("node", "case", "open", "2027-7")
    agency.type("node", "case", "assign", "2027-7", "--to", "4712")
    told = sorted(set(re.findall(r"case:[0-9a-f]{8}", agency.type("ben", "inbox"))))
    shown = [agency.type("ben", "show", case, "--basis", "mine") for case in told]
    assert any("2027-7" in one for one in shown)


def test_what_lacks_a_word_is_told_before_anything_is_signed(agency: ServedAgency) -> None:
    agency.type("ben", "case", "open", "2027-4")
    before = agency.json("ben", "show", "case:2027-4")["item"]["events"]
    assert "say why it is closed" in agency.type("ben", "case", "close", "2027-4", code=2)
    said = agency.type("ben", "case", "close", "2027-4", "--reason", "x", code=2)
    assert "nobody can be asked" in said
    agency.type("ben", "case", "close", "2027-4", "--reason", "x", typed="n\n", code=2)
    said = agency.type("ben", "list", "--basis", "x", code=2)
    assert "names are read case by case" in said
    said = agency.type("ben", "list", "--case", "2027-5", "--basis", "x", code=2)
    assert "no case '2027-5' was opened" in said
    assert agency.json("ben", "show", "case:2027-4")["item"]["events"] == before == 1


def test_a_list_of_a_case_without_a_purpose_says_how_its_names_are_read(
    agency: ServedAgency, here: Path
) -> None:
    agency.type("ben", "case", "open", "2027-6")
    agency.type("ben", "upload", here / "photo.jpg", "--case", "2027-6", "--exhibit", "A1")
    shown = agency.type("ben", "list", "--case", "2027-6")
    assert "photo.jpg" not in shown
    assert "list --case 2027-6 --basis WHY" in unfolded(shown)
    named = agency.json("ben", "list", "--case", "2027-6", "--basis", "hearing")
    assert [(one["exhibit"], one["name"]) for one in named["names"]] == [("A1", "photo.jpg")]


def test_a_list_with_names_says_who_recorded_what_and_when_and_cuts_nothing_at_80_columns(
    agency: ServedAgency, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agency.type("ben", "case", "open", "2027-20")
    long = here / "photograph of a harbour.jpg"
    (here / "photo.jpg").rename(long)
    item = agency.json("ben", "upload", long, "--case", "2027-20", "--exhibit", "A1")["items"][0]
    agency.type("ben", "seize", "a phone", "--case", "2027-20", "--exhibit", "A2")
    named = agency.json("ben", "list", "--case", "2027-20", "--basis", "hearing")
    short = named["items"][0]["opening"][:8]
    assert named["names"][0] == {
        "evidence": item["evidence"], "exhibit": "A1", "name": long.name, "size": 600,
        "files": None,
        "role": "officer",
    }  # fmt: skip
    assert named["names"][1]["size"] is None
    with monkeypatch.context() as terminal:
        terminal.setenv("TZ", AMSTERDAM)
        terminal.setenv("COLUMNS", "80")
        terminal.setattr(output, "is_terminal", lambda stream: stream is sys.stdout)
        time.tzset()
        shown = agency.type("ben", "list", "--case", "2027-20")
    time.tzset()
    first, second = shown.splitlines()[2:4]
    assert first.split() == [short, "A1", *long.name.split(), "file", "600", "B", *NOT_YET]
    at = datetime.fromisoformat(named["items"][0]["recorded"]).astimezone(ZoneInfo(AMSTERDAM))
    assert f"{at:%Y-%m-%d %H:%M}{at.isoformat()[-6:]}" in second
    assert second.split()[2:] == ["4712", "(officer)", "4712"]
    assert max(map(len, shown.splitlines()[:6])) <= 80


def test_a_page_reads_the_names_that_it_shows_and_no_others(
    agency: ServedAgency, here: Path
) -> None:
    agency.type("ben", "case", "open", "2027-21")
    for exhibit in ("A1", "A2", "A3"):
        agency.type("ben", "seize", exhibit, "--case", "2027-21", "--exhibit", exhibit)
    page = ("list", "--case", "2027-21", "--limit", "1", "--page", "2", "--basis", "hearing")
    named = agency.json("ben", *page)
    assert [one["exhibit"] for one in named["names"]] == ["A2"]
    assert [one["evidence"] for one in named["items"]] == [named["names"][0]["evidence"]]


def test_another_purpose_than_the_one_that_holds_is_signed_and_not_dropped(
    agency: ServedAgency,
) -> None:
    """Names were read under the first purpose of the day, whatever was typed behind it."""
    agency.type("ben", "case", "open", "2027-41")
    agency.type("ben", "seize", "a phone", "--case", "2027-41", "--exhibit", "A1")

    def signed_for(*words: str) -> int:
        agency.type("ben", "list", "--case", "2027-41", *words)
        return int(agency.json("ben", "show", "case:2027-41")["item"]["events"])

    first = signed_for("--basis", "curious")
    assert signed_for("--basis", " curious") == signed_for() == first, "once a day and purpose"
    assert signed_for("--basis", "preparing the appeal", "--limit", "1") == first + 1
    assert signed_for("--basis", "preparing the appeal") == signed_for() == first + 1
    told = agency.type("ben", "case", "show", "2027-41", "--basis", "hearing")
    assert "curious" in told
    assert "preparing the appeal" in told


def test_a_case_shown_by_its_id_hides_no_items_as_if_it_had_none(
    agency: ServedAgency, here: Path
) -> None:
    agency.type("ben", "case", "open", "2027-10")
    uploaded = agency.type("ben", "upload", here / "photo.jpg", "--case", "2027-10", "-e", "A1")
    [item] = re.findall(r"^([0-9a-f]{8})  A1 ", uploaded, re.MULTILINE)
    case = "case:" + agency.json("ben", "case", "list")["cases"][-1]["opening"][:8]
    shown = unfolded(agency.type("ben", "case", "show", case))
    assert "its items are found by its number" in shown
    assert f"case show {case} --basis WHY" in shown
    assert "no items" not in shown
    assert agency.json("ben", "case", "show", case)["items"] is None
    assert item in agency.type("ben", "case", "show", case, "--basis", "hearing")
    said = unfolded(agency.type("ben", "list", "--case", case, "--basis", "x", code=2))
    assert "its items are listed by its number" in said
    assert f"case open {case}" not in said
    closed = agency.type("ben", "case", "close", case, "--reason", "over", "--yes")
    assert f"case {case}" not in closed


def test_nobody_is_told_a_command_that_their_roles_are_refused(
    agency: ServedAgency, here: Path
) -> None:
    assert "upload" not in agency.type("pia", "case", "open", "2027-11")
    assert "upload" in agency.type("ben", "case", "open", "2027-12")
    item = agency.json("ben", "upload", here / "photo.jpg", "--case", "2027-12", "-e", "A1")
    said = unfolded(agency.type("ben", "case", "assign", "2027-12", "--to", "4750"))
    assert "a custodian shares: `custody share 2027-12/ --with 4750`" in said
    assert agency.type("ben", "share", "2027-12/", "--with", "4750", "--yes", code=1)
    shown = agency.type("ava", "show", item["items"][0]["evidence"])
    assert "--basis" not in shown
    assert "no role of yours opens a record" in shown


def test_a_whole_case_that_is_refused_for_a_role_says_whose_role_it_takes(
    agency: ServedAgency, here: Path
) -> None:
    agency.type("ben", "upload", here / "photo.jpg", "--case", "2027-13", "--exhibit", "A1")
    said = agency.type("ben", "share", "2027-13/", "--with", "4750", "--yes", code=1)
    assert "none of your roles may record 'disclosed'" in said
    assert "this takes the role of" in said
    assert "custodian" in said


def test_no_purpose_is_signed_for_a_list_of_nothing(agency: ServedAgency) -> None:
    agency.type("ben", "case", "open", "2027-14")
    said = agency.type("ben", "list", "--case", "2027-14", "--basis", "first look")
    assert "nothing was signed" in said
    assert agency.json("ben", "case", "show", "2027-14")["item"]["events"] == 1


def test_an_auditor_is_not_told_that_a_case_has_no_items(agency: ServedAgency, here: Path) -> None:
    agency.type("ben", "upload", here / "photo.jpg", "--case", "2027-15", "--exhibit", "A1")
    said = agency.type("ava", "list", "--case", "2027-15")
    assert "you find no item by a number" in said
    assert "no items that you may see" not in said


def test_a_number_that_a_case_has_no_more_means_the_one_that_has_it_now(
    agency: ServedAgency,
) -> None:
    """Before, the wrong case was closed by it, and nothing opens that again."""
    agency.type("ben", "case", "open", "2028-1")
    agency.type("ben", "correct", "case:2028-1", "--case", "2028-2", "--reason", "a slip", "--yes")
    assert "2028-1 was the number of case:" in agency.type("ben", "case", "show", "2028-1")
    agency.type("ben", "case", "open", "2028-1")
    agency.type("ben", "case", "close", "2028-1", "--reason", "x", "--yes")
    assert "(closed)" in agency.type("ben", "case", "show", "2028-1")
    assert "(closed)" not in agency.type("ben", "case", "show", "2028-2")


def test_a_case_whose_number_is_how_the_id_of_another_one_begins_is_not_taken_for_it(
    agency: ServedAgency,
) -> None:
    """Before, a note, an assignment or the end of the one that lists call so went to the other."""
    agency.type("node", "case", "open", "2029-1")
    real = agency.json("node", "case", "list")["cases"][-1]
    short = f"case:{real['opening'][:8]}"
    agency.type("ben", "case", "open", real["opening"][:8])
    said = agency.type("node", "case", "close", short, "--reason", "x", "--yes", code=2)
    assert "may be each of 2 cases" in said
    assert real["evidence"] in said
    agency.type("node", "note", real["evidence"], "by its whole id")
    assert agency.json("node", "show", real["evidence"])["item"]["events"] == 2
    other = agency.json("ben", "case", "list")["cases"][-1]["evidence"]
    agency.type("node", "case", "close", other, "--reason", "x", "--yes")
    agency.type("node", "note", short, "by its short id again")
    assert agency.json("node", "show", real["evidence"])["item"]["events"] == 3


def test_a_case_is_no_number_and_no_exhibit(agency: ServedAgency) -> None:
    agency.type("ben", "case", "open", "2029-2")
    said = agency.type("ben", "case", "open", "case:2029-3", code=2)
    assert "case open 2029-3" in unfolded(said)
    assert "in one a stroke stands" in agency.type("ben", "use", "2029-2/", code=2)
    words = ("seize", "x", "--case", "2029-2", "--exhibit", "A1", "--replaces", "case:2029-2")
    assert "a case is no exhibit" in agency.type("ben", *words, code=2)


def test_an_item_that_was_corrected_to_another_case_is_not_shown_as_one_of_this(
    agency: ServedAgency, here: Path
) -> None:
    agency.type("ben", "case", "open", "2029-5")
    agency.type("ben", "upload", here / "photo.jpg", "--case", "2029-5", "--exhibit", "A1")
    assert len(agency.json("ben", "case", "show", "2029-5")["items"]) == 1
    words = ("--case", "2029-6", "--reason", "a slip", "--yes")
    agency.type("ben", "correct", "2029-5/A1", *words)
    assert agency.json("ben", "case", "show", "2029-5")["items"] == []
    assert "no items of it" in agency.type("ben", "case", "show", "2029-5")


def test_what_is_about_items_is_refused_for_a_case_with_what_to_name_in_its_place(
    agency: ServedAgency,
) -> None:
    agency.type("node", "case", "open", "2031-1")
    for words in (
        ("share", "case:2031-1", "--with", "4712", "--yes"),
        ("record", "void", "case:2031-1", "--reason", "x", "--yes"),
        ("handover", "offer", "case:2031-1", "--to", "4712"),
        ("handover", "offer", "case:2031-1", "--to", "BE-POL"),
    ):
        said = unfolded(agency.type("node", *words, code=2))
        assert "is about an item, not about a case" in said, said
        assert "all of them: 2026-117/" in said
    said = agency.type("node", "get", "case:2031-1/", "--basis", "x", code=1)
    assert "this item has no content" in said, "and not that no such case is open"


def test_a_closed_case_is_not_called_an_item(agency: ServedAgency) -> None:
    agency.type("node", "case", "open", "2031-9")
    agency.type("node", "case", "close", "2031-9", "--reason", "judgment", "--yes")
    said = unfolded(agency.type("node", "case", "assign", "2031-9", "--to", "4712", code=1))
    assert "the case is closed: only notes and readings may follow" in said
    assert "the item is closed" not in said


def test_whoever_records_under_the_number_of_a_closed_case_is_told(agency: ServedAgency) -> None:
    agency.type("node", "case", "open", "2031-2")
    words = ("--case", "2031-2", "--exhibit")
    assert "was closed" not in agency.type("node", "upload", "photo.jpg", *words, "A1")
    agency.type("node", "case", "close", "2031-2", "--reason", "judgment", "--yes")
    assert "case 2031-2 was closed" in agency.type("node", "seize", "knife", *words, "A2")
    Path("other.jpg").write_bytes(b"another face")
    assert "case 2031-2 was closed" in agency.type("node", "upload", "other.jpg", *words, "A3")
    agency.type("node", "case", "open", "2031-2")
    assert "was closed" not in agency.type("node", "seize", "sheath", *words, "A4")


def test_the_folder_of_a_case_for_the_court_is_not_said_to_hold_an_item(
    agency: ServedAgency,
) -> None:
    agency.type("node", "case", "open", "2031-3")
    agency.type("node", "court", "case:2031-3", "--basis", "court order", "-o", "folder")
    page = (Path("folder") / "READ-ME.html").read_text()
    assert "The record of a case itself" in page
    assert "<th>Case</th>" in page
    assert "another record of the same case" in page
    assert "One item of digital evidence" not in page


def test_an_auditor_is_told_no_command_to_read_the_number_of_a_case(agency: ServedAgency) -> None:
    agency.type("node", "case", "open", "2031-4")
    short = agency.json("ava", "case", "list")["cases"][-1]["opening"][:8]
    said = unfolded(agency.type("ava", "case", "show", f"case:{short}"))
    assert "which no role of yours opens" in said
    assert "--basis" not in said


def test_a_list_without_copies_says_so(agency: ServedAgency) -> None:
    assert "no copies that can be taken" in agency.type("node", "copy", "list")
