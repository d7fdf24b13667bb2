"""In which of several roles somebody signs: the least one that may, or the one that they name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.domain.identity.names import ROLES
from ledger.domain.identity.roles import LEAST_FIRST
from tests.support.commands import within


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody who is officer, examiner and custodian, with an item of theirs."""
    folder = tmp_path_factory.mktemp("acting")
    roles = ("officer", "examiner", "custodian", "administrator")
    given = [word for role in roles for word in ("--role", role)]
    done = within("init", "--agency", "NL-POL", "--person", "1", *given, home=folder / "home")
    assert done[0] == 0, done
    (folder / "photo.jpg").write_bytes(b"a photograph")
    assert within("upload", folder / "photo.jpg", "-e", "A1", home=folder / "home")[0] == 0
    return folder / "home"


def noted(home: Path, *options: str) -> tuple[int, str]:
    """The exit code of a preview of a note, and in which role it would be signed."""
    code, out, said = within(
        *options, "--preview", "note", "A1", "--text", "x", "--json", home=home
    )
    if code:
        return code, out + said
    [event] = json.loads(out)["preview"]
    return code, event["actor"]["role"]


def test_a_note_is_signed_in_the_least_role_that_may(home: Path) -> None:
    assert noted(home) == (0, "examiner")


@pytest.mark.parametrize("role", ["officer", "examiner", "custodian"])
def test_a_role_that_is_named_is_the_one_that_signs(home: Path, role: str) -> None:
    assert noted(home, "--as", role) == (0, role)


@pytest.mark.parametrize("role", ["court", "administrator"])
def test_a_role_that_is_not_held_or_may_not_record_it(home: Path, role: str) -> None:
    code, told = noted(home, "--as", role)
    assert code == 2
    assert f"as {role}" in told
    assert "custodian or examiner or officer" in told


def test_a_role_that_nobody_knows(home: Path) -> None:
    code, told = noted(home, "--as", "sheriff")
    assert (code, "no role is called 'sheriff'" in told) == (2, True)


def test_what_is_signed_says_the_role_that_was_named(home: Path) -> None:
    assert within("--as", "custodian", "note", "A1", "--text", "x", home=home)[0] == 0
    shown = json.loads(within("show", "A1", "--json", "--basis", "x", home=home)[1])
    [note] = [one for one in _objects(shown) if one.get("type") == "note" and "actor" in one]
    assert note["actor"]["role"] == "custodian"


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a JSON value."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value:
        if isinstance(one, dict | list):
            yield from _objects(one)


def test_the_order_names_every_role_once() -> None:
    assert len(LEAST_FIRST) == len(set(LEAST_FIRST))
    assert set(LEAST_FIRST) == set(ROLES)


@pytest.mark.parametrize("command", ["list", "status", "inbox"])
def test_a_role_for_a_command_that_signs_nothing_is_not_taken_without_effect(
    home: Path, command: str
) -> None:
    code, _, said = within("--as", "officer", command, home=home)
    assert (code, f"--as is not for {command}, which signs nothing" in said) == (2, True)


def test_a_list_that_signs_for_sealed_names_is_signed_in_the_role_that_is_named(
    home: Path,
) -> None:
    words = ("list", "--case", "2026-1", "--basis", "hearing")
    assert "--as is not for" not in within("--as", "officer", *words, home=home)[2]
