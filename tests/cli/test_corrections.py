"""A correction by plain names: the member that is meant, and no other."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.support.commands import done, recorded_folder

ITEM = "2026-117/A1"
WHY = ("--reason", "typing error")


@pytest.fixture
def home(worked: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(worked["home"], tmp_path / "home"))


def pointer(home: Path, item: str) -> tuple[str, object]:
    """Member and new value of the newest correction."""
    shown = json.loads(done(home, "--json", "show", item, "--basis", "x")[0])
    bodies = [
        one["document"]["body"]
        for one in shown["details"]
        if one["document"]["type"] == "corrected"
    ]
    return bodies[-1]["pointer"], bodies[-1]["new"]


@pytest.mark.parametrize(
    ("words", "item", "corrected"),
    [
        (("--case", "2026-118"), "2026-118/A1", ("/identifiers/0/value", "2026-118")),
        (("-e", "A9"), "2026-117/A9", ("/identifiers/1/value", "A9")),
        (("--field", "name", "--new", "x.jpg"), ITEM, ("/body/name", "x.jpg")),
        (("--field", "/body/name", "--new", "x.jpg"), ITEM, ("/body/name", "x.jpg")),
    ],
)
def test_what_is_corrected_is_found_by_its_plain_name(
    home: Path, words: tuple[str, ...], item: str, corrected: tuple[str, str]
) -> None:
    done(home, "correct", ITEM, *words, *WHY)
    assert pointer(home, item) == corrected


def test_the_record_calls_a_corrected_number_as_the_event_does_that_gave_it(home: Path) -> None:
    """It was called /identifiers/1/value there."""
    done(home, "correct", ITEM, "-e", "A9", *WHY)
    shown, _ = done(home, "show", "2026-117/A9", "--basis", "x")
    assert "exhibit: was A1, now A9" in shown
    assert "/identifiers" not in shown


def test_an_exhibit_that_has_no_case_is_corrected_at_its_own_place(home: Path) -> None:
    done(home, "seize", "phone", "-e", "B1")
    done(home, "correct", "B1", "--exhibit", "B2", *WHY)
    assert pointer(home, "B2") == ("/identifiers/0/value", "B2")
    _, said = done(home, "correct", "B2", "--case", "2026-118", *WHY, code=2)
    assert "gave the item no case number: there is none to correct" in said
    [words] = re.findall(r"record identify .*", " ".join(said.replace("\\\n", " ").split()))
    done(home, *shlex.split(words))
    done(home, "show", "2026-118/B2", "--basis", "x")


def test_blanks_around_a_number_are_no_part_of_it(home: Path) -> None:
    done(home, "correct", ITEM, "--case", " 2026-118 ", *WHY)
    assert pointer(home, "2026-118/A1") == ("/identifiers/0/value", "2026-118")


def test_the_number_that_is_asked_about_at_a_terminal_is_the_one_that_is_signed(home: Path) -> None:
    """What was agreed to was a draft, about all numbers of the item."""
    done(home, "seize", "phone", "-e", "B1")
    _, said = done(home, "correct", "B1", "--case", "2026-118", *WHY, typed="y\n", code=2)
    assert "[y/N]" not in said
    _, said = done(home, "correct", ITEM, "--case", "2026-118", *WHY, typed="y\n")
    assert said.count("[y/N]") == 1
    assert "is now     2026-118\n" in said
    assert "member     case number\n" in said, "it was number 1 of the item"
    assert "scheme" not in said


@pytest.mark.parametrize(
    "words",
    [
        ("--field", "content", "--new", "x"),
        ("--field", "time", "--new", "x"),
        ("--field", "nonsense", "--new", "x"),
        ("--field", "size", "--new", "big"),
    ],
)
def test_what_makes_the_event_what_it_is_or_is_not_there_is_refused(
    home: Path, words: tuple[str, ...]
) -> None:
    before = json.loads(done(home, "--json", "status")[0])["integrated"]
    done(home, "correct", ITEM, *words, *WHY, code=1)
    assert json.loads(done(home, "--json", "status")[0])["integrated"] == before


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--field", "name"),
        ("--new", "x"),
        ("--case", "1", "--exhibit", "2"),
        ("--case", "1", "--field", "name", "--new", "x"),
    ],
)
def test_two_things_or_half_of_one_are_no_correction(home: Path, words: tuple[str, ...]) -> None:
    _, said = done(home, "correct", ITEM, *words, *WHY, code=2)
    assert "one thing is corrected at a time" in said


def test_the_parts_of_an_exhibit_go_with_it_into_the_right_case(home: Path) -> None:
    """Their numbers stayed in the old case, where the exhibit's number was free for another one."""
    recorded_folder(home, "A2", "1.txt", "2.txt")
    out, _ = done(home, "correct", "2026-117/A2/", "--case", "2026-118", *WHY, "--yes")
    assert "recorded for 3 items" in out
    done(home, "correct", "2026-118/A2/", "-e", "A7", *WHY, "--yes")
    for name in ("A7", "A7/1", "A7/2"):
        done(home, "show", f"2026-118/{name}", "--basis", "x")


