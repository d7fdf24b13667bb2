"""What is shown before it is signed is what is signed, and a preview signs nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.commands import within

ITEM = "2026-117/A1"


@pytest.fixture
def home(worked: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with one item, from an empty working folder."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(worked["home"], tmp_path / "home"))


def entries(home: Path) -> int:
    """How many entries the log has."""
    return int(json.loads(within("--json", "status", home=home)[1])["integrated"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("note", ITEM, "a scratch"), ("note", "a scratch")),
        (("record", "move", ITEM, "--to", "store 3"), ("moved", "store 3")),
        (("seize", "phone", "-c", "9", "-e", "B1"), ("collected", "phone", "B1")),
        (("show", ITEM, "--basis", "court"), ("opened", "court")),
        (("get", ITEM, "--basis", "court"), ("opened", "court")),
        (("bundle", ITEM, "--basis", "court"), ("opened", "court")),
        (
            (
                "correct",
                ITEM,
                "--event",
                "0",
                "--field",
                "/body/name",
                "--new",
                "x",
                "--reason",
                "y",
            ),
            ("correction", "member     name"),
        ),
        (("dispose", "request", ITEM, "--reason", "closed"), ("disposal requested", "closed")),
        (
            ("record", "return", ITEM, "--to", "A. Owner", "--basis", "court"),
            ("returned to the owner", "A. Owner"),
        ),
    ],
)
def test_a_preview_shows_what_would_be_signed_and_signs_nothing(
    home: Path, words: tuple[str, ...], told: tuple[str, ...]
) -> None:
    before = entries(home)
    code, out, said = within("--preview", *words, home=home)
    assert code == 0, said
    assert all(text in out for text in ("nothing was", *told)), out
    assert entries(home) == before
    assert [path.name for path in Path().iterdir()] == ["home"]  # nor was a file left
    code, out, _ = within("--json", *words, "--preview", home=home)
    assert code == 0
    assert json.loads(out)["preview"][0]["type"]


@pytest.mark.parametrize("words", [("upload", "home"), ("anchor",), ("person", "list")])
def test_a_preview_of_what_is_no_signature_for_an_item_does_nothing(
    home: Path, words: tuple[str, ...]
) -> None:
    before = entries(home)
    code, _, said = within("--preview", *words, home=home)
    assert (code, "nothing was done" in said) == (2, True)
    assert ("--dry-run" in said) == (words[0] == "upload")
    assert entries(home) == before


def test_a_correction_is_shown_and_asked_for_at_a_terminal_alone(home: Path) -> None:
    words = ("correct", ITEM, "--event", "0", "--field", "/body/name", "--new", "x.jpg")
    words = (*words, "--reason", "typing error")
    before = entries(home)
    code, _, said = within(*words, home=home, typed="n\n")
    assert (code, "x.jpg" in said, "Sign it, as it is shown here?" in said) == (2, True, True)
    assert entries(home) == before
    code, _, said = within(*words, home=home, typed="y\n")
    assert (code, said.count("Sign it")) == (0, 1)
    code, _, said = within(*words, home=home)
    assert (code, "Sign it" in said) == (0, False)


def test_a_preview_names_the_item_as_lists_do(home: Path) -> None:
    _, out, _ = within("--preview", "note", ITEM, "x", home=home)
    short = json.loads(within("--json", "list", home=home)[1])["items"][0]["opening"][:8]
    assert f"item       {short}\n" in out
    assert "urn:uuid:" not in out
