"""Tables at a narrow terminal: short forms that say as much, instead of words without their end."""

from __future__ import annotations

import pytest

from cli.terminal import output, tables
from ledger.domain.untrusted.visible import width

ITEM = "df487490-ecec-4ad4-a8ff-0ecba2eefdf9"
HEADERS = ["ITEM", "FROM", "STATE", "GOOD UNTIL"]
ROW = [ITEM, "4711 of NL-POL", "waits for an answer", "2026-12-11T12:17:12Z"]
ABROAD = [ITEM.replace("d", "e"), "RO-DIICOT", "waits for an answer", "2026-12-11T12:17:12Z"]
SHORT = {
    "FROM": tables.colleagues("NL-POL"),
    "GOOD UNTIL": tables.minutes,
    "ITEM": tables.beginnings,
}


def shown(monkeypatch: pytest.MonkeyPatch, columns: int, *rows: list[str]) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(output, "is_terminal", lambda stream: True)
    lines = tables.table(HEADERS, list(rows), whole=HEADERS, short=SHORT)
    assert max(map(width, lines)) <= columns
    assert "…" not in "".join(lines)
    return lines


def test_a_row_that_does_not_fit_is_told_shorter_and_not_without_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There stood "waits f…", "2026-12-…" and "GOOD UNT…"."""
    assert shown(monkeypatch, 100, ROW)[1].split("  ") == ROW, "what fits is told whole"
    narrower = shown(monkeypatch, 92, ROW, ABROAD)
    assert narrower[1].split() == [ITEM, "4711", *["waits", "for", "an", "answer"], ROW[3]]
    lines = shown(monkeypatch, 64, ROW, ABROAD)
    assert lines[0].split("  ")[0].rstrip() == "ITEM"
    assert lines[1].split() == ["df487490", "4711", *ROW[2].split(), "2026-12-11T12:17Z"]
    assert "RO-DIICOT" in lines[2], "of another agency the name is told always"
    assert shown(monkeypatch, 40, ROW)[0] == "ITEM        df487490", "line by line, nothing cut"


def test_beginnings_that_do_not_tell_two_items_apart_are_no_short_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    twin = [ITEM[:-1] + "0", *ROW[1:]]
    lines = shown(monkeypatch, 64, ROW, twin)
    assert f"ITEM        {ITEM}" in lines
    assert f"ITEM        {twin[0]}" in lines


def test_a_heading_is_not_cut_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(output, "is_terminal", lambda stream: True)
    lines = tables.table(["CERTIFICATE", "ROLES"], [["y" * 30, "administrator, custodian"]])
    assert lines[0].split() == ["CERTIFICATE", "ROLES"]


def test_in_a_pipe_everything_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    lines = tables.table(HEADERS, [ROW], whole=HEADERS, short=SHORT)
    assert lines[1].split("  ") == ROW


def test_columns_that_do_not_fit_stand_below_the_others_and_nothing_is_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda stream: True)

    def told(columns: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        return tables.table(
            HEADERS, [ROW, ABROAD], whole=HEADERS, short=SHORT, below=["STATE", "FROM"]
        )

    assert len(told(100)) == 3
    assert told(46) == [
        "ITEM      GOOD UNTIL",
        "  FROM       STATE",
        "df487490  2026-12-11T12:17Z",
        "  4711       waits for an answer",
        "ef487490  2026-12-11T12:17Z",
        "  RO-DIICOT  waits for an answer",
    ]
    assert told(20)[0] == "ITEM        df487490", "line by line where even that is too wide"
