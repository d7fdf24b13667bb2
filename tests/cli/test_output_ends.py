"""Output that ends, fails or was never there: what was done stays done, and is told."""

from __future__ import annotations

import errno
import json
import logging
import sys
from pathlib import Path

import pytest

from cli import main
from cli.invocation.global_options import STATE
from cli.terminal import logs, output, tables
from ledger.domain.untrusted.visible import is_safe
from tests.support.printing import (
    FORGED,
    Stream,
)

MONITOR = ["monitor", "--log", "x", "--rpc", "x", "--trust", "x", "--state", "x"]


def test_output_that_the_encoding_lacks_is_shown_as_escapes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = Stream("ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    output.show(*tables.table(["ITEM", "PATH"], [["urn:uuid:1", "写真" * 60]]))
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
        [*MONITOR, "--interval", "nan"],
        [*MONITOR, "--metrics", "here:99999"],
        ["audit", "--sample", "nan"],
        ["audit", "--log", "x"],
        ["upload", "x", "--occurred", "yesterday"],
        ["upload", "x", "--occurred", "2999-01-01T00:00:00Z"],
        ["upload", "x", "--clock-shown", "x", "--clock-reference", "2999-01-01T00:00:00Z"],
        ["upload", "x", "--part-of", "A1", "--from", "3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"],
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
    assert all(is_safe(record) or record == "\n" for record in told)
    assert not (tmp_path / "new").exists()


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
