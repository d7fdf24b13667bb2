"""Keys that scripts read and no page tells of, or that a page tells of and nobody prints."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ledger.domain.ports import answers, case_listing, inbox, node_answers
from tests.support.commands import ROOT, within

PAGE = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
#: Objects of the page, and what the client takes a node's answer as.
SHAPES: dict[str, type] = {
    "item": answers.Item,
    "offer": answers.OpenOffer,
    "replica": answers.Replica,
    "name": case_listing.SealedName,
    "event": answers.LoggedEvent,
    "look": answers.Look,
    "standing": answers.Standing,
    "status": node_answers.NodeStatus,
    "chain": node_answers.Chain,
    "checkpoint": node_answers.Checkpoint,
    "ipfs": node_answers.Ipfs,
    "ipfs node": node_answers.IpfsNode,
    "worker": node_answers.WorkerStatus,
    "time authority": node_answers.TimeAuthorityStatus,
    "certificate": node_answers.EndingCertificate,
    "waiting": inbox.WaitingLine,
    "changed": inbox.ChangedItem,
}


def rows(heading: str) -> list[tuple[str, str]]:
    """The cells of the table under a heading."""
    [section] = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    lines = [line.strip("| ") for line in section.splitlines() if line.startswith("|")]
    return [(first, rest) for first, _, rest in (line.partition(" | ") for line in lines[2:])]


def keys(heading: str) -> set[str]:
    """The keys of an object."""
    return {key for cell, _ in rows(heading) for key in re.findall(r"`(\w+)`", cell)}


def told(command: str) -> set[str]:
    """The keys of what a command prints."""
    [what] = [rest for cell, rest in rows("Commands") if cell == f"`{command}`"]
    if what.startswith("as `show`"):
        return told("show") | {"items"}
    return keys("status") if what == "status" else {*re.findall(r"`(\w+)`", what)} - {"limit"}


@pytest.fixture
def home(founded: Path, tmp_path: Path) -> Path:
    home = Path(shutil.copytree(founded, tmp_path / "home"))
    (tmp_path / "photo.jpg").write_bytes(b"x")
    within("case", "open", "2026-117", home=home)
    within("upload", tmp_path / "photo.jpg", "-c", "2026-117", "-e", "A1", home=home)
    return home


def printed(home: Path, *words: str) -> dict[str, Any]:
    code, out, said = within(*words, "--json", home=home)
    assert code == 0, said
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.mark.parametrize("name", SHAPES)
def test_an_object_has_the_keys_that_the_page_tells(name: str) -> None:
    assert keys(name) == {field.name for field in fields(SHAPES[name])}


def test_what_commands_print_has_the_keys_that_the_page_tells(home: Path) -> None:
    read = ("--basis", "hearing")
    named = printed(home, "list", "--case", "2026-117", *read)
    assert named.keys() == told("list")
    assert printed(home, "list").keys() == told("list") - {"names"}
    [item], [name] = named["items"], named["names"]
    shown = printed(home, "show", "2026-117/A1", *read)
    case = printed(home, "case", "show", "2026-117", *read)
    status, waiting = printed(home, "status"), printed(home, "inbox")
    assert shown.keys() == told("show") == printed(home, "show", "2026-117/A1").keys()
    assert case.keys() == told("case show")
    assert status.keys() == told("status")
    assert waiting.keys() == told("inbox")
    for value in (item, shown["item"], case["item"], case["items"][0]):
        assert value.keys() == keys("item")
    assert name.keys() == keys("name")
    assert shown["events"][0].keys() == keys("event")
    assert shown["details"][0].keys() == keys("detail") - {"looked"}
    assert shown["standing"].keys() == keys("standing")
    assert status["chain"].keys() == keys("chain")


def test_no_object_of_the_page_is_forgotten_here() -> None:
    headings = {*re.findall(r"^## (.+)$", PAGE, re.MULTILINE)}
    assert headings == {"Commands", "detail", *SHAPES}


def test_a_folder_is_listed_as_one_with_the_number_of_its_files(home: Path, tmp_path: Path) -> None:
    """It stood there as a file, with the size of the list of its files."""
    (tmp_path / "pages").mkdir()
    for number in range(3):
        (tmp_path / "pages" / f"{number}.txt").write_text(f"page {number}")
    within("upload", tmp_path / "pages", "-c", "2026-117", "-e", "A2", home=home)
    words = ("list", "--case", "2026-117", "--basis", "hearing")
    names = {one["exhibit"]: one["files"] for one in printed(home, *words)["names"]}
    assert names == {"A1": None, "A2": 3, "A2/1": None, "A2/2": None, "A2/3": None}
    shown = within(*words, home=home)[1]
    assert re.search(r"^\w+ +A2 +pages +folder +3 files ", shown, re.MULTILINE)