@pytest.mark.parametrize("named", ["2026-117/A2", "its id"])
@pytest.mark.parametrize(
    ("words", "right"),
    [
        (("--case", "2026-119"), "2026-119/A2"),
        (("-e", "A7"), "2026-117/A7"),
        (("--field", "/identifiers/1/value", "--new", "A7"), "2026-117/A7"),
    ],
)
def test_no_exhibit_loses_its_parts_to_the_next_one_under_its_number(
    home: Path, named: str, words: tuple[str, ...], right: str
) -> None:
    """The number was free, and another exhibit under it took the parts in: 2026-117/A2/ was both,
    for a handover and for a disposal.
    """
    recorded_folder(home, "A2", "1.txt", "2.txt")
    if named == "its id":
        listed = json.loads(done(home, "--json", "list", "-c", "2026-117", "-e", "A2")[0])
        named = listed["items"][-1]["evidence"]  # its parts were recorded before it
    _, said = done(home, "correct", named, *words, *WHY, "--yes", code=2)
    assert "2 parts of it would keep the number 2026-117/A2" in said
    [hint] = re.findall(r"together: (?:\S+) (.*)", " ".join(said.replace("\\\n", " ").split()))
    done(home, *shlex.split(hint), "--yes")
    assert json.loads(done(home, "--json", "show", f"{right}/1", "--basis", "x")[0])
    done(home, "correct", f"{right}/1", "--exhibit", "B8", *WHY)  # of a part alone, as it was


def test_the_parts_of_an_exhibit_keep_their_count_however_its_number_was_typed(home: Path) -> None:
    """The count was cut where the typed number ends, which had another length."""
    recorded_folder(home, "BOX   7", "1.txt")
    done(home, "correct", "2026-117/box 7/", "-e", "B9", *WHY, "--yes")
    assert pointer(home, "2026-117/B9") == ("/identifiers/1/value", "B9")
    assert pointer(home, "2026-117/B9/1") == ("/identifiers/1/value", "B9/1")


def test_what_is_no_number_is_corrected_for_one_item_alone(home: Path) -> None:
    words = ("--field", "name", "--new", "x", *WHY, "--yes")
    _, said = done(home, "correct", "2026-117/", *words, code=2)
    assert "nothing else" in said


def test_a_number_of_before_a_correction_names_its_item_and_is_no_reason_to_read_it(
    home: Path,
) -> None:
    done(home, "correct", ITEM, "--case", "2026-118", *WHY)
    done(home, "get", "2026-118/A1", "-o", home.parent / "new.jpg")
    _, said = done(home, "get", ITEM, "-o", home.parent / "old.jpg", code=2)
    assert "say why" in said
    done(home, "get", ITEM, "-o", home.parent / "old.jpg", "--basis", "x")


