"""docs/forensic-practice.md says only what is there: commands, options and tests that exist, and each
weakness that it was written for.
"""

from __future__ import annotations

import re

from tests.support.commands import ROOT

PAGE = (ROOT / "docs" / "forensic-practice.md").read_text()
COMMANDS = (ROOT / "docs" / "cli.md").read_text()


def test_every_test_that_the_page_names_is_there() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", PAGE)
    assert len(named) > 20
    assert [name for name in named if f"def {name}(" not in tests] == []


def test_every_command_and_option_that_the_page_names_is_there() -> None:
    commands = set(re.findall(r"custody ([a-z]+)", PAGE))
    assert len(commands) > 8
    assert [name for name in commands if f"## custody {name}\n" not in COMMANDS] == []
    options = set(re.findall(r"(--[a-z][a-z-]+)", PAGE))
    assert [name for name in options if f"  {name}" not in COMMANDS] == []


def test_no_weakness_of_the_catalogue_that_concerns_us_is_left_out() -> None:
    wanted = {1042, *range(1124, 1129), *range(1344, 1356), 1259, 1401, 1402}
    assert {f"DFW-{number}" for number in wanted} <= set(re.findall(r"DFW-\d{4}", PAGE))
