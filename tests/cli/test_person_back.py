"""Invitations taken back, second ones warned of, suspensions lifted, as they are typed."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.support.commands import within
from tests.support.desk import Desk
from tests.support.people import joined


@pytest.fixture
def home(governed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(governed, tmp_path / "home"))


@pytest.fixture(scope="session")
def governed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.integration.conftest import governed as made

    return made.__wrapped__(tmp_path_factory)  # type: ignore[attr-defined, no-any-return]


URL = ("--url", "https://custody.example")


def states(home: Path) -> list[str]:
    listed = json.loads(within("--json", "person", "list", home=home)[1])["people"]
    return sorted(f"{one['number']} {one['state']}" for one in listed)


def test_a_second_invitation_for_a_number_is_warned_of_and_the_first_taken_back(home: Path) -> None:
    """Whoever had found the first one joined in the place of the one who was invited again."""
    code, printed, said = within("person", "invite", "4799", *URL, home=home)
    assert (code, "invited before" in printed) == (0, False), said
    again = ("person", "invite", " 4799", *URL, "-o", "second.json")
    code, printed, said = within(*again, home=home)
    assert code == 0, said
    [back] = re.findall(r"4799 was invited before, on \d{4}-\d\d-\d\d, .*?: (custody .*)", printed)
    code, _, said = within("person", "revoke-invitation", "4799", home=home)
    assert (code, "2 invitations are for '4799'" in said) == (2, True), said
    code, printed, said = within(*shlex.split(back)[1:])
    assert (code, printed) == (0, "The invitation for 4799 is good no more.\n"), said
    assert states(home) == ["4711 active", "4799 invited"]
    assert within("person", "revoke-invitation", "4799", home=home)[0] == 0
    code, _, said = within("person", "revoke-invitation", "4799", home=home)
    assert (code, "no open invitation is for '4799'" in said) == (2, True), said


def test_whoever_is_enrolled_or_suspended_is_told_before_they_are_invited_once_more(
    home: Path, tmp_path: Path
) -> None:
    with Desk(home) as desk:
        clerk = joined(desk, tmp_path / "clerk", "officer", number="4712")
    code, printed, said = within("person", "invite", "4712", *URL, home=home)
    assert (code, "4712 is enrolled already, as" in printed) == (0, True), said
    assert within("person", "suspend", "4712", home=home)[0] == 0
    invite = ("person", "invite", "4712", *URL, "-o", "third.json")
    code, printed, said = within(*invite, home=home)
    [back] = re.findall(r"4712 is suspended. .*?: (custody .*)", printed)
    code, _, said = within(*shlex.split(back)[1:])
    assert (code, "say --yes with the command" in said) == (2, True), "nobody could be asked"
    code, printed, said = within(*shlex.split(back)[1:], typed="y\n")
    assert code == 0, said
    assert "number  4712" in said
    assert "They fetch it with: `custody person fetch`" in printed
    assert "4712 active" in states(home)
    assert clerk.pseudonym in printed
