"""Questions to the person at the terminal: one way for all of them.

- Nothing is signed without an answer. A question is asked on stderr and answered on stdin where
  both are a terminal and a person reads the results (no --json). Everywhere else it is refused, and
  the option that answers it beforehand is named: whoever had sent stderr into a file would
  otherwise have signed for what they never saw.
- Yes is "y" or "yes". The end of the input (Ctrl-D), an empty line and everything else are no.
- Ctrl-C ends the command, as at any other moment (cli/node/interrupt.py).
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Collection
from typing import Annotated, Final

import typer

from cli.invocation.global_options import STATE
from cli.terminal import output
from ledger.domain.errors import UsageError

_YES: Final = ("y", "yes")
#: Beside every command that shows what it signs and asks.
Yes = Annotated[
    bool,
    typer.Option("--yes", help="Sign without being asked; needed where nobody can be asked."),
]


def can_ask() -> bool:
    """Whether somebody is there who sees a question and can answer it."""
    return not STATE.json and output.is_terminal(sys.stdin) and output.is_terminal(sys.stderr)


def require(*, yes: bool) -> None:
    """Refuse what will be asked where nobody can be: before anything is read, fetched or recorded
    for it.

    Raises:
        UsageError: nobody said yes beforehand, and nobody can be asked.
    """
    if not yes and not can_ask():
        raise UsageError(
            "nothing was signed: nobody can be asked, without a terminal on stdin and stderr or "
            "with --json",
            hint="say --yes with the command, to sign without being asked",
        )


def agree(
    question: str,
    *,
    yes: bool,
    otherwise: str,
    hint: str | None = None,
    signed: str = "nothing was signed",
) -> None:
    """Ask whether to sign what was just shown.

    Args:
        yes: the person said so beforehand.
        otherwise: what holds when they do not agree.
        hint: what they may want to do instead. signed: what was signed before they were asked.

    Raises:
        UsageError: they do not agree, or cannot be asked.
    """
    require(yes=yes)
    if not yes and _answer(f"{question} [y/N]") not in _YES:
        raise UsageError(f"{signed}: {otherwise}", hint=hint)


def choose(question: str, letters: Collection[str]) -> str | None:
    """Ask which of several things to do, each named by a letter.

    Returns:
        the letter; None where none of them was chosen, or nobody can be asked.
    """
    if not can_ask():
        return None
    letter = _answer(question)[:1]
    return letter if letter in letters else None


def text(question: str) -> str:
    """Ask for a word, such as a service number.

    Returns:
        what was typed, without space around it; empty where nobody can be asked.
    """
    return _typed(question).strip() if can_ask() else ""


def secret(what: str, *, refused: Callable[[bytes], str] | None = None) -> bytes | None:
    """Ask for a secret, which is not shown.

    Args:
        refused: says why a new secret may not be chosen; empty where it may. A new one is asked for
            until it may, and twice, since a mistyped one would lock its owner out.

    Returns:
        the secret; None where nobody can be asked.

    Raises:
        UsageError: nothing was entered.
    """
    if not output.is_terminal(sys.stdin):
        return None
    while True:
        entered = _unseen(what)
        if refused is None:
            return entered
        wrong = refused(entered)
        if not wrong and _unseen("The same once more") == entered:
            return entered
        output.say(f"{wrong or 'what was entered differs'}; once more from the beginning")


def _unseen(what: str) -> bytes:
    """What somebody types without seeing it.

    Raises:
        UsageError: nothing was entered.
    """
    try:
        # On the terminal itself, also where stderr goes elsewhere: nobody types a secret blindly.
        entered = getpass.getpass(f"{what}: ")
    except EOFError:
        entered = ""
    if not entered:
        raise UsageError(
            "nothing was entered", hint="give --passphrase-file FILE, or set CUSTODY_PASSPHRASE"
        )
    return os.fsencode(entered)


def _answer(question: str) -> str:
    """What somebody types, in small letters; nothing where the input ends."""
    return _typed(question).strip().lower()


def _typed(question: str) -> str:
    output.ask(question)
    try:
        line = sys.stdin.readline()
    except (OSError, ValueError):  # a terminal that has gone, or bytes that are no text
        line = ""
    if not line:
        output.say("")  # what follows shall not stand behind the question
    return line
