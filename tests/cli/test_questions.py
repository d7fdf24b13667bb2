"""Every question of the program: what is shown before it, and that nothing but a yes signs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.node import session
from cli.terminal import questions
from ledger.client.handovers import handover
from ledger.domain.errors import DemandError, UsageError
from tests.support.actors import Actor, commands_of, enrolled
from tests.support.commands import within
from tests.support.desk import PASSPHRASE, Desk
from tests.support.strangers import desk, photo  # noqa: F401  (fixtures)
from tests.support.terminals import at_terminal

REQUEST = {"reason": "the case is closed", "rule": "wpg-9"}


@pytest.fixture
def second(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Actor:
    """A second person of the agency, who approves; the commands are theirs."""
    found = enrolled(desk, "custodian", "reviewer")
    commands_of(found, monkeypatch)
    return found


def requested(desk: Desk, tmp_path: Path) -> tuple[str, str, int]:
    """An item whose disposal is requested, with the request's digest and number."""
    item = photo(desk, tmp_path)
    digest = desk.record(item, "disposal-requested", REQUEST).statement
    [number] = [event.seq for event in desk.client.events(item) if event.statement == digest]
    return item, digest, number


def decisions(desk: Desk, item: str) -> list[dict[str, Any]]:
    documents = [detail.document for detail in desk.client.details(item, desk.access(item, "view"))]
    return [document for document in documents if document["type"] in ("approved", "refused")]


def commands(item: str, number: int) -> list[list[str]]:
    return [
        ["dispose", "approve", item],
        ["record", "approve", item, "--event", str(number)],
        ["record", "refuse", item, "--event", str(number), "--reason", "not yet"],
    ]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_request_is_shown_whole_before_it_is_decided_on(
    desk: Desk, second: Actor, tmp_path: Path, which: int
) -> None:
    item, digest, number = requested(desk, tmp_path)
    code, out, said = within(*commands(item, number)[which], typed="n\n")
    assert (code, out, decisions(desk, item)) == (2, "", [])
    assert "nothing was signed" in said
    told = " ".join(said.split())
    for words in (
        "item ",
        "photo.jpg",
        "disposal requested",
        f"of NL-POL, who signs as {desk.person.certificate.pseudonym}",
        "at 20",
        "the case is closed",
        "wpg-9",
        f"signed as {digest[:8]}",
    ):
        assert words in told, words
    assert within(*commands(item, number)[which], typed="y\n")[0] == 0
    [decided] = decisions(desk, item)
    assert decided["body"]["target"] == digest


