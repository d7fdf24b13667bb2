"""A correction of a number is of the one that was meant, for one item or for many."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ledger.domain.event import same_record
from tests.support.commands import done, recorded_folder

WHY = ("--reason", "typing error")


@pytest.fixture
def home(worked: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(worked["home"], tmp_path / "home"))


def entries(home: Path) -> int:
    return int(json.loads(done(home, "--json", "status")[0])["integrated"])


def standing(home: Path, item: str) -> list[str]:
    """The exhibit numbers that an item has, the further ones behind that of its opening."""
    shown = json.loads(done(home, "--json", "show", item, "--basis", "x")[0])
    documents = {one["statement"]: one["document"] for one in shown["details"]}
    return [
        number["value"]
        for document in dict(same_record.versions(documents)).values()
        for number in same_record.identifiers(document)
        if number["scheme"] == "exhibit"
    ]


def test_the_number_that_was_typed_is_corrected_and_not_the_first_one(home: Path) -> None:
    done(home, "record", "identify", "2026-117/A1", "--scheme", "exhibit", "--value", "Z9")
    done(home, "correct", "2026-117/Z9", "--exhibit", "Z8", *WHY)
    assert standing(home, "2026-117/A1") == ["A1", "Z8"]


def test_of_an_item_with_two_numbers_that_was_named_by_its_id_it_is_asked_which(home: Path) -> None:
    done(home, "record", "identify", "2026-117/A1", "--scheme", "exhibit", "--value", "Z9")
    [item] = json.loads(done(home, "--json", "list")[0])["items"]
    _, said = done(home, "correct", item["evidence"], "--exhibit", "Z8", *WHY, code=2)
    assert "2 exhibit numbers: A1 (event 0), Z9 (event 2)" in said
    done(home, "correct", item["evidence"], "--exhibit", "Z8", "--event", "2", *WHY)
    assert standing(home, "2026-117/A1") == ["A1", "Z8"]


def test_the_case_that_was_typed_is_corrected_and_not_the_first_one(home: Path) -> None:
    done(home, "record", "identify", "2026-117/A1", "--scheme", "case", "--value", "2026-200")
    done(home, "correct", "2026-200/A1", "--case", "2026-201", *WHY)
    done(home, "show", "2026-117/A1", "--basis", "x")
    done(home, "show", "2026-201/A1", "--basis", "x")


def test_old_and_new_number_stand_in_the_question(home: Path) -> None:
    _, said = done(home, "correct", "2026-117/A1", "--exhibit", "A9", *WHY, typed="y\n")
    assert "was        A1\n" in said
    assert "is now     A9\n" in said


def test_whoever_does_not_agree_is_told_that_their_access_was_signed(home: Path) -> None:
    before = entries(home)
    _, said = done(home, "correct", "2026-117/A1", "--exhibit", "A9", *WHY, typed="n\n", code=2)
    assert "only your access was signed: all is as before" in said
    assert entries(home) == before + 1


def test_a_whole_case_is_given_no_exhibit_number(home: Path) -> None:
    """One missing word away from an exhibit with its parts: all items would have got the same."""
    recorded_folder(home, "A2", "1.txt")
    before = entries(home)
    _, said = done(home, "correct", "2026-117/", "--exhibit", "B7", *WHY, "--yes", code=2)
    assert "of a whole case the case number is corrected" in said
    assert entries(home) == before


def test_each_number_is_shown_with_its_new_one_before_anybody_agrees(home: Path) -> None:
    recorded_folder(home, "A2", "1.txt", "2.txt")
    done(home, "upload", Path("folder-A2/1.txt"), "-c", "2026-117", "--part-of", "A2/1", "--again")
    before = entries(home)
    shown = [f"2026-117/A2{part} -> 2026-117/A3{part}" for part in ("", "/1", "/1/1", "/2")]
    out, _ = done(home, "--preview", "correct", "2026-117/A2/", "--exhibit", "A3", *WHY)
    assert all(one in out for one in shown), out
    asked = ("correct", "2026-117/A2/", "--exhibit", "A3", *WHY)
    _, said = done(home, *asked, typed="n\n", code=2)
    assert all(one in said for one in shown), said
    assert "to A3, for 'typing error'?" in " ".join(said.replace("\\\n", " ").split())
    assert entries(home) == before
    _, said = done(home, *asked[:-1], "typed {0} of {}", typed="n\n", code=2)
    assert "'typed {0} of {}'?" in said  # what somebody typed is no form of ours
    done(home, *asked, typed="y\n")
    for part in ("", "/1", "/1/1", "/2"):
        assert standing(home, f"2026-117/A3{part}") == [f"A3{part}"]


@pytest.mark.parametrize("taken", ["A3", "A3/2"])
def test_no_exhibit_is_torn_in_two_by_a_number_that_is_taken(home: Path, taken: str) -> None:
    recorded_folder(home, "A2", "1.txt", "2.txt")
    done(home, "seize", "phone", "-c", "2026-117", "-e", taken)
    before = entries(home)
    _, said = done(home, "correct", "2026-117/A2/", "-e", "A3", *WHY, "--yes", code=1)
    assert f"2026-117/{taken} is item" in said
    assert "nothing was corrected" in said
    assert entries(home) == before


def test_what_is_left_of_an_exhibit_that_was_torn_is_corrected_after_it(home: Path) -> None:
    """As after a disk that was full between two of them."""
    recorded_folder(home, "A2", "1.txt", "2.txt")
    done(home, "correct", "2026-117/A2/1", "-e", "A3/1", *WHY)
    done(home, "correct", "2026-117/A2/", "-e", "A3", *WHY, "--yes")
    for part in ("", "/1", "/2"):
        done(home, "show", f"2026-117/A3{part}", "--basis", "x")


def test_no_label_bears_a_number_that_the_item_had_before(home: Path) -> None:
    """It goes on the evidence bag."""
    done(home, "correct", "2026-117/A1", "--case", "2026-118", *WHY)
    _, said = done(home, "label", "2026-117/A1", "-o", "l.svg", code=2)
    assert "was the number of item" in said
    assert not Path("l.svg").exists()
    done(home, "label", "2026-118/A1", "-o", "l.svg")
    assert "2026-118/A1" in Path("l.svg").read_text()


@pytest.mark.parametrize("number", ["B/", "/B", "B//1", "/"])
def test_no_number_is_one_that_means_an_exhibit_with_its_parts(home: Path, number: str) -> None:
    """`-e A2/`, as commands name a folder with its files, was recorded as it stood: A2//1, A2//2,
    which nobody found by A2/ any more.
    """
    before = entries(home)
    Path("a.txt").write_text("a")
    Path("register.csv").write_text(
        f"case,exhibit,description,occurred\n9,{number},x,2026-11-20T10:00:00Z\n"
    )
    for words in (
        ("upload", "a.txt", "-c", "9", "-e", number),
        ("upload", "a.txt", "-c", number, "-e", "A1"),
        ("seize", "phone", "-c", "9", "-e", number),
        ("correct", "2026-117/A1", "-e", number, *WHY),
        ("correct", "2026-117/", "-c", number, *WHY, "--yes"),
        ("record", "identify", "2026-117/A1", "--scheme", "exhibit", "--value", number),
        ("import", "register.csv", "--late", "x"),
    ):
        out, said = done(home, *words, code=2)
        assert "number: in one a stroke stands between two parts" in " ".join((out + said).split())
    assert entries(home) == before
