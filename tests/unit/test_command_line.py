"""Options that hold for every command stand before it and behind it, and nothing else is moved."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli import commands, help_groups
from cli.invocation.command_line import again, global_first, parts
from cli.invocation.global_options import STATE
from tests.unit.test_hints import APP


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("list --home h", "--home h list"),
        ("list --home=h --json", "--home=h list --json"),
        ("--home h list --offline", "--home h --offline list"),
        ("handover offer A1 --server u --to RO", "--server u handover offer A1 --to RO"),
        ("person enrol f --passphrase-file p", "--passphrase-file p person enrol f"),
        # The value of another option, whatever it looks like.
        ("note A1 --text --offline", "note A1 --text --offline"),
        ("court A1 -o --home", "court A1 -o --home"),
        # A file of that name.
        ("upload -- --home", "upload -- --home"),
        # A value that a command has, and the value that is missing.
        ("note --home", "--home note"),
        ("unknown --home h", "--home h unknown"),
        ("", ""),
    ],
)
def test_an_option_of_every_command_is_found_behind_it_and_no_value_is_taken_for_one(
    typed: str, meant: str
) -> None:
    assert global_first(parts(APP, typed.split())) == meant.split()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("handover A1 --to 4712", "handover offer A1 --to 4712"),
        (
            "handover 2026-117/A2/ 2026-117/A3 -t 4712",
            "handover offer 2026-117/A2/ 2026-117/A3 -t 4712",
        ),
        ("handover --to=4712 A1", "handover offer --to=4712 A1"),
        ("handover -t4712 A1", "handover offer -t4712 A1"),
        ("handover --home h A1 --purpose --home", "handover --home h offer A1 --purpose --home"),
        ("handover case:2026-117 --to X", "handover offer case:2026-117 --to X"),
        # A command, or what looks like one: a mistyped one is no item.
        ("handover accept A1", "handover accept A1"),
        ("handover acept A1", "handover acept A1"),
        ("handover offer A1", "handover offer A1"),
        ("handover --help", "handover --help"),
        ("handover", "handover"),
        ("note handover A1", "note handover A1"),
    ],
)
def test_an_offer_needs_no_word_of_its_own_and_no_other_command_is_taken_for_one(
    typed: str, meant: str
) -> None:
    assert [word for part in parts(APP, typed.split()) for word in part.words] == meant.split()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("upload x --case 1 --exhibit A1", "upload x --case 1 --part-of A1"),
        ("upload x -c 1 -e A1 --json", "upload x -c 1 --json --part-of A1"),
        ("upload x -eA1 -c1", "upload x -c1 --part-of A1"),
        ("upload --exhibit=A1 -- -e", "upload --part-of A1 -- -e"),
        # The value of another option, whatever it looks like.
        ("note A1 --text -- --exhibit", "note A1 --text -- --exhibit --part-of A1"),
        ("--home h upload x --exhibit", "--home h upload x --part-of A1"),
    ],
)
def test_a_command_is_typed_again_without_an_option_however_that_was_given(
    monkeypatch: pytest.MonkeyPatch, typed: str, told: str
) -> None:
    """Whoever had typed `-e A1` was told of no other number, or of one behind it."""
    monkeypatch.setattr(STATE, "typed", parts(APP, typed.split()))
    assert again("--part-of", "A1", without=("--exhibit",)) == f"custody {told}"


def test_every_command_is_made_by_the_module_that_the_groups_of_the_help_name() -> None:
    named = [name for names in help_groups.GROUPS.values() for name in names]
    assert sorted(named) == sorted(APP.commands)
    assert all(APP.commands[name].name == name for name in named)
    files = Path(commands.__file__).parent.glob("*.py")
    own = {file.stem for file in files if "\ndef register(app: " in file.read_text()}
    assert own == set(help_groups.NAMES.values())


def test_a_command_that_is_not_asked_for_is_not_imported() -> None:
    """Every command waited 0.5 s for all others."""
    ask = "import sys; from cli import main; main.run(['list', '--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("cli.commands.")}
    assert "cli.commands.list_items" in loaded
    assert loaded.isdisjoint({"cli.commands.verify", "cli.commands.stamp", "cli.commands.audit"})


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Show an item.\n\nMore.", "Show an item"),
        ("People of the agency: invite, enrol.", "People of the agency"),
        ("A, b and c", "A, b and c"),
        ("", ""),
        ("Words, " * 20, "Words, " * 13 + "Words"),
    ],
)
def test_a_command_is_told_by_its_first_sentence_and_never_cut_within_a_word(
    text: str, first: str
) -> None:
    assert help_groups.first_sentence(text) == first
