"""Which seals somebody found on a thing they say themselves, and are asked: an acceptance that says
nothing of them states that there were none.
"""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.test_selections import Office, made, office  # noqa: F401  (fixtures)


@pytest.fixture
def thing(office: Office) -> str:
    """A thing with two seals, on offer to the colleague."""
    seals = ("--seal", "S-1", "--seal", "S-2")
    office.run("seize", "phone", *seals, "-c", "2026-117", "-e", "A3")
    office.run("handover", "offer", "2026-117/A3", "--to", "4712")
    return "2026-117/A3"


def holder(office: Office) -> str:
    listed = json.loads(office.run("--json", "list", "--case", "2026-117")[0])["items"]
    return str(next(one["holder"] for one in listed if one["kind"] == "thing"))


def test_who_takes_a_sealed_thing_is_asked_for_its_seals(office: Office, thing: str) -> None:
    """As the inbox prints the command, the answer "yes" stated that no seal was found."""
    _, said = office.theirs("handover", "accept", typed="S-1\nS-2\n\ny\n")
    assert "found    seals, as you say: S-1, S-2" in said
    assert holder(office) == office.who


@pytest.mark.parametrize("typed", ["\ny\n", "S-1\n\ny\n", None])
def test_who_found_other_seals_takes_nothing_and_is_told_both_ways_on(
    office: Office, thing: str, typed: str | None
) -> None:
    yes = () if typed else ("--yes",)
    _, said = office.theirs("handover", "accept", *yes, typed=typed, code=1)
    told = " ".join(said.replace("\\\n", "").split())
    assert "does not state the seals on record" in told
    [ways] = re.findall(r"say each seal that you found: (.*)", told)
    assert re.search(r"handover accept [0-9a-f]{8} --seal NUMBER; where", ways)
    assert re.search(r"handover decline [0-9a-f]{8} --reason WHAT", ways)
    assert holder(office) != office.who


def test_of_a_thing_without_seals_nobody_is_asked_for_any(office: Office) -> None:
    office.run("seize", "bag", "-c", "2026-117", "-e", "A4")
    office.run("handover", "offer", "2026-117/A4", "--to", "4712")
    _, said = office.theirs("handover", "accept", typed="y\n")
    assert "Number of a seal" not in said
    assert holder(office) == office.who


def test_what_all_leaves_is_told_with_the_command_that_takes_it(office: Office, thing: str) -> None:
    office.run("handover", "offer", "2026-117/A1", "--to", "4712")
    waits, _ = office.theirs("inbox", "--peek")
    [line] = [line for line in waits.splitlines() if line.startswith("all that is offered")]
    assert line.endswith(" handover accept --all")
    out, _ = office.theirs("handover", "accept", "--all", "--yes", code=3)
    [line] = [line for line in out.splitlines() if line.startswith("by itself: ")]
    office.theirs(*line[line.index("handover accept") :].split(), typed="S-1\nS-2\n\ny\n")
    assert holder(office) == office.who
