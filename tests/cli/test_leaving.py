"""Somebody leaves: who does which part, and that nothing is lost between them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import done
from tests.support.served_agency import ServedAgency, serving


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedAgency]:
    with serving(tmp_path_factory.mktemp("leaving")) as found:
        found.join("heir", number="4713")
        yield found


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(text: str) -> str:
    return " ".join(text.replace("\\\n", "").split())


def test_administrator_and_custodian_do_their_parts_and_each_names_the_others(
    agency: ServedAgency,
) -> None:
    number = agency.join("leaver")
    items = agency.upload("leaver", "a", "b")
    shown = agency.type("chief", "person", "leave", number, "--to", "4713", typed="y\n")
    assert f"Suspend {number}? [y/N]" in shown
    [theirs] = re.findall(
        r"A custodian \(4711, 4801\) hands their 2 items over: `(.*)`", told(shown)
    )
    agency.type("leaver", "list", code=1)
    shown = agency.type("keeper", *shlex.split(theirs)[1:], typed="y\n")
    assert "Offer 2 items to 4713? [y/N]" in shown
    assert "2 items offered to 4713." in shown
    agency.type("heir", "handover", "accept", "--all", "--yes")
    assert agency.holders(items) == {agency.pseudonym("heir")}
    shown = agency.type("node", "person", "leave", number)
    assert f"{number} is suspended, and holds nothing." in shown


def test_a_custodian_who_comes_first_is_told_that_whoever_leaves_can_still_log_in(
    agency: ServedAgency,
) -> None:
    number = agency.join("first")
    agency.upload("first", "a")
    shown = agency.type("keeper", "person", "leave", number, "--to", "4713", "--yes")
    [again] = re.findall(r"An administrator suspends them: `(.*)`", told(shown))
    shown = agency.type("chief", *shlex.split(again)[1:], "--yes")
    assert "is suspended from now on" in shown
    assert "1 item is on offer to them already" in shown


def test_one_who_is_both_does_both_after_one_question_and_all_enrolments_end(
    agency: ServedAgency,
) -> None:
    number = agency.join("twice")
    agency.upload("twice", "a")
    agency.join("again", number=number)
    agency.upload("again", "b")
    refused = agency.type("node", "person", "leave", number, "--to", "4713", typed="n\n", code=2)
    assert f"Suspend {number}, and offer 2 items to 4713? [y/N]" in told(refused)
    assert set(agency.states(number).values()) == {"active"}
    value = agency.json("node", "person", "leave", number, "--to", "4713", "--yes")
    assert (len(value["suspended"]), len(value["items"])) == (2, 2)
    assert set(agency.states(number).values()) == {"suspended"}


def test_nobody_is_suspended_where_what_they_hold_could_go_to_nobody(
    agency: ServedAgency,
) -> None:
    number = agency.join("held")
    agency.upload("held", "a")
    gone = agency.join("gone")
    agency.type("chief", "person", "leave", gone, "--yes")
    before = agency.events()
    for to, code, words in (
        (number, 2, "is who leaves"),
        ("4711", 2, "nobody hands over to themselves"),
        (gone, 1, "nobody under that reference is active here"),
        ("4719", 2, "names nobody"),
    ):
        said = agency.type("node", "person", "leave", number, "--to", to, "--yes", code=code)
        assert words in told(said)
    said = agency.type("node", "person", "leave", number, "--yes", code=2)
    assert "holds items, which somebody takes over" in said
    assert set(agency.states(number).values()) == {"active"}
    assert agency.events() == before


def test_what_was_on_offer_to_whoever_left_is_told_with_how_it_is_taken_back(
    agency: ServedAgency,
) -> None:
    number = agency.join("asked")
    [item] = agency.upload("heir", "a")
    agency.type("heir", "handover", "offer", item, "--to", number, "--basis", "x")
    shown = agency.type("chief", "person", "leave", number, "--yes")
    assert "a custodian takes it back: `custody handover withdraw" in shown
    shown = agency.type("node", "person", "leave", number, "--yes")
    assert "1 item was offered to the old keys" in shown
    [back] = re.findall(r"take it back: (custody .*--reason) WHY", shown)
    done(agency.home("node"), *shlex.split(back)[1:], "gone")
    assert agency.holders([item]) == {agency.pseudonym("heir")}


def test_an_administrator_who_leaves_is_suspended_by_another_one(agency: ServedAgency) -> None:
    shown = agency.type("node", "person", "leave", "4711", "--to", "4713", "--yes")
    assert "They can still log in. An administrator suspends them:" in told(shown)
    assert agency.states("4711").popitem()[1] == "active"


def test_open_cases_of_whoever_leaves_are_told_with_how_somebody_else_gets_them(
    agency: ServedAgency,
) -> None:
    """A case is handed to nobody: before, whoever led some was said to hold nothing."""
    number = agency.join("leads")
    agency.type("leads", "case", "open", "2026-5")
    shown = told(agency.type("chief", "person", "leave", number, "--yes"))
    [case] = re.findall(r"1 open case stays with them: (case:[0-9a-f]{8})", shown)
    assert f"`custody case assign {case} --to NUMBER`, by a custodian" in shown
    shown = told(agency.type("node", "person", "leave", number))
    assert f"case assign {case} --to NUMBER" in shown
    assert "holds nothing" not in shown
    agency.type("keeper", "case", "assign", case, "--to", "4713")
    assert case in agency.type("heir", "case", "list")
