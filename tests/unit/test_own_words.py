"""A hint has words in the place of what only a person can say: nobody signs those, or records them
as a number.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import missing
from cli.invocation.command_line import parts
from cli.terminal import questions
from ledger.domain.errors import UsageError
from tests.unit.test_hints import APP

PLACEHOLDERS = [
    "handover decline A1 --reason WHAT-YOU-FOUND",
    "dispose carry-out A1 --method=HOW",
    "upload a.jpg -c 2026-117 -e NUMBER",
    "upload a.jpg -eNUMBER",
    "record unrestrict A1 --handling MARK --reason x",
    "upload a.jpg --tool-version TOOL-VERSION",
    "note A1 TEXT",
    "seize DESCRIPTION",
    "show A1 --basis WHY",
]


@pytest.mark.parametrize("typed", PLACEHOLDERS)
def test_a_word_that_stands_for_what_somebody_shall_say_is_refused_in_a_script(typed: str) -> None:
    """An exhibit was recorded under the number "NUMBER", and stays so for good."""
    with pytest.raises(UsageError, match=r"^[A-Z-]+ stands for (what only you can say|your own)"):
        missing.with_own_words(parts(APP, typed.split()))


@pytest.mark.parametrize("typed", PLACEHOLDERS)
def test_a_word_that_stands_for_what_somebody_shall_say_is_asked_for_at_a_terminal(
    typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "text", lambda _: "my own words")
    meant = missing.with_own_words(parts(APP, typed.split()))
    assert [word for word in meant if "my own words" in word]
    assert not [word for word in meant if word.isupper() and word != "A1"]


@pytest.mark.parametrize(
    "typed",
    ["upload TEXT", "note A1 --text -- WHY", "verify a.jpg --trust TRUST", "note -- TEXT", "list"],
)
def test_a_file_of_that_name_is_no_such_word(
    typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TEXT", "TRUST"):
        (tmp_path / name).touch()
    assert missing.with_own_words(parts(APP, typed.split())) == typed.split()
