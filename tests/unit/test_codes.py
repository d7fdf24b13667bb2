"""Exit codes: 1 is a contradiction that was found; what could not be read or reached never looks
like one.
"""

from __future__ import annotations

from typing import Any

import pytest

import cli.main  # noqa: F401  (hints know the commands that it has)
from cli.commands.fixity import _code as fixity_code
from cli.invocation import hints
from cli.invocation.global_options import STATE
from cli.terminal import output
from ledger.domain import errors
from ledger.domain.files import file_kind
from ledger.domain.ports.answers import Fixity


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(STATE, "command", "")
    monkeypatch.setattr(STATE, "server", "")
    monkeypatch.setattr(STATE, "passphrase_file", None)


@pytest.mark.parametrize(
    ("error", "judging", "reading", "others"),
    [
        (errors.VerificationError(9, "other bytes"), 1, 1, 1),
        (errors.FrozenError("tiles and entries disagree"), 1, 1, 1),
        (errors.UsageError("no"), 2, 2, 2),
        (errors.IncompleteError(7, "no block"), 3, 3, 3),
        (errors.UnreadableError("bad sector"), 4, 4, 4),
        (errors.NetworkError("no answer"), 3, 3, 1),
        (errors.UnconfirmedError("answer lost"), 3, 3, 3),
        (errors.LockedError("in use"), 3, 3, 1),
        (errors.ChainError("no answer"), 3, 1, 1),
        (errors.KeyringError("wrong passphrase"), 3, 1, 1),
        (errors.DeniedError("no key"), 3, 1, 1),
        (errors.NotFoundError("no such item"), 3, 1, 1),
        (errors.StorageError("database failed"), 4, 1, 1),
        (errors.FormatError("nonsense"), 4, 1, 1),
        (OSError(5, "Input/output error"), 4, 1, 1),
        (ZeroDivisionError(), 4, 1, 1),
    ],
)
def test_a_judging_command_ends_with_1_only_for_a_contradiction(
    error: Exception, judging: int, reading: int, others: int
) -> None:
    for command, expected in (
        ("verify", judging),
        ("audit", judging),
        ("doctor", judging),
        ("get", reading),
        ("record", others),
    ):
        STATE.command = command
        assert output.exit_code(error) == expected, command


def _reading(result: str, repaired: int = 0, **bad: int) -> Fixity:
    return Fixity("a", result, 1, bad, repaired, 0, complete=result != "unreachable")


@pytest.mark.parametrize(
    ("readings", "code"),
    [
        ([], 3),
        ([_reading("match")], 0),
        ([_reading("mismatch", mismatch=1)], 1),
        ([_reading("missing", missing=2)], 1),
        ([_reading("unreadable", unreadable=1)], 4),
        ([_reading("mismatch", mismatch=1, unreadable=1)], 1),
        ([_reading("mismatch", 1, mismatch=1)], 0),
        ([_reading("match"), _reading("unreachable")], 3),
        ([_reading("unreadable", unreadable=1), _reading("unreachable")], 4),
    ],
)
def test_fixity_tells_damage_from_what_could_not_be_read_and_from_nothing(
    readings: list[Fixity], code: int
) -> None:
    assert fixity_code({"urn:uuid:x": readings} if readings else {}) == code


def test_hints_name_the_home_that_was_worked_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(STATE, "home", tmp_path / "my home")
    home = f"'{tmp_path}/my home'"
    assert hints.runnable("run: custody anchor") == f"run: custody --home {home} anchor"
    assert hints.runnable("custody verify BUNDLE FILE") == "custody verify BUNDLE FILE"
    assert hints.runnable("use a newer custody to verify it") == "use a newer custody to verify it"


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "an empty file"),
        (b"\xff\xd8\xff\xe1", "a JPEG image"),
        (b"%PDF-1.7", "a PDF document"),
        (b'\xef\xbb\xbf{"finality":[{"kind":"rpc"}],"kind":"custody-trust-root"}', "a trust root"),
        (b'{"kind":"other"}', "a JSON file"),
        (b"{", "a JSON file"),
        (b"caf\xc3\xa9 ", "a text"),
        ("é".encode() * 3000, "a text"),
        (b"\x80\x81", "a file of another kind"),
        (b"\xac\x61v\x01dcrls", "an evidence bundle"),
        (b"\xb8\x1ea", "a file of another kind"),
    ],
)
def test_a_file_is_named_by_its_first_bytes(head: bytes, words: str) -> None:
    assert file_kind.describe(head[: file_kind.HEAD]) == words
