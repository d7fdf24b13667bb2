"""The demonstration: what it prints while it works, and what it leaves for a stranger."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cli.terminal import working
from ledger.app import find_home
from tests.support.commands import ROOT, Terminal, within


def typed(printed: str, command: str) -> list[str]:
    """The words of a command that is printed."""
    lines = [shlex.split(line) for line in printed.splitlines() if "bin/custody " in line]
    return next(words[1:] for words in lines if command in words)


def test_a_file_with_a_strange_name_is_demonstrated_and_left_under_a_plain_one(
    tmp_path: Path,
) -> None:
    file = tmp_path / "a 'strange' <name>.jpg"
    file.write_bytes(b"evidence")
    known = find_home.remembered(tmp_path / "out" / "home")
    code, printed, said = within("demo", file, "-o", tmp_path / "out")
    assert code == 0, printed + said
    assert find_home.remembered(tmp_path / "out" / "home") == known == find_home.Remembered()
    listed = within(*typed(printed, "list"))
    assert listed[0] == 0, listed
    left = {path.name for path in (tmp_path / "out" / "for-the-court").iterdir()}
    assert left == {"item.jpg", "item.jpg.bundle", "trust.json", "READ-ME.html"}
    assert "<name>" not in (tmp_path / "out" / "for-the-court" / "READ-ME.html").read_text()
    # Without a terminal each long step is a plain line, printed before it begins.
    assert len(re.findall(r"^   \.\.\. ", printed, re.MULTILINE)) == 4
    assert printed.index("\nVERIFIED: this file") < printed.index("\nFAILED: this file")
    assert printed.index("\nverdict: failed") < printed.index("\nVERIFIED: the file that")


def test_long_work_spins_for_a_person_and_is_a_line_for_everybody_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with working.working("making keys"):
        pass
    assert capsys.readouterr().out == "   ... making keys\n"
    seen = Terminal()
    monkeypatch.setattr(sys, "stderr", seen)
    with working.working("\x1b[31m[red]making keys[/red]"):
        pass
    assert capsys.readouterr().out == ""
    assert "[31m[red]making keys[/red]" in seen.getvalue()
    assert "\x1b[31m" not in seen.getvalue()


@pytest.mark.parametrize("target", ["demo", "story", "run", "install", "node"])
def test_make_prints_no_raw_shell(target: str) -> None:
    """Every line of what these run is hidden, and tells what is being set up instead."""
    makefile = (ROOT / "Makefile").read_text()
    wanted, rules = [target], dict[str, tuple[str, str]]()
    for rule in re.finditer(r"^([^\s#:=]+):(?!=) ?(.*)\n((?:\t.*\n)*)", makefile, re.MULTILINE):
        rules[rule[1]] = rule[2], rule[3]
    seen = set[str]()
    while wanted:
        name = wanted.pop()
        if name in seen or name not in rules:
            continue
        seen.add(name)
        needs, recipe = rules[name]
        wanted += needs.split()
        shown = [line for line in recipe.splitlines() if not line.startswith("\t@")]
        assert shown == [], (name, shown)
    assert len(seen) > 1


def test_make_says_what_it_sets_up_before_it_does_so() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", "demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("echo")]
    assert len(told) == 3
    assert all("Setting up" in line for line in told)
