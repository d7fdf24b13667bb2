"""A scan that moves another thing than the one in the hand, moves it twice, or goes unheard."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ledger.app.settings import CLIENT
from ledger.client.reading import retrieval
from ledger.domain.errors import NetworkError
from tests.support.commands import ROOT, done, settings_of_commands, within
from tests.support.desk import PASSPHRASE, Desk
from tests.support.people import joined
from tests.support.serving import served

OUT = ("check-out", "--to", "court, room 3", "--reason", "hearing")
IN = ("check-in", "--to", "store 3, shelf 14", "--reason", "back from court")
BELL = "\a"


@pytest.fixture(scope="module")
def stored(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Path(shutil.copytree(founded, tmp_path_factory.mktemp("stored") / "home"))
    for exhibit in ("A1", "A2", "A3"):
        done(home, "seize", "a phone", "-c", "2026-117", "-e", exhibit)
    return home


@pytest.fixture
def home(stored: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stored, tmp_path / "home"))


def labels(home: Path) -> list[str]:
    """What the labels of the three things say to a scanner."""
    out = home.parent / "labels.svg"
    numbers = [f"2026-117/A{n}" for n in (1, 2, 3)]
    told = json.loads(done(home, "label", *numbers, "-o", out, "--force", "--json")[0])
    return [one["id"] for one in told["labels"]]


def acts(home: Path, number: str) -> list[dict[str, Any]]:
    """What its record says happened to a thing, but for readings."""
    told = json.loads(done(home, "show", number, "--basis", "x", "--json")[0])
    documents = [one["document"] for one in told["details"]]
    return [{"type": one["type"], **one["body"]} for one in documents if one["type"] != "accessed"][
        1:
    ]


def piped(
    home: Path, words: tuple[object, ...], lines: str | bytes, code: int = 0
) -> dict[str, Any]:
    """What a script is told that scans through a pipe."""
    found = subprocess.run(
        [sys.executable, "-m", "cli", "--home", home, "--json", *words],
        input=lines.encode() if isinstance(lines, str) else lines,
        capture_output=True, cwd=ROOT, env=settings_of_commands(), timeout=240, check=False,
    )  # fmt: skip
    assert found.returncode == code, found.stderr
    told: dict[str, Any] = json.loads(found.stdout)
    return told


def test_things_leave_and_come_back_by_what_a_scanner_types_through_a_pipe(home: Path) -> None:
    first, second, third = labels(home)
    typed = f"{first}\r\n\x02{second.upper()}\x03\n{first}\n8711234567890\n{third[:6]}\n\n{third}\n"
    told = piped(home, OUT, typed, code=3)
    assert [(one["number"], one["from"], one["to"]) for one in told["items"]] == [
        ("2026-117/A1", "", "court, room 3"),
        ("2026-117/A2", "", "court, room 3"),
    ]
    assert [one["scanned"] for one in told["refused"]] == ["8711234567890", third[:6]]
    assert [one["message"] for one in told["known"]] == ["scanned already, and recorded once"]
    told = piped(home, IN, f"{first}\n2026-117/A2")
    assert [one["from"] for one in told["items"]] == ["court, room 3"] * 2
    for number in ("2026-117/A1", "2026-117/A2"):
        assert acts(home, number) == [
            {"type": "moved", "place": "court, room 3", "reason": "hearing"},
            {
                "type": "moved",
                "place": "store 3, shelf 14",
                "from": "court, room 3",
                "reason": "back from court",
            },
        ]
    assert acts(home, "2026-117/A3") == []


def test_bytes_that_are_no_text_and_lines_without_end_are_one_wrong_scan_each(home: Path) -> None:
    [first, *_] = labels(home)
    told = piped(home, OUT, b"\xff\xfe\n" + b"a" * 100_000 + b"\n" + first.encode() + b"\n", code=3)
    assert len(told["refused"]) == 2
    assert len(told["items"]) == 1


class Scanner:
    """A person at a terminal with a scanner."""

    def __init__(self, home: Path, *words: object) -> None:
        child, self.master = pty.fork()
        if child == 0:
            os.chdir(ROOT)
            given = [sys.executable, "-m", "cli", "--home", str(home), *map(str, words)]
            os.execve(sys.executable, given, settings_of_commands())
        self.child, self.said = child, ""

    def hears(self, text: str) -> str:
        """Wait for words; what was said until then, since the last wait."""
        end, said = time.monotonic() + 120, self.said
        while text not in said:
            assert time.monotonic() < end, said
            if select.select([self.master], [], [], 1)[0]:
                said += os.read(self.master, 4096).decode()
        before, _, self.said = said.partition(text)
        return before + text

    def types(self, text: str) -> None:
        os.write(self.master, text.encode() + b"\r")

    def ends(self) -> tuple[int, str]:
        """Wait for the end; the exit code, and what was said at last."""
        said = self.said
        while True:
            try:
                part = os.read(self.master, 4096)
            except OSError:  # the other side was closed
                break
            if not part:
                break
            said += part.decode()
        os.close(self.master)
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1]), said


def test_each_scan_at_a_terminal_is_answered_at_once_and_a_wrong_one_is_heard(home: Path) -> None:
    first, second, _ = labels(home)
    scanner = Scanner(home, "check-out")
    scanner.hears("Where to?")
    scanner.types("court, room 3")
    scanner.hears("Why?")
    scanner.types("hearing")
    scanner.hears("scan an item (an empty line ends):")
    scanner.types(first)
    assert BELL not in scanner.hears(f"2026-117/A1 ({first[:8]}): to court, room 3")
    scanner.types(first)
    assert BELL in scanner.hears(f"NOT recorded: {first}: scanned already, and recorded once")
    scanner.types("8711234567890")
    assert BELL in scanner.hears("is not an item that you may see")
    scanner.types(second)
    assert (
        BELL
        not in scanner.hears(f"2026-117/A2 ({second[:8]}): to court, room 3").partition("list")[2]
    )
    scanner.types("")
    code, said = scanner.ends()
    assert code == 3
    assert "2 items checked out to court, room 3" in said
    assert "NOT recorded: 1 scan" in said
    assert [len(acts(home, f"2026-117/A{n}")) for n in (1, 2, 3)] == [1, 1, 0]


def test_what_somebody_took_along_is_out_until_they_brought_it_back(home: Path) -> None:
    take = ("check-out", "--to", "NFI", "--reason", "DNA", "--with", "J. Vos")
    due = ("--due", "2099-01-01 12:00 Z")
    assert "to NFI, with J. Vos" in done(home, *take, *due, typed="2026-117/A1\n")[0]
    for words in (OUT, IN, take):
        code, _, said = within(*words, home=home, typed="2026-117/A1\n")
        assert (code, "by its record J. Vos has it" in said) == (1, True), said
    code, _, said = within(*IN, "--from", "A. Other", home=home, typed="2026-117/A1\n2026-117/A2\n")
    assert code == 1
    assert "by its record J. Vos has it, not A. Other" in said
    assert "by its record nobody has it, not A. Other" in said
    done(home, *IN, "--from", "J. Vos", typed="2026-117/A1\n")
    done(home, *OUT, typed="2026-117/A1\n")
    told = acts(home, "2026-117/A1")
    assert [one["type"] for one in told] == ["released", "received", "moved"]
    assert told[0]["due"] == "2099-01-01T12:00:00Z"
    assert told[2]["from"] == "store 3, shelf 14"


def test_a_run_that_is_started_again_moves_nothing_twice(home: Path) -> None:
    done(home, *OUT, typed="2026-117/A1\n")
    out, said = done(home, *OUT, typed="2026-117/A1\n2026-117/A2\n")
    assert "2026-117/A1: lies there already, by its record" in said
    assert "1 item checked out" in out
    assert len(acts(home, "2026-117/A1")) == 1


def test_a_place_that_was_corrected_is_where_it_lies(home: Path) -> None:
    done(home, *OUT, typed="2026-117/A1\n")
    words = ("--field", "place", "--new", "court, room 4", "--reason", "misread", "--yes")
    done(home, "correct", "2026-117/A1", "--event", "2", *words)
    assert "from court, room 4 to store 3" in done(home, *IN, typed="2026-117/A1\n")[0]


def test_what_a_colleague_holds_is_not_moved_and_its_record_not_read(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    assert within("init", "--agency", "NL-POL", "--person", "4711", home=home)[0] == 0
    for exhibit in ("A1", "A2", "A3"):
        done(home, "seize", "a phone", "-c", "2026-117", "-e", exhibit)
    with Desk(home) as desk:
        joined(desk, tmp_path / "colleague", "officer", number="4712")
    done(home, "share", "2026-117/A1", "--with", "4712", "--basis", "x")
    [first, *_] = labels(home)
    before = json.loads(done(home, "show", "2026-117/A1", "--json")[0])["item"]["events"]
    with Desk(home) as desk, served(desk) as node:
        known = tmp_path / "colleague" / CLIENT
        known.write_text(re.sub(r"http://[\w.:]+", node.url, known.read_text()))
        code, out, said = within(*OUT, home=tmp_path / "colleague", typed=f"{first}\n2026-117/A2\n")
    assert code == 1
    assert "4711 of NL-POL holds it, and it is not yours to move" in said
    assert "'2026-117/A2' is not an item that you may see" in said or "no item of case" in said
    assert "0 items checked out" in out
    assert json.loads(done(home, "show", "2026-117/A1", "--json")[0])["item"]["events"] == before


def test_what_ends_the_command_leaves_told_what_was_done(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, count = retrieval.record, [0]

    def gone(*given: Any, **more: Any) -> object:
        count[0] += 1
        if count[0] > 2:  # a reading and a move went well
            raise NetworkError("the node is gone", hint="wait")
        return record(*given, **more)

    monkeypatch.setattr(retrieval, "record", gone)
    code, out, said = within(*OUT, home=home, typed="2026-117/A1\n2026-117/A2\n2026-117/A3\n")
    assert code == 1
    assert "1 item checked out" in out
    assert "the node is gone" in said
    assert "2026-117/A3" not in out + said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("check-out", "--to", "court"), "said once, before the first scan"),
        (("check-in", "--reason", "x"), "said once, before the first scan"),
        ((*OUT, "--due", "2099-01-01 12:00 Z"), "of what somebody takes along"),
        (("check-out", "--to", "x" * 100_000, "--reason", "y"), "place"),
        (("--offline", *OUT), "the node alone knows"),
    ],
)
def test_what_is_said_once_is_judged_before_the_first_scan(
    home: Path, words: tuple[str, ...], told: str
) -> None:
    code, out, said = within(*words, home=home)
    assert (code, out) == (2, ""), out + said
    assert told in said


def test_nothing_scanned_is_nothing_done(home: Path) -> None:
    """A scanner that is not plugged in must not look like a night's work to a script."""
    out, said = done(home, *OUT, typed="", code=2)
    assert (out, "nothing was scanned" in said) == ("", True), said


def test_the_passphrase_is_no_scan(home: Path) -> None:
    """A script that pipes scans says its passphrase elsewhere: none is read from the pipe."""
    found = subprocess.run(
        [sys.executable, "-m", "cli", "--home", home, *OUT],
        input=PASSPHRASE + b"\n2026-117/A1\n", capture_output=True, cwd=ROOT, check=False,
        env={**settings_of_commands(), "CUSTODY_PASSPHRASE": ""}, timeout=120,
    )  # fmt: skip
    assert found.returncode != 0
    assert b"2026-117/A1" not in found.stdout
