"""The first person of a home can let colleagues in, and each of them works within three commands."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from ledger.adapters.keystore import desktop
from ledger.app import create_home
from tests.cli.test_person import OTHER, served  # noqa: F401
from tests.support.commands import begun, custody, within
from tests.support.samples import profile_apart


def whole(said: str) -> str:
    """What was said, as long as the terminal were wide enough."""
    return " ".join(said.replace("\\\n", "").split())


LONG: Final = "a long passphrase"
INVITATION: Final = json.dumps(
    {
        "v": 1,
        "server": "http://127.0.0.1:9",
        "agency": "NL-POL",
        "log": "l",
        "descriptor": "d",
        "code": "c",
        "expires": "e",
    }
)


def test_the_first_person_of_a_home_lets_a_colleague_in_by_three_commands(
    served: Path,
    tmp_path: Path,
) -> None:
    mine = tmp_path / "mine"
    told = custody("person", "invite", "4712", home=served, folder=tmp_path).stdout
    assert "custody person enrol invitation-4712.json" in told
    assert "person approve 4712" in told
    assert "is reached from this machine alone" in told
    joining = ("person", "enrol", "invitation-4712.json", "--wait")
    with begun(*joining, home=mine, environment=OTHER, folder=tmp_path) as colleague:
        assert colleague.stderr is not None
        lines = [colleague.stderr.readline() for _ in range(5)]
        fingerprint = lines[3].strip()
        assert re.fullmatch(r"(?:[0-9a-f]{4} ?){4}", fingerprint), lines
        blind = custody("person", "approve", "4712", home=served, code=2).stderr
        assert "give the one that you heard" in blind
        assert "--yes" not in blind
        custody("person", "approve", "4712", "--fingerprint", fingerprint, home=served)
        out, _ = colleague.communicate(timeout=60)
    assert colleague.returncode == 0
    assert "You are enrolled at NL-POL" in out
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(os.urandom(999))
    custody("upload", photo, home=mine, environment=OTHER)


def test_the_first_person_is_officer_custodian_and_administrator_and_is_told_so(
    tmp_path: Path,
) -> None:
    code, out, _ = within("init", "--agency", "NL-POL", "--person", "4711", home=tmp_path / "home")
    assert code == 0
    assert "(officer, custodian, administrator)" in out
    assert "you can invite colleagues" in out


def test_a_home_that_was_founded_without_an_administrator_gets_one(tmp_path: Path) -> None:
    """`person list` and `invite` were refused for ever."""
    home = tmp_path / "home"
    given = ("--agency", "NL-POL", "--person", "4711", "--role", "officer")
    code, out, _ = within("init", *given, home=home)
    assert code == 0
    code, _, said = within("person", "list", home=home)
    assert code == 1
    assert "nobody here has it" in said
    assert "--role administrator --role ROLE --at-home" in said
    told = out[out.index("custody --home") :].splitlines()[0]
    code, _, said = within(*shlex.split(told)[1:])
    assert code == 0, said
    assert within("person", "list", home=home)[0] == 0


def test_where_the_profile_wants_them_apart_both_numbers_are_asked_for(tmp_path: Path) -> None:
    profile, home = profile_apart(tmp_path), tmp_path / "home"
    given = ("init", "--agency", "NL-POL", "--person", "4711", "--profile", profile)
    code, _, said = within(*given, home=home)
    assert (code, "--administrator OTHER-NUMBER" in said, home.exists()) == (2, True, False)
    code, _, said = within(*given, "--role", "officer", "--role", "administrator", home=home)
    assert (code, "wants the administrator apart" in said) == (1, True)
    code, _, said = within(*given, "--administrator", " 4711", home=home)
    assert (code, "have one service number" in said) == (2, True)
    code, out, said = within(*given, home=home, typed="9001\n")
    assert code == 0, said
    assert "wants the administrator to be somebody else than 4711" in said
    assert "person invite 4711 --role officer --role custodian" in out
    people = json.loads(within("person", "list", "--json", home=home)[1])["people"]
    assert [(one["number"], one["roles"]) for one in people] == [("9001", ["administrator"])]


def test_agency_and_number_are_asked_for_at_a_terminal(tmp_path: Path) -> None:
    code, out, said = within("init", home=tmp_path / "home", typed="NL-POL\n4711\n")
    assert code == 0, said
    assert "Home of NL-POL created" in out


def test_a_short_new_passphrase_is_refused_wherever_one_is_chosen_and_makes_nothing(
    served: Path,
    tmp_path: Path,
) -> None:
    """`custody init` took "no"."""
    home, mine, short = tmp_path / "home", tmp_path / "mine", tmp_path / "short"
    founding = ("init", "--agency", "NL-POL", "--person", "4711")
    custody("person", "invite", "4731", home=served, folder=tmp_path)
    shared = ("--url", "https://custody.example", "--card", tmp_path / "card.json")
    for words, folder in (
        (founding, home),
        ((*founding, *shared), home),
        (("person", "enrol", tmp_path / "invitation-4731.json"), mine),
    ):
        code, _, said = within(*words, home=folder, passphrase="eleven char")
        assert code == 2
        told = whole(said)
        assert "at least 12 characters, and this one has 11: nothing was made" in told
        assert "words that have nothing in common" in told
        assert not folder.exists()
    short.write_text("\u00e4" * 11)  # characters, not bytes
    code, _, said = within("--passphrase-file", short, *founding, home=home, passphrase=None)
    assert (code, "this one has 11" in said, home.exists()) == (2, True, False)
    assert not (tmp_path / "card.json").exists()
    assert within(*founding, home=home, passphrase="\u00e4" * 12)[0] == 0


def test_a_short_passphrase_that_was_chosen_before_goes_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    create_home.found(home, agency="NL-POL", person="1", roles=["officer"], passphrase=b"short")
    assert within("list", home=home, passphrase="short")[0] == 0


def test_whoever_chooses_a_passphrase_is_told_what_of_and_asked_again_until_it_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, typed = list[str](), ["short", LONG, "another than that", LONG, LONG]

    def unseen(prompt: str) -> str:
        asked.append(prompt)
        return typed.pop(0)

    monkeypatch.setattr("getpass.getpass", unseen)
    home = tmp_path / "home"
    given = ("init", "--agency", "NL-POL", "--person", "4711")
    code, _, said = within(*given, home=home, typed="", passphrase=None)
    told = whole(said)
    assert code == 0, said
    assert f"Choose a passphrase for the keys in {home}" in told
    assert "Nobody can recover it" in told
    assert "You type it twice" in told
    assert "at least 12 characters, and this one has 5; once more" in told
    assert "what was entered differs; once more" in told
    first, again = "New passphrase: ", "The same once more: "
    assert asked == [first, first, again, first, again]
    assert within("list", home=home, passphrase=LONG)[0] == 0


def test_a_home_that_is_there_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    home, invitation = tmp_path / "home", tmp_path / "invitation.json"
    given = ("--agency", "NL-POL", "--person", "4711")
    assert within("init", *given, home=home)[0] == 0
    invitation.write_text(INVITATION)
    for words in (("init",), ("person", "enrol", invitation)):
        code, out, said = within(*words, home=home, typed="", passphrase=None)
        told = whole(said)
        assert (code, out) == (2, "")
        assert f"{home} is a home already: nothing was made" in told
        assert f"work in it: custody --home {home} status; or choose another folder" in told
        assert "Agency code" not in said
        assert "passphrase" not in said
    code, _, said = within(
        "restore", "backups", "--keys", "keys.json", home=home, typed="", passphrase=None
    )
    assert (code, "is not empty" in whole(said), "passphrase" in said) == (2, True, False)


def test_the_key_store_is_told_of_where_there_is_one_and_somebody_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getpass", lambda _: LONG)
    given = ("init", "--agency", "NL-POL", "--person", "4711")
    for name, there, passphrase in (
        ("typed", True, None),
        ("without", False, None),
        ("from the environment", True, LONG),
    ):
        monkeypatch.setattr(desktop, "is_there", lambda there=there: there)
        home = tmp_path / name
        code, out, said = within(*given, home=home, typed="", passphrase=passphrase)
        assert code == 0, said
        assert ("home keep-passphrase" in out) == (name == "typed"), name


def test_whoever_has_no_home_is_told_both_ways_to_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    code, _, said = within("list")
    told = whole(said)
    assert code == 2
    assert "sent you an invitation: custody person enrol INVITATION;" in told
    assert "custody init --agency CODE --person NUMBER" in told
    assert "4711" not in told


def test_an_existing_home_and_a_wrong_agency_code_are_told_before_anything_else_is_asked(
    tmp_path: Path,
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "something").touch()
    code, _, said = within("init", home=tmp_path / "home", typed="NL-POL\n4711\n")
    assert (code, "is not empty" in whole(said), "Agency code" in said) == (2, True, False), said
    code, _, said = within("init", home=tmp_path / "new", typed="Netherlands\n4711\n")
    assert code == 2
    assert "agency code: expected a country and a short name" in said


def test_whoever_hands_over_to_somebody_who_did_not_join_yet_is_told_how_they_do(
    served: Path, tmp_path: Path
) -> None:
    """The same was said of somebody who was not invited, who was, and who waited to be let in."""

    def offered() -> str:
        words = ("handover", "offer", "2026-117/A1", "--to", "4788")
        return whole(custody(*words, home=served, folder=tmp_path, code=2).stderr)

    (tmp_path / "thing").write_text("x")
    custody("upload", "thing", "-c", "2026-117", "-e", "A1", home=served, folder=tmp_path)
    assert "person invite NUMBER" in offered()
    custody("person", "invite", "4788", home=served, folder=tmp_path)
    assert "4788 was invited to NL-POL, and has not joined yet" in offered()
    words = ("--home", tmp_path / "theirs", "person", "enrol", "invitation-4788.json")
    custody(*words, "--no-wait", folder=tmp_path, environment=OTHER, code=None)
    said = offered()
    assert "4788 asks to join NL-POL, and was not let in yet" in said
    assert "person approve 4788" in said
