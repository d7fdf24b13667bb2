"""What somebody sees who types `make` in a clone."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.support.commands import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()


def made(*target: str) -> str:
    return subprocess.run(
        ["make", "--no-print-directory", *target],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_make_alone_says_what_there_is_and_sets_nothing_up() -> None:
    told = made()
    assert told == made("help")
    targets = set(re.findall(r"(?:^|and |; )make ([a-z]+)", told, re.MULTILINE))
    assert {"demo", "install", "slim", "run", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target


@pytest.mark.parametrize("target", ["install", "install-dev", "slim"])
def test_what_is_set_up_already_is_not_told_as_nothing_to_be_done(target: str) -> None:
    """A rule without a command says "Nothing to be done for 'install'" the second time."""
    assert re.search(rf"^{target}: \S+\n\t@:$", MAKEFILE, re.MULTILINE)
