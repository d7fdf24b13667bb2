"""The first day leads nowhere but on: each command is told, none is refused, none is long."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.domain.untrusted.visible import width
from tests.support.terminals import ForkedTerminal
from tools.scenarios.first_session import FirstSession
from tools.scenarios.sources import source_of
from tools.scenarios.terminal import COLUMNS


def test_a_newcomer_gets_through_the_first_day_with_what_they_are_told(tmp_path: Path) -> None:
    session = FirstSession(tmp_path, ForkedTerminal)
    session.play()
    assert session.faults() == []
    shown = [line for step in session.steps for line in step.typed.shown.split("\n")]
    assert [line for line in shown if width(line) > COLUMNS] == []
    assert len({step.job for step in session.steps}) == 15


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ("custody upload photo.jpg --case C --exhibit E", "hint"),
        ("custody init --agency RO-DIICOT --person 1", "README"),
        ("custody backup folder --keys k", "help"),
        ("custody backup folder --secret k", ""),
        ("custody invent", ""),
    ],
)
def test_a_command_that_nothing_tells_is_found(line: str, source: str) -> None:
    told = "Next: custody upload FILE --case C --exhibit E\n  or: custody serve   (so that ...)"
    assert source_of(line, [told]) == source