def test_a_script_is_told_that_a_number_is_one_of_before_a_correction(home: Path) -> None:
    """Whoever wrote it may mean another item by now, which nobody looks at."""
    done(home, "correct", ITEM, "--case", "2026-118", *WHY)
    _, said = done(home, "note", ITEM, "x")
    assert re.fullmatch(f"{ITEM} was the number of item [0-9a-f]{{8}}\n", said)
    out, said = done(home, "--json", "note", ITEM, "x")
    told = json.loads(out)
    assert (told["formerNumbers"], said) == ({ITEM: told["evidence"]}, "")
    out, said = done(home, "--json", "note", "2026-118/A1", "x")
    assert ("formerNumbers" in json.loads(out), said) == (False, "")


def test_an_exhibit_takes_in_no_item_that_had_its_number_before_a_correction(
    home: Path, tmp_path: Path
) -> None:
    """A note for the exhibit was signed for the corrected one as well."""
    done(home, "correct", ITEM, "--case", "2026-118", *WHY)
    (tmp_path / "other.txt").write_text("other")
    done(home, "upload", tmp_path / "other.txt", "-c", "2026-117", "-e", "A1")
    out, _ = done(home, "note", "2026-117/A1/", "x", "--yes")
    assert "recorded for 1 item:" in out


def test_an_item_without_any_number_is_given_one_by_the_command_that_is_printed(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "loose.txt").write_text("loose")
    out, _ = done(home, "--json", "upload", tmp_path / "loose.txt")
    item = json.loads(out)["items"][0]["evidence"]
    _, said = done(home, "correct", item, "--case", "2026-118", *WHY, code=2)
    assert "there is none to correct" in said
    assert "/body/" not in said
    [words] = re.findall(r"record identify .*", " ".join(said.replace("\\\n", " ").split()))
    done(home, *shlex.split(words))


def test_nothing_is_done_to_an_item_that_was_corrected_out_of_a_whole_case(home: Path) -> None:
    """It stays found by the case that it had: a handover of the whole case took it along."""
    done(home, "seize", "phone", "-c", "2026-117", "-e", "B1")
    done(home, "correct", "2026-117/B1", "--case", "2026-118", *WHY)
    of_case = json.loads(done(home, "--json", "list", "--case", "2026-117")[0])
    [former] = of_case["former"]
    out, _ = done(home, "list", "--case", "2026-117")
    short = next(one["opening"][:8] for one in of_case["items"] if one["evidence"] == former)
    assert f"1 item was corrected to another case than 2026-117: {short}" in out
    done(home, "record", "move", "2026-117/", "--to", "store 3", "--yes")
    moved = [
        json.loads(done(home, "--json", "show", item, "--basis", "x")[0])["details"][-2]
        for item in (ITEM, "2026-118/B1")
    ]
    assert [one["document"]["type"] == "moved" for one in moved] == [True, False]


def test_an_exhibit_takes_in_nothing_that_had_its_number_before_or_after_it(home: Path) -> None:
    """Where nothing bears the number, what had borne it was taken for the exhibit."""
    done(home, "correct", ITEM, "--exhibit", "A9", *WHY)
    _, said = done(home, "record", "move", "2026-117/A1/", "--to", "x", "--yes", code=2)
    assert "no exhibit" in said


def test_whoever_voids_an_exhibit_is_told_of_its_parts_which_stand(home: Path) -> None:
    recorded_folder(home, "A2", "1.txt")
    _, said = done(home, "record", "void", "2026-117/A2", "--reason", "twice", "--yes")
    assert "1 part of it, items of their own, stand as before" in said
    [words] = re.findall(r"them too: (?:\S+) (.*)", " ".join(said.replace("\\\n", " ").split()))
    done(home, *shlex.split(words), "--yes")
    _, said = done(home, "record", "move", "2026-117/A2/", "--to", "x", "--yes", code=2)
    assert "closed" in said
