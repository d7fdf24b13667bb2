"""An inbox whose commands do not run, which tells things again that were told, or hides that a log
shrank.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cli.commands import inbox
from cli.invocation.global_options import STATE
from ledger.domain.ports.inbox import WaitingLine
from tests.support.actors import commands_of, enrolled
from tests.support.commands import custody, within
from tests.support.desk import Desk
from tests.support.strangers import thing


@pytest.fixture(autouse=True)
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is left of a test before."""
    monkeypatch.setattr(STATE, "given_home", None)


@pytest.fixture
def home(founded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded, tmp_path / "home"))


def test_what_others_recorded_is_told_once_and_after_a_peek_again(home: Path) -> None:
    with Desk(home) as desk:
        evidence = thing(enrolled(desk, "officer"))
    code, out, _ = within("inbox", home=home)
    assert (code, out.splitlines()[0]) == (0, "nothing waits for you")
    assert "from now on you are told" in out
    with Desk(home) as desk:
        enrolled(desk, "custodian").record(evidence, "note", {"text": "x"})
    listed = json.loads(within("--json", "list", home=home)[1])["items"]
    [short] = [one["opening"][:8] for one in listed if one["evidence"] == evidence]
    for _ in range(2):
        out = within("inbox", "--peek", home=home)[1]
        assert f"{short}  1 event, the last at" in out
    found = json.loads(within("inbox", "--json", home=home)[1])
    assert [one["evidence"] for one in found["changed"]] == [evidence]
    assert "nothing was recorded by others since" in within("inbox", home=home)[1]


def test_every_line_fits_and_its_command_runs_as_it_was_printed(home: Path, tmp_path: Path) -> None:
    with Desk(home) as desk:
        evidence = thing(enrolled(desk, "officer"))
        enrolled(desk, "custodian").record(evidence, "disposal-requested", {"reason": "over"})
    out = custody("inbox", folder=tmp_path, environment={"CUSTODY_HOME": str(home)}).stdout
    assert max(map(len, out.splitlines())) <= 80, out
    [line] = [line.strip() for line in out.splitlines() if line.strip().startswith("custody ")]
    assert line.startswith("custody dispose approve ")
    custody(*line.split()[1:], "--yes", environment={"CUSTODY_HOME": str(home)}, folder=tmp_path)
    out = custody("inbox", environment={"CUSTODY_HOME": str(home)}, folder=tmp_path).stdout
    assert "approved, and to be carried out" in out


def test_a_log_that_shrank_since_one_looked_is_told(home: Path) -> None:
    within("inbox", home=home)
    path = home / "client" / "inbox.json"
    kept = json.loads(path.read_text())
    [log] = kept
    kept[log]["size"] += 5
    path.write_text(json.dumps(kept))
    assert "THE LOG SHRANK" in within("inbox", home=home)[1]
    path.write_text("{]")
    assert "from now on you are told" in within("inbox", home=home)[1], "a broken note is none"


@pytest.mark.parametrize(
    ("kind", "told"),
    [("something-new", "what a later node says"), ("worker-failing", "exchange fails: what")],
)
def test_a_kind_that_this_version_does_not_know_is_told_in_the_nodes_own_words(
    kind: str, told: str
) -> None:
    line = WaitingLine(kind, None, "exchange", 1, None, None, "what a later node says", "")
    assert told in inbox._words(line)
    assert inbox._todo(line, "", frozenset()) == "custody status"


def test_whoever_may_not_run_the_command_is_sent_to_one_that_they_may(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = WaitingLine("not-anchored", None, "", 3, "2026-11-20T10:00:00Z", None, "", "")
    assert inbox._todo(line, "", frozenset({"prosecutor"})) == "custody status"
    assert inbox._todo(line, "", frozenset({"officer"})) == "custody anchor"
    with Desk(home) as desk:
        commands_of(enrolled(desk, "prosecutor"), monkeypatch)
        assert within("inbox", home=home)[0] == 0


def test_a_folder_that_waits_does_not_hide_what_else_does(home: Path) -> None:
    """Of 10,000 files on offer each filled three lines, and the one that was due went by unseen."""
    with Desk(home) as desk:
        officer, other = enrolled(desk, "officer"), enrolled(desk, "custodian")
        for _ in range(12):
            other.record(thing(officer), "disposal-requested", {"reason": "over"})
    out = within("inbox", home=home)[1]
    assert out.startswith("12 matters wait for you")
    assert out.count("dispose approve") == 10
    assert "2 more items, of each: its disposal waits for a second person" in out
    assert "inbox --json --peek" in out
    assert len(json.loads(within("inbox", "--json", "--peek", home=home)[1])["waiting"]) == 12
