"""Timelines: which event, by whom, and what of it was corrected; nothing of a record is acted on by
the terminal that shows it.
"""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from cli.terminal import output
from cli.wording import timeline
from cli.wording.timeline import Timeline, Told

DIGESTS = [f"{number:x}" * 64 for number in range(1, 5)]


def event(number: int, kind: str, body: dict[str, Any], **members: Any) -> Told:
    at = f"2026-11-20T1{number}:00:00Z"
    actor = {"id": "abcdefghijklmnopqrstuvwxyz", "agency": "NL-POL", "role": "officer"}
    document = {"type": kind, "actor": actor, "time": at, "body": body, **members}
    return Told(number, at, "none", "NL-POL", DIGESTS[number], document, "proven")


def corrected(number: int, target: int, pointer: str, new: Any, **more: Any) -> Told:
    body = {"target": DIGESTS[target], "pointer": pointer, "new": new, "reason": "typing error"}
    return event(number, "corrected", body | more)


RECORDED = event(0, "collected", {"description": "phone", "place": "desk"})


def told(*events: Told) -> str:
    return "\n".join(Timeline(events, {}).lines())


def test_a_value_that_was_corrected_stands_beside_the_new_one_and_by_which_event() -> None:
    lines = told(RECORDED, corrected(1, 0, "/body/place", "shelf", old="desk"))
    assert "place: was desk, now shelf (corrected by event 1)" in lines
    assert "what: phone" in lines, "what nobody corrected is told as it was"
    assert "about: event 0, collected" in lines


def test_of_several_corrections_the_value_that_stands_is_told() -> None:
    lines = told(
        RECORDED,
        corrected(1, 0, "/body/place", "shelf"),
        corrected(2, 0, "/body/place", "safe"),
        corrected(3, 2, "/body/new", "vault"),
    )
    assert "place: was desk, now vault (corrected by event 1, 2)" in lines


def test_numbers_of_events_stand_where_digests_were() -> None:
    lines = told(RECORDED, event(1, "approved", {"target": DIGESTS[0]}))
    assert re.search(
        r"^  0  10:00:00  collected                officer abcdefgh of NL-POL$", lines, re.MULTILINE
    )
    assert re.search(r"^  1  11:00:00  approved ", lines, re.MULTILINE)
    assert not re.search(r"[0-9a-f]{64}", lines)


def test_the_digest_of_a_file_stays_whole_since_it_is_compared_letter_by_letter() -> None:
    digest = "0123456789abcdef" * 4
    lines = told(event(0, "acquired", {"name": "f", "digests": {"sha-256": digest}}))
    assert f"\n              {digest}" in lines


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda _: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.usefixtures("at_terminal")
def test_a_corrected_value_is_struck_through_at_a_terminal_and_nothing_of_it_is_acted_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    attack = "\x1b[29m\x1b[2Jphone\u202e"
    recorded = event(0, "collected", {"description": attack, "place": "desk"})
    changes = [
        corrected(1, 0, "/body/description", "\x1b]0;x\x07tablet"),
        corrected(2, 0, "/body/place", "shelf"),
    ]
    output.show(*Timeline([recorded, *changes], {}).lines())
    shown = capsys.readouterr().out
    assert "place: \x1b[9mdesk\x1b[29m  shelf  (corrected by event 2)\n" in shown
    assert set(re.findall(r"\x1b\[\d+m|\x1b", shown)) == {"\x1b[9m", "\x1b[29m"}
    assert shown.count("\x1b") == 2
    assert "\u202e" not in shown
    assert "\x07" not in shown


@pytest.mark.usefixtures("at_terminal")
def test_what_is_too_long_to_stand_beside_the_new_value_is_told_in_words() -> None:
    lines = told(RECORDED, corrected(1, 0, "/body/place", "x" * 70))
    assert "place: was desk, now" in lines
    assert "\x1b" not in lines


@pytest.mark.parametrize("term", ["", "dumb"])
@pytest.mark.usefixtures("at_terminal")
def test_a_terminal_that_strikes_nothing_through_is_sent_no_code(
    monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    monkeypatch.setenv("TERM", term)
    assert not output.can_strike()


def test_times_are_told_as_clocks_go_here_with_utc_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "signed at" not in told(RECORDED), "in UTC nothing stands beside"
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        late = Told(0, "2026-11-20T20:00:00Z", "none", "NL-POL", DIGESTS[0], None, "proven")
        lines = told(late).splitlines()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert lines[0] == "2026-11-21"
    assert lines[2].startswith("  0  01:30:00  event (sealed)")
    assert lines[3].strip() == "signed at 2026-11-21 01:30:00 +05:30, 2026-11-20T20:00:00Z in UTC"


def test_of_an_event_of_an_unknown_type_all_is_told_as_it_stands() -> None:
    assert "place: desk" in told(event(0, "not-yet-known", {"place": "desk"}))
    assert timeline.Timeline([], {}).lines() == []