def test_a_request_made_anew_behind_the_question_is_not_approved_by_it(
    desk: Desk, second: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, digest, _ = requested(desk, tmp_path)
    third = enrolled(desk, "custodian", "reviewer")

    def meanwhile(*_: Any, **__: Any) -> None:
        third.record(item, "refused", {"target": digest, "reason": "another reason"})
        desk.record(item, "disposal-requested", {"reason": "something else"})

    monkeypatch.setattr(questions, "agree", meanwhile)
    code, out, said = within("dispose", "approve", item, typed="")
    assert (code, out) == (1, ""), said
    assert "was recorded for this item after it was read" in " ".join(said.split())
    assert [one for one in decisions(desk, item) if one["type"] == "approved"] == []


def test_an_item_is_shown_as_it_stands_with_what_keeps_it_and_the_request_as_it_was_signed(
    desk: Desk, second: Actor, tmp_path: Path
) -> None:
    """Whoever approved a disposal saw a name that had been corrected long ago, and of a hold only
    when it was to be carried out.
    """
    item, digest, _ = requested(desk, tmp_path)
    opening = next(iter(desk.client.events(item))).statement
    for target, pointer, new in (
        (opening, "/body/name", "b.jpg"),
        (digest, "/body/reason", "the appeal is over"),
    ):
        change = {"target": target, "pointer": pointer, "new": new, "reason": "typed wrong"}
        desk.record(item, "corrected", change)
    desk.record(item, "hold-placed", {"hold": "appeal"})
    desk.record(item, "retention-set", {"rule": "x", "until": "2099-01-01T00:00:00Z"})
    code, _, said = within("dispose", "approve", item, typed="n\n")
    assert code == 2
    told = " ".join(said.split())
    for words in (
        "what b.jpg",
        "recorded as photo.jpg",
        "reason the case is closed",
        "reason, corrected the appeal is over",
        "holds appeal",
        "keep until 2099-01-01T00:00:00Z",
    ):
        assert words in told, words


def test_what_is_printed_after_an_approval_carries_the_disposal_out_under_its_rule(
    desk: Desk, second: Actor, tmp_path: Path
) -> None:
    item, _, _ = requested(desk, tmp_path)
    code, out, _ = within("dispose", "approve", item, "--yes")
    assert (code, "--method HOW --rule wpg-9" in out) == (0, True), out
    code, out, said = within(
        "dispose", "carry-out", item, "--method", "burnt", "--rule", "wpg-9", "--yes"
    )
    assert code == 0, said
    me, other = desk.person.certificate.pseudonym, second.pseudonym
    told = " ".join(out.split())
    for words in (
        "rule wpg-9",
        "reason the case is closed",
        "method burnt",
        f"of NL-POL, who signs as {me} approved",
        f"of NL-POL, who signs as {other}",
        "told here for the last time",
    ):
        assert words in told, words


def test_a_request_tells_what_keeps_the_disposal_from_being_carried_out_now(
    desk: Desk, second: Actor, tmp_path: Path
) -> None:
    item = photo(desk, tmp_path)
    desk.record(item, "retention-set", {"rule": "x", "until": "2099-01-01T00:00:00Z"})
    code, out, said = within("dispose", "request", item, "--reason", "over")
    assert (code, "note: now it could not be carried out" in out) == (0, True), out + said
    assert "must be kept is not over" in " ".join(out.split())
    code, out, said = within("dispose", "request", item, "--reason", "over")
    assert (code, out) == (1, "")
    assert "waits for a decision already: event 2" in said


def test_a_correction_is_shown_with_what_it_makes_of_the_record(
    desk: Desk, second: Actor, tmp_path: Path
) -> None:
    """Lists and objects were left out: whoever approved had seen half of it."""
    item = photo(desk, tmp_path)
    opening = next(iter(desk.client.events(item))).statement
    change = {"target": opening, "pointer": "/body/name", "new": "b.jpg", "reason": "typed wrong"}
    desk.record(item, "corrected", change)
    code, _, said = within("record", "approve", item, "--event", "1", typed="\n")
    assert code == 2
    for words in ("member       name\n", "b.jpg", "typed wrong", opening):
        assert words in said


@pytest.mark.parametrize(
    ("typed", "options"), [(None, []), ("y\n", ["--json"]), ("", []), ("\n", []), ("nay\n", [])]
)
def test_nothing_but_a_yes_approves(
    desk: Desk, second: Actor, tmp_path: Path, typed: str | None, options: list[str]
) -> None:
    item, _, number = requested(desk, tmp_path)
    for command in commands(item, number):
        code, out, said = within(*command, *options, typed=typed)
        assert (code, out) == (2, ""), said
        assert "nothing was signed" in said
    assert decisions(desk, item) == []


def test_a_script_that_says_yes_is_not_asked(desk: Desk, second: Actor, tmp_path: Path) -> None:
    item, digest, _ = requested(desk, tmp_path)
    assert within("dispose", "approve", item, "--yes")[0] == 0
    [decided] = decisions(desk, item)
    assert decided["body"]["target"] == digest


@pytest.mark.parametrize("missing", ["stdin", "stderr"])
def test_half_a_terminal_is_none(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stderr"):
        stream = SimpleNamespace(isatty=lambda name=name: name != missing)
        monkeypatch.setattr(sys, name, stream)
    with pytest.raises(UsageError, match="nobody can be asked"):
        questions.require(yes=False)


ASKING = """
from cli import (main)
from cli.node import (interrupt)
from cli.terminal import (output, questions)
def upload_paths(*_, **__):
    questions.agree("Sign it?", yes=False, otherwise="all is as before")
    output.show("SIGNED")
from cli.commands import upload
upload.upload_paths = upload_paths
"""


@pytest.mark.parametrize(
    ("typed", "code", "told"),
    [
        (b"y\n", 0, "SIGNED"),
        (b"\x04", 2, "nothing was signed: all is as before"),
        (b"\n", 2, "nothing was signed: all is as before"),
        (b"n\n", 2, "nothing was signed: all is as before"),
        (b"\xff\xfe\n", 2, "nothing was signed: all is as before"),
        (b"\x03", 128 + signal.SIGINT, "stopped; nothing half-written is left"),
    ],
)
def test_a_real_terminal_has_the_keys_that_end_a_question(
    typed: bytes, code: int, told: str
) -> None:
    found, said = at_terminal(["upload", "x"], "[y/N]", typed, before=ASKING)
    assert (found, "Traceback" in said) == (code, False), said
    assert told in said
    assert ("SIGNED" in said) == (code == 0)


@pytest.mark.parametrize(
    ("typed", "code", "told"),
    [
        (b"\x04", 2, "nothing was entered"),
        (b"\n", 2, "nothing was entered"),
        (b"\x03", 128 + signal.SIGINT, "stopped"),
        (b"wrong\n", 1, "passphrase"),
    ],
)
def test_a_passphrase_that_is_not_entered_opens_nothing(
    worked: dict[str, Path], typed: bytes, code: int, told: str
) -> None:
    _require_ended(worked["home"], "list", "Passphrase:", typed, code, told)


@pytest.mark.parametrize(
    ("typed", "code", "told"),
    [
        (b"\x04", 2, "is missing"),
        (b"\n", 2, "is missing"),
        (b"\x03", 128 + signal.SIGINT, "stopped; nothing half-written is left"),
    ],
)
def test_a_word_that_is_missing_and_not_answered_ends_the_command(
    worked: dict[str, Path], typed: bytes, code: int, told: str
) -> None:
    """Ctrl-C at this question was a traceback."""
    _require_ended(worked["home"], "show", ":", typed, code, told)


def _require_ended(
    home: Path, name: str, question: str, typed: bytes, code: int, told: str
) -> None:
    """A command that asks ends with a code and in words, and never with a traceback."""
    found, said = at_terminal(["--home", str(home), name], question, typed)
    assert (found, "Traceback" in said) == (code, False), said
    assert told in said


def test_a_passphrase_is_not_shown_while_it_is_typed(worked: dict[str, Path]) -> None:
    command = ["--home", str(worked["home"]), "list"]
    found, said = at_terminal(command, "Passphrase:", PASSPHRASE + b"\n")
    assert found == 0, said
    assert PASSPHRASE.decode() not in said


def test_a_suspension_that_reaches_back_says_what_it_breaks_and_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[tuple[str, int]] = []

    def suspend(who: str, *, since: int) -> SimpleNamespace:
        done.append((who, since))
        return SimpleNamespace(
            revoked="then", keepsCustodyKey=False, alsoActive=(), certifiedSince=()
        )

    @contextmanager
    def opened(**_: Any) -> Iterator[Any]:
        yield SimpleNamespace(node=SimpleNamespace(suspend=suspend, names=lambda asked: []))

    monkeypatch.setattr(session, "open_session", opened)
    who = "uhsvsxgbeqkdjg7gd2vbcbfsna"
    words = ["person", "suspend", who, "--since", "2026-11-20T10:00:00Z"]
    code, _, said = within(*words, typed="n\n")
    assert (code, done) == (2, [])
    told = " ".join(said.split())
    assert "if it was anchored after 2026-11-20T10:00:00Z. Every item in which they" in told
    assert "nothing was signed: they are not suspended" in told
    assert "keep what they recorded until now: custody person suspend" in told.replace("\\ ", "")
    for script in (words, [*words, "--json"]):
        code, _, said = within(*script)
        assert (code, done) == (2, [])
        assert "--yes" in said
    assert within(*words, typed="y\n")[0] == within(*words, "--yes")[0] == 0
    assert done == [(who, 1795168800)] * 2


def test_an_offer_without_what_the_profile_asks_for_names_the_options(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lacking(*_: Any, **__: Any) -> None:
        raise DemandError("the profile nl asks for /basis/purpose", ("/basis/purpose",), hint="x")

    @contextmanager
    def opened(**_: Any) -> Iterator[Any]:
        person = SimpleNamespace(certificate=SimpleNamespace(agency="NL-POL"))
        clock = SimpleNamespace(now=lambda: 0)
        yield SimpleNamespace(node=None, person=person, clock=clock)

    monkeypatch.setattr(session, "open_session", opened)
    monkeypatch.setattr(handover, "offer", lacking)
    item = "3f0c1d2e-0000-4000-8000-000000000000"
    code, _, said = within("handover", "offer", item, "--to", "RO-DIICOT", "--purpose", "analysis")
    assert code == 2
    assert "give --basis as well" in said


def test_who_carries_a_disposal_out_that_nobody_approved_is_told_which_request_waits(
    desk: Desk, second: Actor, tmp_path: Path
) -> None:
    item, _, number = requested(desk, tmp_path)
    code, out, said = within(
        "dispose", "carry-out", item, "--method", "burnt", "--rule", "wpg-9", "--yes"
    )
    assert (code, out) == (1, "")
    assert f"requested last, by event {number}" in " ".join(said.split())
