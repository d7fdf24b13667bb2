"""Files of people and homes that hold something else: a clear error, whatever it is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.commands import within

DEAD = "http://127.0.0.1:9"
CONTENTS = {
    "empty": b"",
    "a list": b"[1]",
    "a number": b"7",
    "an empty object": b"{}",
    "deep": b"[" * 100_000,
    "no UTF-8": b"\xff\xfe\x00",
    "members of other types": b'{"v": [], "kind": {}, "server": 1, "manifest": 3, "url": []}',
    "a huge number": b'{"v": ' + b"9" * 5000 + b"}",
}
GIVEN = {
    "card of a guest": ["person", "admit", "{}"],
    "invitation": ["person", "enrol", "{}"],
    "cards of founders": [
        *("chain", "deploy", "--rpc", DEAD, "--founders", "{}", "--key", "{}", "-o", "{}.out"),
    ],
    "trust root": ["verify", "{}", "{}", "--trust", "{}"],
    "bundle to pin": ["trust", "--pin", "{}", "-o", "{}.out"],
    "profile": ["profile", "show", "{}.toml"],
    "passphrase": ["--passphrase-file", "{}", "list"],
    "backup keys": ["backup", "{}.backups", "--keys", "{}"],
    "state of an audit": [
        *("audit", "--log", DEAD, "--rpc", DEAD, "--trust", "{}", "--state", "{}"),
    ],
}
#: Files of a home, with a command that reads them.
OWN = {
    "home.json": ["list"],
    "client.json": ["list"],
    "keyring.json": ["list"],
    "server.json": ["person", "fetch"],
    "profile.toml": ["doctor"],
    "backups.json": ["status"],
    "workers.json": ["status"],
    "client/field/node.json": ["field", "status"],
    "founding.json": ["init", "--rpc", DEAD, "--trust", "{}"],
}


@pytest.fixture(scope="module")
def home(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(founded, tmp_path_factory.mktemp("strange") / "home"))


def judged(code: int, said: str) -> None:
    assert "internal error" not in said, said
    assert code in (1, 2, 3, 4), said
    assert "what to do: " in said


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("name", GIVEN)
def test_what_is_given_in_the_place_of_a_file_is_told_to_be_none(
    name: str, content: str, home: Path, tmp_path: Path
) -> None:
    """A file nested a hundred thousand deep, or with a list for an object, was a defect of ours."""
    place = tmp_path / "given"
    place.write_bytes(CONTENTS[content])
    (tmp_path / "given.toml").write_bytes(CONTENTS[content])
    place.chmod(0o600)
    code, _, said = within(*[one.format(place) for one in GIVEN[name]], home=home)
    judged(code, said)
    assert not (tmp_path / "given.out").exists()


@pytest.mark.parametrize("content", ["a list", "deep", "members of other types"])
@pytest.mark.parametrize("name", OWN)
def test_a_file_of_a_home_that_holds_something_else_is_no_defect(
    name: str, content: str, home_path: Path, tmp_path: Path
) -> None:
    place = home_path / name
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.write_bytes(CONTENTS[content])
    place.chmod(0o600)
    if name == "founding.json":
        os.unlink(home_path / "home.json")
    code, _, said = within(*[one.format(place) for one in OWN[name]], home=home_path)
    assert "internal error" not in said, said
    assert code in (0, 1, 2, 3, 4), said


def test_a_server_whose_name_is_no_text_is_no_address(home: Path) -> None:
    code, _, said = within("--server", "\udcff", "list", home=home)
    judged(code, said)


@pytest.mark.parametrize("command", [["status"], ["anchor"], ["list"], ["trust", "-o", "x"]])
def test_what_the_node_alone_knows_is_refused_without_network(
    command: list[str], home_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert within("field", "prepare", home=home_path)[0] == 0
    code, _, said = within("--offline", *command, home=home_path)
    judged(code, said)
    assert not (tmp_path / "x").exists()
