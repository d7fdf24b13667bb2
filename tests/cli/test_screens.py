"""Screens that matter, captured at a real terminal of 80 columns and 24 lines and compared with the
ones that lie in tests/cli/screens: ``make screens`` writes those anew.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.domain.untrusted.visible import width
from tools.scenarios.screens import FOLDER, Screens
from tools.scenarios.terminal import COLUMNS, displayed

LONG = pytest.mark.timeout(900)  # twenty commands, each a process of its own
NAMES = sorted(path.stem for path in FOLDER.glob("*.txt"))
#: How the first and the last line of an answer begin that is a verdict.
VERDICTS = {
    "verify-verified": "verified",
    "verify-timeline": "verified",
    "verify-failed": "failed",
    "verify-incomplete": "incomplete",
    "audit": "verified",
}
WHOLE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}")
#: Where a whole id stands, and where the digest of content, which somebody may compare.
OWN = re.compile(
    r"item     [0-9a-f]{8}  urn:uuid:|(found: )?the file's sha-256 is|recorded was|sha"
)


@pytest.fixture(scope="module")
def screens() -> Iterator[Screens]:
    # Of one length everywhere: a path decides where a line is folded.
    with tempfile.TemporaryDirectory(prefix="screens-", dir="/tmp") as folder:
        played = Screens(Path(folder))
        played.play()
        yield played


def lines(screens: Screens, name: str) -> list[str]:
    """What was shown, without the question for the passphrase."""
    return [line for line in screens.kept[name][1].shown.split("\n") if line != "Passphrase:"]


@LONG
def test_every_screen_is_kept(screens: Screens) -> None:
    assert sorted(screens.kept) == NAMES


@LONG
@pytest.mark.parametrize("name", NAMES)
def test_a_screen_is_as_it_was_kept(screens: Screens, name: str) -> None:
    assert screens.masked()[name] == (FOLDER / f"{name}.txt").read_text(), "make screens"


@LONG
@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_wider_than_the_terminal(screens: Screens, name: str) -> None:
    assert [line for line in lines(screens, name) if width(line) > COLUMNS] == []


@LONG
@pytest.mark.parametrize("name", VERDICTS)
def test_the_verdict_is_the_first_and_the_last_line(screens: Screens, name: str) -> None:
    """Whoever is in a hurry reads one of them: the chain that was trusted stood before it."""
    first, *_, last = lines(screens, name)
    assert first.startswith(f"{VERDICTS[name].upper()}: ")
    assert last == f"verdict: {VERDICTS[name]}"


@LONG
@pytest.mark.parametrize("name", NAMES)
def test_no_id_is_cut_and_none_is_whole_where_a_short_one_does(screens: Screens, name: str) -> None:
    shown = lines(screens, name)
    assert [line for line in shown if re.search(r"[0-9a-f]{6,}(…|\\$)", line)] == []
    for before, line in zip(["", *shown], shown, strict=False):
        if WHOLE.search(line):
            assert OWN.search(line) or OWN.search(before), line


def test_a_bar_of_progress_that_has_gone_is_not_on_the_screen() -> None:
    bar = "\x1b[?25lcomparing ━━━ 50%\r\x1b[2Kcomparing ━━━ 100%\r\n\x1b[?25h\r\x1b[1A\x1b[2K"
    assert displayed(f"Passphrase: \r\n{bar}\x1b[1mVERIFIED\x1b[0m\r\nabc\rx\r\n") == (
        "Passphrase:\nVERIFIED\nxbc"
    )
