"""Whoever mistypes a command is told what they most likely meant, as the whole command to type."""

from __future__ import annotations

import pytest

from cli.invocation.global_options import STATE
from tests.support.commands import within


@pytest.mark.parametrize(
    ("typed", "said", "todo"),
    [
        (
            "uplod photo.jpg --case 2026-117",
            "there is no command 'uplod': did you mean upload?",
            "custody upload photo.jpg --case 2026-117",
        ),
        (
            "person aprove 4712",
            "person has no command 'aprove': did you mean approve?",
            "custody person approve 4712",
        ),
        (
            "invite 4712 --role officer",
            "there is no command 'invite': did you mean person invite?",
            "custody person invite 4712 --role officer",
        ),
        (
            "session show A1",
            "session has no command 'show'",
            "its commands: list, end; see custody session --help",
        ),
        (  # and no list of another group
            "dispose list",
            "dispose has no command 'list'",
            "its commands: request, approve, carry-out, certificate; see custody dispose --help",
        ),
        (
            "case label 2026-117/ -o x",
            "case has no command 'label': did you mean label?",
            "custody label 2026-117/ -o x",
        ),
        (  # as the option was called that recorded it
            "correct A3 --description blue --reason light",
            "correct has no option --description",
            "custody correct A3 --field description --new blue --reason light",
        ),
        (
            "correct A3 --place=there --reason light",
            "correct has no option --place",
            "custody correct A3 --field place --new there --reason light",
        ),
        (  # not `notices remove`, which takes something away
            "notices preview 4712",
            "notices has no command 'preview'",
            "its commands: set, add, remove, list, test, off; see custody notices --help",
        ),
        (
            "note A1 --txt=seen",
            "note has no option --txt: did you mean --text?",
            "custody note A1 --text=seen",
        ),
        (
            "list --hom x",
            "list has no option --hom: did you mean --home?",
            "custody list --home x",
        ),
        (
            "--hom x list",
            "there is no option --hom: did you mean --home?",
            "custody --home x list",
        ),
        ("nonsense", "there is no command 'nonsense'", "its commands: custody --help"),
        ("list -x", "list has no option -x", "its options: custody list --help"),
        (
            "upload x -e",
            "-e is there without what it says",
            "custody upload x -e EXHIBIT",
        ),
        (
            "handover offer 2026-117/A7 --to-person",
            "--to-person is there without what it says",
            "custody handover offer 2026-117/A7 --to-person TO-PERSON",
        ),
        ("--home", "--home is there without what it says", "custody --home HOME"),
        ("list --json=yes", "--json takes no value, and has 'yes'", "custody list --json"),
        (
            "note A1 --text seen on arrival",
            "note has no place for: arrival",
            (
                'put words that belong together in quotes, such as "seen on arrival"; see custody note '
                "--help"
            ),
        ),
        (
            "audit --sample many",
            "--sample should be a number, and is 'many'",
            "see custody audit --help",
        ),
        (
            "serve --port 99999",
            "--port should be less than or equal to 65535, and is '99999'",
            "see custody serve --help",
        ),
    ],
)
def test_what_was_mistyped_is_told_with_the_whole_command_that_was_meant(
    typed: str, said: str, todo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("home", None), ("server", ""), ("passphrase_file", None)):
        monkeypatch.setattr(STATE, name, value)  # as in a process of its own
    code, printed, told = within(*typed.split())
    assert (code, printed) == (2, "")
    assert told.splitlines() == [f"custody: {said}", f"  what to do: {todo}"]
