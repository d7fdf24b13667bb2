"""Printing: no value makes a line, and nothing that goes wrong in it changes what was done."""

from __future__ import annotations

import ast
import errno
import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import auditreport, logs, main, output, timeline
from cli.commands import verify
from cli.state import STATE
from ledger.domain.errors import CustodyError
from ledger.domain.untrusted.visible import is_safe, width
from tests.support.commands import ROOT
from tests.unit.test_visible import ATTACKS

FORGED = "\x1b[2J\x1b[H\nverdict: verified\r\x1b[8m\u202e"


@pytest.fixture(autouse=True)
def _state() -> Iterator[None]:
    before = STATE.json
    output._Printing.lost = None
    output._Printing.taken = False
    yield
    STATE.json = before
    output._Printing.lost = None


class Stream(io.StringIO):
    """stdout with an encoding, on a terminal or not, that may refuse."""

    def __init__(
        self, encoding: str = "utf-8", refuses: int = 0, *, terminal: bool = False
    ) -> None:
        super().__init__()
        self._encoding, self.refuses, self.terminal = encoding, refuses, terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        text.encode(self.encoding)  # as a real one does
        if self.refuses:
            raise OSError(self.refuses, os.strerror(self.refuses))
        return super().write(text)


def test_a_value_with_a_line_feed_makes_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.show(f"name: {FORGED}")
    output.say(f"name: {FORGED}")
    output.failure(CustodyError(FORGED, hint=FORGED))
    shown = capsys.readouterr()
    for text in (shown.out, shown.err):
        assert all(is_safe(one) or one == "\n" for one in text)
        assert "verdict: verified" not in [line.strip() for line in text.splitlines()]
    assert len(shown.out.splitlines()) == 1
    assert len(shown.err.splitlines()) == 3


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_tables_timelines_and_reports_keep_their_lines(attack: str) -> None:
    lines = output.table(["NAME", "SIZE"], [[attack, "1 B"], ["b", "2 B"]])
    assert len(lines) == 3
    value = {
        "type": attack,
        "actor": {"role": attack},
        "body": {"name": attack, "text": attack, "digests": {attack: attack}},
    }
    lines += timeline.entry("10:00", {"agency": attack, "effect": "none"}, value, attack, {})
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
    output.show(*verify._step(1, step), "verdict: failed")
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if line.startswith("verdict")] == [
        "verdict: failed"
    ]
    assert "\x1b" not in shown


def test_columns_of_double_width_letters_line_up() -> None:
    lines = output.table(
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
    lines = output.table(["NAME", "SIZE"], [["写" * 100, "1 B"], ["x" * 500, "2 B"]])
    assert max(map(width, lines)) <= 40
    assert all("…" in line for line in lines[1:])


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


def test_output_that_the_encoding_lacks_is_shown_as_escapes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = Stream("ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    output.show(*output.table(["ITEM", "PATH"], [["urn:uuid:1", "写真" * 60]]))
    assert "urn:uuid:1" in stream.getvalue()
    STATE.json = True
    output.result({"path": "写真 📷 \u202e"})
    assert json.loads(stream.getvalue()[stream.getvalue().index("{") :]) == {
        "path": "写真 📷 \u202e"
    }
    assert output.finish(0) == 0


def test_a_closed_pipe_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Stream(refuses=errno.EPIPE))
    output.result({}, "urn:uuid:1")
    assert output.finish(0) == 0
    output.result({}, "verdict: failed")
    assert output.finish(1) == 1
    assert capsys.readouterr().err == ""


def test_a_full_disk_under_stdout_says_that_the_work_was_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Stream(refuses=errno.ENOSPC))
    output.result({}, "urn:uuid:1")
    assert output.finish(0) == output.UNPRINTED == 5
    told = capsys.readouterr().err
    assert "the work was done" in told
    assert "do not repeat" in told
    output.result({}, "verdict: failed")
    assert output.finish(1) == 1, "what was found counts for more than that it could not be printed"


def test_wrong_usage_is_told_as_json_wherever_json_was_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for arguments in (
        ["--json", "--nonsense"],
        ["--json"],
        ["nonsense", "--json"],
        ["--json", "list", "--nonsense"],
        ["list", "--nonsense", "--json"],
    ):
        assert main.run(arguments) == 2
        assert json.loads(capsys.readouterr().err)["error"]["exit"] == 2
    assert main.run(["list", "--nonsense"]) == 2
    assert capsys.readouterr().err.startswith("custody: ")


def test_a_stderr_that_has_gone_stops_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Stream(refuses=errno.EIO, terminal=True))
    output.say("still here")
    with output.progress("hashing", 5 << 20) as advance:
        advance(1 << 20)
    assert output.finish(0) == 0


