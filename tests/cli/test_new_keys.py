"""Somebody lost their keys: what could go wrong until they work with new ones, on homes of their own
against a node that serves.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.node.recording import RecordingNode
from ledger.domain.errors import NetworkError
from tests.support.commands import done, within
from tests.support.served_agency import ServedAgency, serving


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedAgency]:
    with serving(tmp_path_factory.mktemp("new-keys")) as found:
        yield found


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Officer:
    """Somebody who lost the laptop on which they recorded two files."""

    def __init__(self, agency: ServedAgency) -> None:
        self.agency = agency
        self.name = f"officer-{next(agency.number)}"
        self.number = agency.join(self.name)
        self.old = agency.pseudonym(self.name)
        self.items = agency.upload(self.name, "a", "b")

    def invited(self, who: str = "chief", *more: str) -> Path:
        self.agency.type(who, "person", "replace", self.number, "--yes", *more)
        return Path(f"invitation-{self.number}.json").absolute()

    def asked(self, name: str, who: str = "chief", *more: str) -> str:
        """New keys ask to join; their fingerprint."""
        return self.agency.enrol(name, self.invited(who, *more))

    def back(self, name: str, who: str = "chief") -> str:
        """They have new keys; the fingerprint."""
        fingerprint = self.asked(name, who)
        self.replace(who, fingerprint)
        self.agency.enrol(name, Path(f"invitation-{self.number}.json").absolute())
        return fingerprint

    def replace(self, who: str, fingerprint: str, *, code: int = 0) -> str:
        words = ("person", "replace", self.number, "--yes", "--fingerprint", fingerprint)
        return self.agency.type(who, *words, code=code)


@pytest.fixture
def officer(agency: ServedAgency) -> Officer:
    return Officer(agency)


def test_somebody_with_new_keys_holds_what_they_held_and_every_step_says_who_goes_on(
    agency: ServedAgency, officer: Officer, here: Path
) -> None:
    shown = agency.type("chief", "person", "replace", officer.number, typed="y\n")
    assert "then     a custodian offers 2 items to the new keys" in shown
    assert f"Suspend these keys, and invite {officer.number} anew? [y/N]" in shown
    fingerprint = agency.enrol("anew", here / f"invitation-{officer.number}.json")
    shown = agency.type("chief", "person", "replace", officer.number, typed="y\n")
    assert f"fingerprint  {fingerprint}" in shown
    assert f"custody person replace {officer.number}" in shown
    assert "A custodian (4711, 4801) offers their 2 items to the new keys" in shown
    agency.enrol("anew", here / f"invitation-{officer.number}.json")
    shown = agency.type("keeper", "person", "replace", officer.number, typed="y\n")
    assert f"fingerprint  {fingerprint}" in shown
    assert "Did they read you this fingerprint, and shall 2 items go to these keys?" in " ".join(
        shown.replace("\\\n", "").split()
    )
    assert "2 items offered to the new keys." in shown
    assert fingerprint in agency.type("anew", "person", "fetch")
    agency.type("anew", "handover", "accept", "--all", "--yes")
    assert agency.holders(officer.items) == {agency.pseudonym("anew")}
    agency.type("anew", "get", officer.items[0], "-o", "back.txt", "--basis", "x")
    assert (here / "back.txt").read_text() == "a"
    for who in ("keeper", "chief"):
        assert "holds nothing under old keys" in agency.type(
            who, "person", "replace", officer.number
        )


def test_an_accomplice_whom_an_administrator_lets_in_under_somebodys_number_gets_nothing(
    agency: ServedAgency, officer: Officer
) -> None:
    """An administrator alone suspends, invites and approves. What the old keys held stays until a
    custodian has compared the fingerprint with the person.
    """
    own = agency.enrol("own", officer.invited())
    [invitation] = [
        key for key, state in agency.states(officer.number).items() if state != "suspended"
    ]
    agency.type("chief", "person", "revoke-invitation", invitation)
    Path(f"invitation-{officer.number}.json").unlink()
    accomplice = officer.asked("accomplice")
    officer.replace("chief", accomplice)
    agency.enrol("accomplice", Path(f"invitation-{officer.number}.json").absolute())
    assert agency.json("accomplice", "list")["items"] == []
    before = agency.events()
    said = officer.replace("keeper", own, code=1)
    assert f"the node shows the fingerprint {accomplice}, expected {own}" in said
    said = agency.type("keeper", "person", "replace", officer.number, typed="n\n", code=2)
    assert f"fingerprint  {accomplice}" in said
    said = agency.type("keeper", "person", "replace", officer.number, "--yes", code=2)
    assert "nobody was asked whether" in said
    assert agency.events() == before, "not even a reading was signed"
    assert agency.holders(officer.items) == {officer.old}


def test_a_node_that_names_other_keys_for_a_person_is_sealed_nothing(
    agency: ServedAgency, officer: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprint = officer.back("victim")
    ask, before = RecordingNode.person_key, agency.events()
    chief = agency.pseudonym("chief")

    def swapped(node: RecordingNode, reference: str) -> Any:
        return replace(ask(node, reference), key=ask(node, chief).key)

    def uncertified(node: RecordingNode, reference: str) -> Any:
        return replace(ask(node, reference), certificate=None)

    def anothers(node: RecordingNode, reference: str) -> Any:
        return replace(ask(node, reference), certificate=ask(node, chief).certificate)

    for lie, told in (
        (swapped, "the node shows the fingerprint"),
        (uncertified, "no certificate of the person"),
        (anothers, "the certificate of somebody else"),
    ):
        monkeypatch.setattr(RecordingNode, "person_key", lie)
        assert told in officer.replace("keeper", fingerprint, code=1)
    assert agency.events() == before


def test_nothing_is_offered_before_the_old_keys_are_suspended_and_the_new_ones_let_in(
    agency: ServedAgency, officer: Officer
) -> None:
    before = agency.events()
    said = officer.replace("keeper", "0000 0000 0000 0000", code=2)
    assert f"the keys of {officer.old} are not suspended" in said
    assert f"`custody person replace {officer.number}`" in said
    invitation = officer.invited()
    assert "has not joined anew" in officer.replace("keeper", "0000 0000 0000 0000", code=2)
    fingerprint = agency.enrol("waiting", invitation)
    assert "has not joined anew" in officer.replace("keeper", fingerprint, code=2)
    assert agency.events() == before
    said = officer.replace("chief", "0000 0000 0000 0000", code=1)
    assert f"the node shows the fingerprint {fingerprint}" in said
    said = agency.type("chief", "person", "replace", officer.number, "--yes", code=2)
    assert "nobody was asked whether" in said, "--yes is no comparison"
    assert sorted(agency.states(officer.number).values()) == ["requested", "suspended"]


def test_keys_that_were_let_in_are_not_suspended_by_typing_the_command_again(
    agency: ServedAgency, officer: Officer
) -> None:
    """Replaced twice: by the number nothing happens any more, by the pseudonym it does, and what
    was never accepted in between follows as well.
    """
    first = officer.back("first")
    officer.replace("keeper", first)
    agency.type("first", "handover", "accept", officer.items[0], "--yes")
    for who in ("chief", "node"):
        shown = officer.replace(who, first)
        assert sorted(agency.states(officer.number).values()) == ["active", "suspended"], shown
    Path(f"invitation-{officer.number}.json").unlink()
    middle = agency.pseudonym("first")
    agency.type("chief", "person", "replace", middle, "--yes")
    assert agency.states(officer.number)[middle] == "suspended"
    invitation = Path(f"invitation-{officer.number}.json").absolute()
    third = agency.enrol("third", invitation)
    officer.replace("chief", third)
    agency.enrol("third", invitation)
    shown = officer.replace("keeper", third)
    assert "1 item offered to the new keys." in shown
    assert "1 item was offered to the old keys" in shown
    [back] = re.findall(r"take it back: (custody .*--reason) WHY", shown)
    assert within(*shlex.split(back)[1:], "lost", home=agency.home("keeper"))[0] == 0
    assert "1 item offered to the new keys." in officer.replace("keeper", third)
    agency.type("third", "handover", "accept", "--all", "--yes")
    assert agency.holders(officer.items) == {agency.pseudonym("third")}


def test_a_run_that_ends_between_suspension_and_invitation_goes_on_with_the_invitation(
    agency: ServedAgency, officer: Officer, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any, **__: Any) -> Any:
        raise NetworkError("the node did not answer")

    with monkeypatch.context() as patched:
        patched.setattr(RecordingNode, "invite", gone)
        shown = agency.type("chief", "person", "replace", officer.number, "--yes", code=1)
    assert f"{officer.old} is suspended from now on" in shown, "what was done is told"
    assert "the node did not answer" in shown
    assert list(here.iterdir()) == [], "and no file is left of what was not"
    shown = agency.type("chief", "person", "replace", officer.number, typed="y\n")
    assert f"They are suspended. Go on, and invite {officer.number} anew?" in shown
    assert (here / f"invitation-{officer.number}.json").exists()
    [invited] = [one for one in agency.states(officer.number).values() if one != "suspended"]
    assert invited == "invited"
    listed = agency.json("node", "person", "list")["people"]
    assert {tuple(one["roles"]) for one in listed if one["number"] == officer.number} == {
        ("officer",)
    }


def test_nobody_is_suspended_where_the_invitation_could_not_be_written_or_reached(
    agency: ServedAgency, officer: Officer, here: Path
) -> None:
    taken = here / f"invitation-{officer.number}.json"
    taken.write_text("another one")
    said = agency.type(
        "node", "person", "replace", officer.number, "-o", taken, typed="y\n", code=2
    )
    assert "exists already" in said
    assert "suspend  " not in said, "it is told before anything is shown"
    assert list(agency.states(officer.number).values()) == ["active"]
    taken.unlink()
    said = agency.type("node", "person", "replace", officer.number, typed="n\n", code=2)
    assert list(agency.states(officer.number).values()) == ["active"], said
    assert list(here.iterdir()) == []


def test_an_old_invitation_that_still_lies_there_stops_nobody(
    agency: ServedAgency, officer: Officer, here: Path
) -> None:
    taken = here / f"invitation-{officer.number}.json"
    taken.write_text("an old one")
    said = agency.type("node", "person", "replace", officer.number, "--yes")
    beside = here / f"invitation-{officer.number}-2.json"
    assert f"Invitation written to {beside.name}" in said
    assert beside.exists()
    assert taken.read_text() == "an old one"


def test_a_preview_shows_what_would_be_done_and_does_nothing(
    agency: ServedAgency, officer: Officer, here: Path
) -> None:
    before = agency.events()
    shown = agency.type("node", "--preview", "person", "replace", officer.number)
    assert f"suspend  {officer.old}" in shown
    shown = agency.type("node", "--preview", "person", "leave", officer.number, "--to", "4801")
    assert "offer    2 items to 4801" in shown
    said = agency.type("node", "--preview", "person", "suspend", officer.number, code=2)
    assert "--preview is not for person" in said
    assert list(agency.states(officer.number).values()) == ["active"]
    fingerprint = officer.asked("previewed", "node")
    shown = agency.type("node", "--preview", "person", "replace", officer.number)
    assert f"approve  {officer.number}, who asks with {fingerprint}" in shown
    assert "active" not in agency.states(officer.number).values()
    officer.replace("chief", fingerprint)
    shown = agency.type("keeper", "--preview", "person", "replace", officer.number)
    assert "This would be signed and recorded; nothing was:" in shown
    assert agency.events() == before


def test_the_old_keys_open_nothing_and_do_not_join_by_the_new_invitation(
    agency: ServedAgency, officer: Officer
) -> None:
    """Whoever found the laptop, or the former person on it."""
    invitation = officer.invited()
    for words in (
        ("list",),
        ("person", "fetch"),
        ("get", officer.items[0], "-o", "x", "--basis", "x"),
        ("handover", "accept", "--all", "--yes"),
    ):
        agency.type(officer.name, *words, code=1)
    said = agency.type(officer.name, "person", "enrol", invitation, code=1)
    assert "these keys are enrolled here already" in said
    assert sorted(agency.states(officer.number).values()) == ["invited", "suspended"]


def test_what_was_shared_with_the_lost_keys_is_told(
    agency: ServedAgency, officer: Officer, here: Path
) -> None:
    """Whoever has the laptop, and the passphrase, opened more than what its owner held."""
    other = agency.join("sharing")
    theirs = agency.upload("sharing", *(f"theirs {number}" for number in range(7)))
    for one in theirs:
        agency.type("keeper", "share", one, "--with", officer.number, "--basis", "x", "--yes")
    shown = agency.type("chief", "person", "replace", officer.number, typed="y\n")
    told = " ".join(shown.replace("\\", "").split())
    assert "7 items were shared with the old keys, which open them:" in told
    assert "and 2 more" in told
    agency.enrol("shared", here / f"invitation-{officer.number}.json")
    agency.type("chief", "person", "approve", officer.number, "--yes")
    agency.enrol("shared", here / f"invitation-{officer.number}.json")
    agency.type("keeper", "share", theirs[0], "--with", officer.number, "--basis", "x", "--yes")
    words = ("person", "replace", officer.number)
    value = agency.json("chief", *words)
    assert sorted(value["sharedWithOldKeys"]) == sorted(theirs[1:])
    assert other != officer.number


def test_items_of_others_and_what_was_given_away_stay_where_they_are(
    agency: ServedAgency, officer: Officer
) -> None:
    other = agency.join("other")
    theirs = agency.upload("other", "theirs")
    given = officer.items[1]
    agency.type(officer.name, "handover", "offer", given, "--to", other, "--basis", "x")
    agency.type("other", "handover", "accept", given, "--yes")
    before = agency.events()
    fingerprint = officer.back("spared", "node")
    officer.replace("node", fingerprint)
    agency.type("spared", "handover", "accept", "--all", "--yes")
    after = agency.events()
    assert {urn for urn in after if after[urn] != before[urn]} == {officer.items[0]}
    assert agency.holders([given, *theirs]) == {agency.pseudonym("other")}


def test_a_thing_under_seal_follows_with_the_seals_that_are_found_on_it(
    agency: ServedAgency,
) -> None:
    officer = Officer(agency)
    agency.type(officer.name, "seize", "a knife", "--seal", "S-1")
    [knife] = [
        urn
        for urn, one in agency.items().items()
        if one["holder"] == officer.old and one["kind"] == "thing"
    ]
    fingerprint = officer.back("sealed")
    assert "3 items offered" in officer.replace("keeper", fingerprint)
    agency.type("sealed", "handover", "accept", knife, "--seal", "S-1", "--yes")
    assert agency.holders([knife]) == {agency.pseudonym("sealed")}


def test_what_is_on_offer_to_somebody_else_is_told_and_not_offered_twice(
    agency: ServedAgency, officer: Officer
) -> None:
    offer = ("handover", "offer", officer.items[0], "--to", "4711", "--basis", "x")
    agency.type(officer.name, *offer)
    fingerprint = officer.back("patient")
    shown = officer.replace("keeper", fingerprint)
    assert "1 item offered to the new keys." in shown
    assert "1 item is on offer to somebody else, who answers first" in shown
    shown = officer.replace("keeper", fingerprint)
    assert "1 item is on offer to them already" in shown
    agency.type("node", "handover", "decline", officer.items[0], "--reason", "x", "--yes")
    assert "1 item offered to the new keys." in officer.replace("keeper", fingerprint)


def test_a_theft_is_said_for_keys_that_are_suspended_now_and_for_no_others(
    agency: ServedAgency, officer: Officer
) -> None:
    since = ("--since", "2026-11-20T10:00:00Z")
    words = ("person", "replace", officer.number, *since)
    agency.type("chief", *words, code=2)
    assert list(agency.states(officer.number).values()) == ["active"], "it takes a yes"
    officer.invited()
    said = agency.type("chief", *words, "--yes", code=2)
    assert "--since is for keys that are suspended now" in said


def test_nobody_but_administrators_and_custodians_replaces_keys_or_lets_somebody_leave(
    agency: ServedAgency, officer: Officer
) -> None:
    agency.join("clerk")
    for words in (("replace", officer.number), ("leave", officer.number, "--to", "4801")):
        said = agency.type("clerk", "person", *words, "--yes", code=1)
        assert "ask a colleague who has it: 4711 (custodian)" in said
    own = ("person", "replace", "9001", "--yes", "-o", "own.json")
    assert "nobody suspends themselves" in agency.type("chief", *own, code=1)
    assert not Path("own.json").exists()
    said = agency.type("chief", "person", "replace", "4719", "--yes", code=2)
    assert "names nobody who is or was enrolled" in said


def test_an_invitation_that_nobody_has_is_taken_back_and_another_one_made(
    agency: ServedAgency, officer: Officer
) -> None:
    officer.invited().unlink()
    shown = agency.type("chief", "person", "replace", officer.number)
    [back] = re.findall(r"take it back, then go on here: (custody .*)", shown)
    done(agency.home("chief"), *shlex.split(back)[1:])
    assert officer.asked("found")
