"""Long lines on a terminal: commands run as they were meant, and no value begins a line."""

from __future__ import annotations

import json
import random
import shlex
import subprocess
import sys

import pytest

from cli.invocation.hints import quoted
from cli.terminal.line_folding import folded
from cli.wording.verdicts import told
from ledger.domain.untrusted.visible import visible, width

WORDS = ("photo.jpg", "it's a face.jpg", "a" * 130, "x y  z" * 30, '"both" \'kinds\'' * 9, "naïve " * 40, "$HOME `id` \\n" * 12, "日本語 " * 30, "tab\tand\nline \x1b[2J" * 8, "--basis", "\\" * 60, "", "$" * 70, "a $'b' " * 20, "e" + "\u0301" * 9 + " x")  # fmt: skip


def run(lines: list[str]) -> list[str]:
    """What a shell makes of a command that was copied off the screen."""
    script = "\n".join(lines).replace("custody", f"{sys.executable} -c {shlex.quote(ECHO)}", 1)
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True, text=True)
    found: list[str] = json.loads(done.stdout)
    return found


ECHO = "import json,sys; print(json.dumps(sys.argv[1:]))"


@pytest.mark.parametrize("columns", [20, 33, 80, 100])
def test_a_folded_command_runs_as_it_was_meant(columns: int, rng: random.Random) -> None:
    """A command with a quoted text in it was broken inside the text, and meant another one."""
    for _ in range(25):
        words = ["get", *rng.choices(WORDS, k=rng.randrange(1, 5)), "--basis", rng.choice(WORDS)]
        line = visible("custody " + " ".join(map(quoted, words)))
        pieces = list(folded(line, columns))
        assert all(width(piece) <= columns for piece in pieces)
        assert run(pieces) == words


def test_a_command_behind_words_is_copied_from_where_it_begins() -> None:
    words = ["share", "3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f", "--with", "x", "--basis", "a b " * 30]
    line = "  what to do: ask a custodian's colleague, they run: custody " + shlex.join(words)
    pieces = list(folded(line, 60))
    [first] = [number for number, piece in enumerate(pieces) if "custody " in piece]
    start = pieces[first].index("custody ")
    assert run([pieces[first][start:], *pieces[first + 1 :]]) == words


def test_a_command_that_fits_into_a_line_is_not_torn() -> None:
    """The last word of a command stood in a line of its own, and was not copied with it."""
    waits = "4 events wait for the chain; until then nobody outside can check them: "
    assert list(folded(f"{waits}custody anchor", 80)) == [f"{waits[:-1]} \\", "    custody anchor"]
    ways = [f"custody upload 'my; page.txt' --case 2026-117 --{way} A1" for way in ("one", "two")]
    pieces = list(folded(f"  what to do: another: {ways[0]}; a part of it: {ways[1]}", 70))
    assert [way for way in ways if not any(way in piece for piece in pieces)] == []


@pytest.mark.parametrize("before", ["", "custody list '", "item: ", "custody get "])
@pytest.mark.parametrize("padding", [" ", "x", "\u3000", "'", '"', "\\", "$'"])
def test_a_value_that_is_padded_never_begins_a_line(before: str, padding: str) -> None:
    for length in range(40, 90):
        line = visible(f"name {before}{padding * length}verdict: verified'")
        for piece in list(folded(line, 60))[1:]:
            assert piece[0] in " '\"$", piece
            assert width(piece) <= 60


@pytest.mark.parametrize("indent", [0, 2, 4, 6])
def test_a_value_that_is_padded_begins_no_line_of_a_verdict(indent: int) -> None:
    for padding in (" ", "x", "\u3000"):
        for length in range(40, 90):
            first, *rest = told(f"note: {padding * length} 1  the bundle is whole  ok", indent)
            assert first[indent] != " "
            assert all(line.startswith(" " * (indent + 6)) for line in rest)
            assert all(width(line) <= 80 for line in [first, *rest])


def test_the_end_of_a_line_without_spaces_comes() -> None:
    for columns in range(20, 60):
        assert len(list(folded("custody x" + "\\" * 2000, columns))) < 2000