def test_logs_are_one_safe_line_a_record_and_quote_no_exception(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    formatter = logs.LineFormatter()
    record = logging.LogRecord(
        "custody.exchange", logging.WARNING, __file__, 1, "%s: %s", ("NL-POL", FORGED), None
    )
    line = formatter.format(record)
    assert all(map(is_safe, line))
    try:
        raise ValueError("the name of a victim")
    except ValueError:
        record = logging.LogRecord(
            "uvicorn.error",
            logging.ERROR,
            __file__,
            1,
            "Exception in ASGI application\n",
            None,
            sys.exc_info(),
        )
    line = formatter.format(record)
    assert "victim" not in line
    assert "ValueError" in line
    assert all(map(is_safe, line))


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--port", "99999"],
        ["serve", "--port", "-1"],
        ["serve", "--port", "x"],
        ["serve", "--anchor-growth", "0"],
        ["show", "no-item"],
        ["show"],
        ["upload"],
        ["nonsense"],
        ["list", "--nonsense"],
        ["list", "--\x1b[2Jx\n"],
        ["collect", "--grace", "-1"],
        ["collect", "--grace", "nan"],
        ["handover", "offer", "3f0c1d2e-0000-4000-8000-000000000000", "--days", "nan"],
        ["handover", "offer", "3f0c1d2e-0000-4000-8000-000000000000", "--days", "inf"],
        ["handover", "offer", "3f0c1d2e-0000-4000-8000-000000000000", "--return-by", "tomorrow"],
        [
            "monitor",
            "--log",
            "x",
            "--rpc",
            "x",
            "--trust",
            "x",
            "--state",
            "x",
            "--interval",
            "nan",
        ],
        [
            "monitor",
            "--log",
            "x",
            "--rpc",
            "x",
            "--trust",
            "x",
            "--state",
            "x",
            "--metrics",
            "here:99999",
        ],
        ["audit", "--sample", "nan"],
        ["audit", "--log", "x"],
        ["upload", "x", "--occurred", "yesterday"],
        ["upload", "x", "--occurred", "2999-01-01T00:00:00Z"],
        ["upload", "x", "--clock-shown", "x", "--clock-reference", "2999-01-01T00:00:00Z"],
        ["upload", "x", "--on-duplicate", "maybe"],
        ["upload", "x", "--digest", "md17"],
        ["upload", "x", "--from", "nobody"],
        [
            "record",
            "incident",
            "3f0c1d2e-0000-4000-8000-000000000000",
            "--kind",
            "loss",
            "--discovered",
            "2999-01-01T00:00:00Z",
        ],
        [
            "record",
            "hold",
            "3f0c1d2e-0000-4000-8000-000000000000",
            "--name",
            "x",
            "--until",
            "soon",
        ],
        ["record", "approve", "3f0c1d2e-0000-4000-8000-000000000000", "--event", "-1"],
        [
            "correct",
            "3f0c1d2e-0000-4000-8000-000000000000",
            "--event",
            "-1",
            "--field",
            "/x",
            "--new",
            "y",
            "--reason",
            "z",
        ],
        ["person", "suspend", "x", "--since", "now"],
        ["backup", "x", "--keys", "y", "--rotate", "0"],
        ["ipfs", "set", "--fixity-days", "nan"],
        [
            "chain",
            "deploy",
            "--rpc",
            "x",
            "--founders",
            "x",
            "-o",
            "x",
            "--key",
            "x",
            "--fund",
            "inf",
        ],
        ["init", "--agency", "Netherlands", "--person", "1"],
        ["init", "--agency", "NL-POL", "--person", "1", "--role", "emperor"],
        ["init", "--agency", "NL-POL", "--person", "1", "--profile", "nowhere"],
        ["demo"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_2_whatever_the_option(
    arguments: list[str],
    founded: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CUSTODY_PASSPHRASE", "correct horse battery staple")
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "new" if arguments[0] == "init" else founded
    (tmp_path / "x").write_bytes(b"x")
    code = main.run(["--home", str(home), *arguments])
    told = capsys.readouterr().err
    assert code == 2, told
    assert told.startswith("custody: ")
    assert "internal error" not in told
    assert all(is_safe(one) or one == "\n" for one in told)
    assert not (tmp_path / "new").exists()


def _strings(tree: ast.AST) -> Iterator[ast.Constant]:
    """Text inside functions, docstrings aside."""
    for function in [
        one for one in ast.walk(tree) if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))
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
        "cli/story.py": 3,
        "cli/output.py": 6,
        "cli/auditreport.py": 1,
        "cli/main.py": 1,
        "cli/commands/record.py": 4,
        "cli/commands/profile.py": 1,
    }
    found: dict[str, int] = {}
    for path in sorted((ROOT / "cli").rglob("*.py")):
        name, tree = str(path.relative_to(ROOT)), ast.parse(path.read_text())
        texts: list[Any] = [
            one
            for one in _strings(tree)
            if "\n" in one.value and not one.value.startswith("\n    ")
        ]
        count = len({(one.lineno, one.col_offset) for one in texts})
        if count > allowed.get(name, 0):
            found[name] = count
    assert found == {}


def test_a_stdout_that_was_closed_before_the_start_says_that_the_work_was_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    output.result({"done": True}, "recorded")
    assert output.finish(0) == output.UNPRINTED
    assert "only its result could not be printed" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stderr", None)
    output.say("nobody listens")
    assert output.finish(0) == 0
