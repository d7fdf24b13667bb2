"""Printing: no value makes a line, and nothing that goes wrong in it changes what was done."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.commands import verify
from cli.terminal import output, tables
from cli.wording import auditreport, timeline
from ledger.domain.errors import CustodyError
from ledger.domain.untrusted.visible import is_safe, width
from tests.support.commands import ROOT
from tests.support.printing import (
    FORGED,
    Stream,
)
from tests.unit.test_visible import ATTACKS


def test_a_value_with_a_line_feed_makes_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.show(f"name: {FORGED}")
    output.say(f"name: {FORGED}")
    output.failure(CustodyError(FORGED, hint=FORGED))
    shown = capsys.readouterr()
    for text in (shown.out, shown.err):
        assert all(is_safe(character) or character == "\n" for character in text)
        assert "verdict: verified" not in [line.strip() for line in text.splitlines()]
    assert len(shown.out.splitlines()) == 1
    assert len(shown.err.splitlines()) == 3


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_tables_timelines_and_reports_keep_their_lines(attack: str) -> None:
    lines = tables.table(["NAME", "SIZE"], [[attack, "1 B"], ["b", "2 B"]])
    assert len(lines) == 3
    value = {
        "type": attack,
        "actor": {"role": attack},
        "body": {"name": attack, "text": attack, "digests": {attack: attack}},
    }
    told = timeline.Told(0, "2026-11-20T10:00:00Z", "none", attack, attack, value, attack)
    lines += timeline.Timeline([told], {}).lines()
    check = {"status": "passed", "check": "log", "title": attack, "detail": attack}
    keys = (
        "severity",
        "title",
        "code",
        "place",
        "expected",
        "found",
        "promise",
        "promiseText",
        "todo",
    )
    report = {
        "checks": [check],
        "findings": [dict.fromkeys(keys, attack)],
        "counts": {},
        "verdict": "failed",
        "facts": {attack: attack},
    }
    lines += auditreport.text(report)
    assert lines.count("verdict: failed") == 1
    assert not [line for line in lines if not all(map(is_safe, line)) and line.startswith("v")]
    page = auditreport.page(report, attack, "now")
    assert all(is_safe(one) or one == "\n" for one in page)


def test_html_of_a_value_stays_text() -> None:
    check = {
        "status": "passed",
        "check": "log",
        "title": "<script>alert(1)</script>",
        "detail": "'\"><img src=x onerror=y>",
    }
    report = {
        "checks": [check],
        "findings": [],
        "counts": {},
        "verdict": "verified",
        "facts": {"<b>": "</table>"},
    }
    page = auditreport.page(report, "<title>", "now")
    assert "<script>" not in page
    assert "<img" not in page
    assert "<b>" not in page


def test_an_outsiders_bundle_cannot_paint_a_verified_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A member of the document is named after a whole report: the error that quotes it stays one
    line.
    """
    step = type(
        "Step",
        (),
        {
            "title": "format",
            "status": "failed",
            "detail": f"event /{FORGED}: not known",
            "hint": FORGED,
        },
    )()
    output.show(*verify._step(1, step, set()), "verdict: failed")
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if line.startswith("verdict")] == [
        "verdict: failed"
    ]
    assert "\x1b" not in shown


def test_columns_of_double_width_letters_line_up() -> None:
    lines = tables.table(
        ["NAME", "SIZE"], [["日本語の写真.jpg", "1 B"], ["e\u0301" * 3, "22 B"], ["plain", "3 B"]]
    )
    assert (
        len(
            {width(line[: line.rindex(" B") - 1].rstrip("0123456789 ")) <= 16 for line in lines[1:]}
        )
        == 1
    )
    assert {
        width(line.split("  ")[0]) + line[len(line.split("  ")[0]) :].index(line.split()[-2])
        for line in lines[1:]
    } == {18}


def test_a_long_value_is_cut_to_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(output, "is_terminal", lambda stream: True)
    lines = tables.table(["NAME", "SIZE"], [["写" * 100, "1 B"], ["x" * 500, "2 B"]])
    assert max(map(width, lines)) <= 40
    assert all("…" in line for line in lines[1:])


def test_a_table_in_a_pipe_is_cut_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    lines = tables.table(["NAME", "SIZE"], [["写" * 100, "1 B"], ["x" * 500, "2 B"]])
    assert ["写" * 100 in lines[1], "x" * 500 in lines[2]] == [True, True]


def test_a_value_padded_to_the_margin_of_a_terminal_does_not_begin_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Stream(terminal=True)
    monkeypatch.setattr(sys, "stdout", stream)
    for padding in range(20, 60):
        output.show(
            "    note: " + "x" * padding + "verdict: verified" + "写" * 40,
            "    note: " + " " * padding + "verdict: verified",
        )
    output.show("verdict: failed")
    lines = stream.getvalue().splitlines()
    assert max(map(width, lines)) <= 40
    assert [line for line in lines if not line.startswith(" ")] == ["verdict: failed"]


def test_a_command_that_was_broken_can_still_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Stream(terminal=True)
    monkeypatch.setattr(sys, "stdout", stream)
    command = "custody --home /srv/evidence/home bundle 3f0c1d2e -o x.bundle --basis court"
    output.show(command)
    assert " ".join(stream.getvalue().replace("\\\n", " ").split()) == command


def _strings(tree: ast.AST) -> Iterator[ast.Constant]:
    """Text inside functions, docstrings aside."""
    for function in [
        entry
        for entry in ast.walk(tree)
        if isinstance(entry, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]:
        for node in ast.walk(function):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node.value != ast.get_docstring(function, clean=False)
            ):
                yield node


def test_no_line_of_ours_is_made_inside_a_string() -> None:
    """Lines are arguments of their own: a line feed within one would be printed as an escape, as a
    foreign one is.
    """
    allowed = {
        "cli/terminal/output.py": 6,
        "cli/wording/auditreport.py": 1,
        "cli/court/court_page.py": 1,
        "cli/terminal/pages.py": 1,
        "cli/main.py": 1,
        "cli/help_groups.py": 1,
        "cli/commands/record.py": 4,
        "cli/commands/profile.py": 1,
        "cli/items/scanning.py": 1,  # of what a scanner sends
    }
    found: dict[str, int] = {}
    for path in sorted((ROOT / "cli").rglob("*.py")):
        name, tree = str(path.relative_to(ROOT)), ast.parse(path.read_text())
        texts: list[Any] = [
            string
            for string in _strings(tree)
            if "\n" in string.value and not string.value.startswith("\n    ")
        ]
        count = len({(text.lineno, text.col_offset) for text in texts})
        if count > allowed.get(name, 0):
            found[name] = count
    assert found == {}
