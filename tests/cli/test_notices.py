"""Commands about notices that leave somebody untold, or tell who should not be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.commands import within
from tests.support.mailing import mail_server


@pytest.fixture
def home(founded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded, tmp_path / "home"))


def test_somebody_is_set_to_be_told_tried_and_forgotten(home: Path) -> None:
    with mail_server() as server:
        way = ("--host", "localhost", "--port", server.port, "--tls", "none")
        code, out, said = within(
            "notices", "set", *way, "--from", "custody@police.example", home=home
        )
        assert code == 0, said
        assert "custody --home" in out
        assert within("notices", "add", "4711", "--to", "a@police.example", home=home)[0] == 0
        assert within("notices", "test", "4711", home=home)[0] == 0
    [(to, text)] = server.mails
    assert to == "a@police.example"
    assert "4711" not in text
    listed = json.loads(within("notices", "list", "--json", home=home)[1])
    assert [one["when"] for one in listed["people"]] == ["at once"]
    assert "none yet" in within("notices", "list", home=home)[1]
    code, _, said = within("notices", "test", "4711", home=home)
    assert (code, "could not be reached" in said) == (1, True), said
    assert within("notices", "remove", "4711", home=home)[0] == 0
    code, _, said = within("notices", "remove", "4711", home=home)
    assert (code, "is told nothing" in said) == (2, True)
    assert within("notices", "off", home=home)[0] == 0
    assert "mail server: none" in within("notices", "list", home=home)[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "4799", "--to", "a@police.example"), "names nobody who is active"),
        (("add", "4711", "--to", "a@police.example\nBcc: b@c.example"), "not an e-mail address"),
        (("set", "--host", "mail.example", "--from", "x", "--tls", "tls"), "not an e-mail address"),
        (("set", "--host", "m", "--from", "a@b.example", "--tls", "no"), "is no way to a mail"),
        (("set", "--host", "m", "--from", "a@b.example", "--tls", "none"), "on this machine alone"),
        (("test", "4711"), "has no address here"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_set(
    home: Path, words: tuple[str, ...], told: str
) -> None:
    code, _, said = within("notices", *words, home=home)
    assert code == 2
    assert told in said
    assert "mail server: none\nnobody is told" in within("notices", "list", home=home)[1]
