"""Foreign text cannot act on a terminal, a log or a page: named after what was tried."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.untrusted.visible import is_safe, json_safe, visible, width

ATTACKS = {
    "clear the screen and paint another": "\x1b[2J\x1b[Hverdict: verified",
    "carriage return over the line": "evil\rharmless",
    "a line of its own": "photo\nverdict: verified",
    "backspaces": "FAILED\b\b\b\b\b\bok    ",
    "C1 control sequence introducer": "\x9b2J",
    "delete": "a\x7fb",
    "null": "a\x00b",
    "vertical tab and form feed": "a\x0b\x0cb",
    "next line": "a\x85b",
    "line separator": "a\u2028b",
    "paragraph separator": "a\u2029b",
    "right-to-left override": "photo\u202egpj.exe",
    "isolates": "a\u2066b\u2069",
    "right-to-left mark": "a\u200fb",
    "Arabic letter mark": "a\u061cb",
    "zero-width space": "a\u200bb",
    "zero-width joiner": "a\u200db",
    "byte order mark": "\ufeffa",
    "soft hyphen": "a\u00adb",
    "tags": "a\U000e0041b",
    "variation selector": "a\ufe0fb",
    "further variation selectors": "a\U000e0100b",
    "Hangul filler": "a\u3164b",
    "blank braille": "a\u2800b",
    "combining grapheme joiner": "a\u034fb",
    "no-break space": "a\u00a0b",
    "ideographic space": "a\u3000b",
    "lone surrogate": "a\udc80b",
    "private use": "a\ue000b",
    "unassigned": "a\u0378b",
    "no character": "a\uffffb",
    "window title": "\x1b]0;title\x07",
    "hyperlink": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
}


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
def test_nothing_that_a_terminal_acts_on_is_left(text: str) -> None:
    shown = visible(text)
    assert all(is_safe(one) for one in shown)
    assert shown != text, "and it is seen that something was there"
    assert visible(shown) == shown
    told = json_safe(json.dumps([text], ensure_ascii=False, indent=2))
    assert all(is_safe(record) or record == "\n" for record in told)
    assert json.loads(told) == [text], "JSON says the same as before"


def test_a_flood_of_combining_marks_is_cut_and_scripts_that_need_some_stay() -> None:
    flood = "e" + "\u0301" * 500
    assert visible(flood).count("\u0301") == 4
    assert "\\u0301" in visible(flood)
    assert visible("\u0301a") == "\\u0301a", (
        "a mark that comes first would be drawn over what stands before the value"
    )
    for word in (
        "Tr\u1ea7n",
        unicodedata.normalize("NFD", "Tr\u1ea7n \u1ec7"),
        "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd",
        "\u0e17\u0e35\u0e48",
    ):
        assert visible(word) == word


def test_names_of_all_the_world_stay_as_they_are() -> None:
    for word in (
        "Müller",
        "Ștefan",
        "Ελλάδα",
        "Дело № 7",
        "日本語.jpg",
        "한국",
        "مرحبا",
        "שלום",
        "हिन्दी",
        "📷.png",
        "a  b",
        "C:\\x1b",
    ):
        assert visible(word) == word


def test_width_is_that_of_a_terminal() -> None:
    assert width("abc") == 3
    assert width("日本") == 4
    assert width("e\u0301") == 1
    assert width("📷") == 2


@given(st.text(st.characters(), max_size=60))
def test_whatever_the_text_its_visible_form_is_one_safe_line_and_stays(text: str) -> None:
    shown = visible(text)
    assert all(is_safe(one) for one in shown)
    assert len(shown.splitlines()) <= 1
    assert visible(shown) == shown
    assert json.loads(json_safe(json.dumps({text: text}, ensure_ascii=False))) == {text: text}
