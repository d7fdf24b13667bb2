"""custody stamp: whom a home asks for the time, at a real authority."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import within
from tests.support.time_authority import POLICY, OpensslAuthority, Served, served


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(OpensslAuthority(tmp_path_factory.mktemp("authority") / "here")) as state:
        yield state


@pytest.fixture
def home(founded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded, tmp_path / "home"))


def _add(home: Path, asked: Served, *more: str) -> tuple[int, str, str]:
    roots = asked.authority.folder / "roots.pem"
    return within("stamp", "add", "example", asked.url, "--roots", roots, *more, home=home)


def test_an_authority_is_added_asked_shown_and_forgotten(
    home: Path, asked: Served, tmp_path: Path
) -> None:
    code, printed, _ = within("status", home=home)
    assert "anchored by nobody but NL-POL itself" in printed
    assert "stamp add NAME URL --roots FILE" in printed
    code, _, said = within("stamp", "now", home=home)
    assert (code, "asks no time authority" in said) == (2, True)
    code, printed, said = _add(home, asked)
    assert code == 0, said
    assert POLICY in printed
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"photo")
    assert within("upload", photo, "--case", "1", "--exhibit", "A", home=home)[0] == 0
    assert within("anchor", home=home)[0] == 0
    assert "stamp now" in within("stamp", "status", home=home)[1]
    code, printed, said = within("stamp", "now", home=home)
    assert code == 0, said
    assert "example saw" in printed
    assert "already" in within("stamp", "now", home=home)[1]
    assert "example" in within("stamp", "list", home=home)[1]
    code, printed, _ = within("status", home=home)
    assert "nobody but" not in printed
    assert "1 time stamp" in printed
    left = tmp_path / "b.bundle"
    assert within("bundle", "1/A", "-o", left, "--basis", "court", home=home)[0] == 0
    trust = tmp_path / "trust.json"
    code, printed, _ = within("trust", "-o", trust, home=home)
    assert "with time authority example:" in printed
    code, printed, said = within("verify", left, "--trust", trust, home=home)
    assert code == 0, printed + said
    assert "example saw it no later than" in " ".join(printed.split())
    assert within("stamp", "remove", "example", home=home)[0] == 0
    assert within("stamp", "remove", "example", home=home)[0] == 2


def test_whoever_is_asked_at_a_terminal_names_an_authority_or_goes_on(
    asked: Served, tmp_path: Path
) -> None:
    code, _, said = within("init", home=tmp_path / "none", typed="NL-POL\n4711\n\n")
    assert code == 0, said
    assert "one hash of each checkpoint" in " ".join(said.split())
    roots = asked.authority.folder / "roots.pem"
    typed = f"NL-POL\n4711\n{asked.url}\n{roots}\n"
    code, _, said = within("init", home=tmp_path / "one", typed=typed)
    assert (code, "127.0.0.1 is asked" in said) == (0, True), said
    assert "127.0.0.1" in within("stamp", "status", home=tmp_path / "one")[1]
    wrong = f"NL-POL\n4711\n{asked.url}\n{tmp_path / 'nothing'}\n"
    code, _, said = within("init", home=tmp_path / "wrong", typed=wrong)
    assert (code, "it is not asked" in said) == (0, True), said
    given = ("--agency", "NL-POL", "--person", "4711")
    code, _, said = within("init", *given, home=tmp_path / "said", typed="")
    assert (code, "time authority" in said) == (0, False), said


def test_one_that_cannot_be_held_against_its_roots_is_not_added(
    home: Path, asked: Served, tmp_path: Path
) -> None:
    other = OpensslAuthority(tmp_path / "other")
    words = ("stamp", "add", "example", asked.url, "--roots", other.folder / "roots.pem")
    code, _, said = within(*words, home=home)
    assert (code, "leads to no time authority" in said) == (1, True)
    code, _, said = within(*words[:-1], asked.authority.folder / "signer.pem", home=home)
    assert "may not issue certificates" in said
    code, _, said = _add(home, asked, "--policy", "1.2.3")
    assert "which does not count" in said
    asked.habit = "down"
    try:
        code, _, said = _add(home, asked)
        assert (code, "503" in said) == (1, True)
    finally:
        asked.habit = ""
    assert json.loads((home / "home.json").read_text()).get("time_authorities") in (None, [])


def test_a_distrusted_authority_stands_in_trust_roots_with_the_time(
    home: Path, asked: Served, tmp_path: Path
) -> None:
    assert _add(home, asked)[0] == 0
    when = "2026-11-28T12:00:00Z"
    assert within("stamp", "distrust", "example", "--from", when, home=home)[0] == 0
    left = tmp_path / "trust.json"
    assert within("trust", "-o", left, home=home)[0] == 0
    [one] = json.loads(left.read_text())["timeAuthorities"]
    assert one["distrustedFrom"] == when
    assert within("stamp", "distrust", "nobody", home=home)[0] == 2


def _distrusted(home: Path, tmp_path: Path) -> list[str | None]:
    left = tmp_path / "trust.json"
    assert within("trust", "-o", left, "--force", home=home)[0] == 0
    return [one["distrustedFrom"] for one in json.loads(left.read_text())["timeAuthorities"]]


def test_distrust_is_neither_forgotten_nor_moved_to_a_later_time(
    home: Path, asked: Served, tmp_path: Path
) -> None:
    """Removed and added anew, an authority whose key was stolen was trusted again."""
    roots = asked.authority.folder / "roots.pem"
    assert _add(home, asked)[0] == 0
    second = within("stamp", "add", "second", asked.url, "--roots", roots, home=home)
    assert second[0] == 0
    when, later = "2026-11-26T12:00:00Z", "2026-11-27T12:00:00Z"
    distrust = ("stamp", "distrust", "example")
    code, printed, _ = within(*distrust, "--from", when, home=home)
    assert (code, "So is second" in printed) == (0, True)
    assert within(*distrust, "--from", when, home=home)[0] == 0, "said again, it is no error"
    for more in (("--from", later), ()):
        code, _, said = within(*distrust, *more, home=home)
        assert (code, f"from {when} on, which is earlier" in said) == (2, True), said
    code, _, said = within("stamp", "remove", "example", home=home)
    assert (code, "it is not asked" in said) == (2, True)
    code, _, said = within("stamp", "add", "third", asked.url, "--roots", roots, home=home)
    assert (code, "which is distrusted" in said) == (2, True)
    # The CA below the root is no other authority.
    chain = (asked.authority.folder / "chain.pem").read_bytes()
    below = tmp_path / "ca.pem"
    below.write_bytes(chain[chain.rindex(b"-----BEGIN") :])
    for file in (below, asked.authority.folder / "chain.pem"):
        code, _, said = within("stamp", "add", "third", asked.url, "--roots", file, home=home)
        assert (code, "which is distrusted" in said) == (2, True), said
    assert _distrusted(home, tmp_path) == [when, when]
    for words in (("stamp", "status"), ("status",)):
        assert f"example is not trusted from {when} on" in within(*words, home=home)[1]
    assert "stamp add NAME URL" in within("status", home=home)[1]
    earlier = "2026-11-25T12:00:00Z"
    assert within(*distrust, "--from", earlier, home=home)[0] == 0
    assert _distrusted(home, tmp_path) == [earlier, earlier]
    assert within(*distrust, "--withdraw", "--from", when, home=home)[0] == 2
    assert within(*distrust, "--withdraw", home=home)[0] == 0
    assert within(*distrust, "--withdraw", home=home)[0] == 2
    assert _distrusted(home, tmp_path) == [None, None]
