"""A folder is an item, and so is each file in it: what is done to the folder alone is not done to
its files, and nobody is left to think so.
"""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.test_selections import Office, made, office  # noqa: F401  (fixtures)

FOLDER = "2026-117/A2"
WHY = ("--reason", "case closed")


def closed(office: Office) -> int:
    """How many items are closed."""
    listed = json.loads(office.run("--json", "list")[0])["items"]
    return sum(one["closed"] for one in listed)


def test_who_disposes_of_a_folder_is_told_before_that_its_files_stay(office: Office) -> None:
    """The list of the folder was gone, its files could be read, and nobody had been told."""
    told = "3 parts of it, items of their own, not disposed of by that"
    out, said = office.run("dispose", "request", FOLDER, *WHY, typed="n\n", code=2)
    assert told in said.partition("[y/N]")[0]
    assert f"dispose request {FOLDER}/ --reason 'case closed'" in said.replace("\\\n    ", "")
    office.run("dispose", "request", FOLDER, *WHY)
    assert told in office.theirs("dispose", "approve", FOLDER, "--yes")[1]
    out, said = office.run("dispose", "carry-out", FOLDER, "--method", "wiped", "--yes")
    assert told in said
    assert out.count("CERTIFICATE OF DISPOSAL") == 1
    assert closed(office) == 1
    _, said = office.run("dispose", "request", f"{FOLDER}/1", *WHY)
    assert "not disposed of by that" not in said, "a file has no parts"


def test_a_folder_is_disposed_of_with_its_files_and_nothing_else(office: Office) -> None:
    out, said = office.run("dispose", "request", f"{FOLDER}/", *WHY, typed="y\n")
    assert f"Request the disposal of 4 items ({FOLDER} with its 3 parts)? [y/N]" in said
    assert "requested for 4 items" in out
    assert said.count("[y/N]") == 1
    out, said = office.theirs("dispose", "approve", f"{FOLDER}/", typed="y\n" * 4)
    assert said.count("Approve it, as it is shown here?") == 4, "each is shown, and asked for"
    assert f"dispose carry-out {FOLDER}/ --method HOW" in out
    carry_out = ("dispose", "carry-out", f"{FOLDER}/", "--method", "wiped")
    out, said = office.run(*carry_out, typed="y\n")
    assert said.count("[y/N]") == 1
    assert "Destroy the keys of 4 items? Nobody can open them afterwards." in said
    shown = re.findall(r"^item +(\w+)$", said, re.MULTILINE)
    assert len(set(shown)) == 4, "each is shown before that"
    assert out.count("CERTIFICATE OF DISPOSAL") == 1
    assert "of              all" in out
    assert [name for name in shown if not re.search(rf"^{name} ", out, re.MULTILINE)] == []
    assert closed(office) == 4
    _, said = office.run(*carry_out, "--yes", code=2)
    assert "is no case, and no exhibit" in said, "what it was called went with its keys"


def test_whoever_says_no_to_a_folder_destroys_no_keys(office: Office) -> None:
    office.run("dispose", "request", f"{FOLDER}/", *WHY, "--yes")
    office.theirs("dispose", "approve", f"{FOLDER}/", "--yes")
    carry_out = ("dispose", "carry-out", f"{FOLDER}/", "--method", "wiped")
    out, said = office.run(*carry_out, typed="n\n", code=2)
    assert (out, closed(office)) == ("", 0)
    assert "the approvals stand" in said


def test_an_item_of_a_folder_that_nobody_asked_for_is_told_and_the_others_are_done(
    office: Office,
) -> None:
    office.run("dispose", "request", f"{FOLDER}/1", *WHY)
    out, _ = office.theirs("dispose", "approve", f"{FOLDER}/", "--yes", code=3)
    assert "approved for 1 item;" in out
    assert "not done for 3 items: nobody has requested the disposal of this item" in out
    carry_out = ("dispose", "carry-out", f"{FOLDER}/", "--method", "wiped", "--yes")
    value = json.loads(office.run("--json", *carry_out, code=3)[0])
    assert [one["answer"]["disposal"]["destroyed"] > 0 for one in value["items"]] == [True]
    assert len(value["refused"]) == 3


@pytest.mark.parametrize(
    ("command", "told"), [("hold", "are under no hold by that"), ("lift", "keep their holds")]
)
def test_a_hold_on_a_folder_says_that_its_files_are_under_none(
    office: Office, command: str, told: str
) -> None:
    """Whoever held the folder for an appeal took its files for kept."""
    office.run("record", "hold", FOLDER, "--name", "appeal")
    if command == "hold":
        office.run("record", "lift", FOLDER, "--name", "appeal")
    _, said = office.run("record", command, FOLDER, "--name", "appeal")
    assert f"3 parts of it, items of their own, {told}" in said
