"""Times that people type: none is guessed, and none that a clock showed twice is taken for one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.terminal import moments, questions
from ledger.domain.errors import UsageError
from tests.support.commands import within


@pytest.fixture
def in_amsterdam(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Amsterdam")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("typed", "meant", "zone"),
    [
        ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z", ""),
        ("2026-11-20 10:00 UTC", "2026-11-20T10:00:00Z", ""),
        ("2026-11-20 10:00 Europe/Amsterdam", "2026-11-20T09:00:00Z", "Europe/Amsterdam"),
        ("2026-07-20 10:00:30 Europe/Amsterdam", "2026-07-20T08:00:30Z", "Europe/Amsterdam"),
        ("2026-11-20T10:00+01:00", "2026-11-20T09:00:00Z", ""),
        ("2026-11-20T10:00:00 -0330", "2026-11-20T13:30:00Z", ""),
        ("2026-11-20 00:30 +14", "2026-11-19T10:30:00Z", ""),
        ("2026-01-01 00:00 Pacific/Kiritimati", "2025-12-31T10:00:00Z", "Pacific/Kiritimati"),
        (
            "2026-11-20 10:00 America/Argentina/Ushuaia",
            "2026-11-20T13:00:00Z",
            "America/Argentina/Ushuaia",
        ),
        # The two that a clock shows twice, each by its offset.
        ("2026-10-25 02:30 +02:00", "2026-10-25T00:30:00Z", ""),
        ("2026-10-25 02:30 +01:00", "2026-10-25T01:30:00Z", ""),
    ],
)
def test_a_time_of_any_zone_is_the_one_that_was_meant(typed: str, meant: str, zone: str) -> None:
    moment = moments.read(typed, "--occurred")
    assert (moment.text, moment.zone) == (meant, zone)


@pytest.mark.parametrize(
    "typed",
    [
        *("yesterday", "20-11-2026 10:00", "2026-11-20", "2026-02-30 10:00Z", "2026-11-20 25:00Z"),
        *("2026-11-20 10:00 CET", "2026-11-20 10:00 IST", "2026-11-20 10:00 Mars/Phobos"),
        *(
            "2026-11-20 10:00 ../../etc/passwd",
            "2026-11-20 10:00 /etc/localtime",
            "0001-01-01 00:00Z",
        ),
        *(
            "2026-11-20 10:00 +25:00",
            "2026-11-20 10:00 +01:99",
            "2026-11-20 10:00:00.5Z",
            "9999-12-31 23:59Z",
        ),
        *(
            "2026-11-20T10:00:00\u0660Z",
            "2026-11-20 10:00 Europe/Amsterdam now",
            "Ⅱ026-11-20 10:00Z",
        ),
    ],
)
def test_what_is_no_time_or_no_zone_of_one_place_is_refused(typed: str) -> None:
    with pytest.raises(UsageError, match="--occurred") as error:
        moments.read(typed, "--occurred")
    assert "Europe/Amsterdam" in str(error.value.hint)


@pytest.mark.usefixtures("in_amsterdam")
def test_a_time_without_a_zone_is_refused_in_a_script() -> None:
    with pytest.raises(UsageError, match="says no zone, and none is guessed in a script"):
        moments.read("2026-11-20 10:00", "--occurred")


@pytest.mark.usefixtures("in_amsterdam")
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("2026-11-20 10:00", "2026-11-20 10:00:00 +01:00, 2026-11-20T09:00:00Z in UTC"),
        ("2026-07-20T10:00", "2026-07-20 10:00:00 +02:00, 2026-07-20T08:00:00Z in UTC"),
    ],
)
def test_a_time_without_a_zone_is_said_with_the_offset_that_it_was_taken_with(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
    said: str,
) -> None:
    monkeypatch.setattr(questions, "can_ask", lambda: True)
    moment = moments.read(typed, "--occurred")
    assert f"--occurred {typed} says no zone; taken as local: {said}" in capsys.readouterr().err
    assert moment.text in said


@pytest.mark.usefixtures("in_amsterdam")
@pytest.mark.parametrize("zone", ["", " Europe/Amsterdam"])
@pytest.mark.parametrize(
    ("typed", "why", "choices"),
    [
        (
            "2026-10-25 02:30",
            "shown twice",
            {"2026-10-25T00:30:00Z": "02:30:00 +02:00", "2026-10-25T01:30:00Z": "02:30:00 +01:00"},
        ),
        (
            "2026-03-29 02:30",
            "never shown",
            {"2026-03-29T00:30:00Z": "01:30:00 +01:00", "2026-03-29T01:30:00Z": "03:30:00 +02:00"},
        ),
    ],
)
def test_a_time_that_clocks_showed_twice_or_never_is_refused_with_both_that_it_may_be(
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    zone: str,
    why: str,
    choices: dict[str, str],
) -> None:
    monkeypatch.setattr(questions, "can_ask", lambda: True)
    with pytest.raises(UsageError, match=why) as error:
        moments.read(typed + zone, "--occurred")
    for meant, shown in choices.items():
        written = f"{typed[:10]} {shown}"
        assert f'"{written}"' in str(error.value.hint)
        assert moments.read(written, "--occurred").text == meant, "each is taken as it was told"


def test_the_zone_that_was_named_is_recorded_beside_the_time_in_utc(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "f").write_bytes(b"at ten in Amsterdam")
    given = ("--case", "2026-901", "--occurred", "2026-11-20 10:00 Europe/Amsterdam", "--late", "x")
    home = worked["home"]
    code, _, said = within("upload", tmp_path / "f", *given, home=home)
    assert code == 0, said
    shown = within("--json", "show", "2026-901", "--basis", "test", home=home)[1]
    document = json.loads(shown)["details"][0]["document"]
    assert document["occurred"] == {"from": "2026-11-20T09:00:00Z", "zone": "Europe/Amsterdam"}
    _, printed, _ = within("show", "2026-901", "--basis", "test", home=home)
    told = " ".join(printed.split())
    assert (
        "happened: 2026-11-20 10:00:00 +01:00, 2026-11-20T09:00:00Z in UTC (Europe/Amsterdam)"
        in told
    )


@pytest.mark.parametrize(
    "words",
    [
        ("record", "hold", "A1", "--name", "x", "--until", "2027-01-01 00:00"),
        ("record", "incident", "A1", "--kind", "x", "--discovered", "2026-11-20 00:00"),
        ("upload", "x", "--occurred", "2026-11-20 00:00"),
        ("person", "suspend", "4711", "--since", "2026-11-20 00:00"),
        ("handover", "offer", "A1", "--to", "RO-DIICOT", "--return-by", "2027-11-20 00:00"),
        ("list", "--since", "2026-11-20"),
    ],
)
def test_no_option_guesses_a_zone_in_a_script(
    worked: dict[str, Path], words: tuple[str, ...]
) -> None:
    code, _, said = within(*words, home=worked["home"])
    assert (code, "none is guessed in a script" in said) == (2, True), said


def test_what_says_when_it_ends_is_signed_in_utc(worked: dict[str, Path]) -> None:
    until = ("--until", "2027-01-01 00:00 Europe/Amsterdam")
    home = worked["home"]
    assert within("record", "hold", "2026-117/A1", "--name", "z", *until, home=home)[0] == 0
    shown = within("--json", "show", "2026-117/A1", "--basis", "test", home=home)[1]
    bodies = [one["document"]["body"] for one in json.loads(shown)["details"]]
    assert bodies[-2] == {"hold": "z", "expires": "2026-12-31T23:00:00Z"}
