"""Where a passphrase comes from; never from the command line, where others could read it.

In this order: --passphrase-file, CUSTODY_PASSPHRASE_FILE, CUSTODY_PASSPHRASE, the file that is
remembered of the home, the desktop's key store where it was put there, the prompt.

A new passphrase is never one that is remembered of another home. It is a long one, of whatever
characters (NIST SP 800-63B): whoever gets a copy of the home tries as many as they can pay for. One
that was chosen before goes on.
"""

from __future__ import annotations

import sys
from typing import Final

from cli.invocation.global_options import STATE
from cli.invocation.hints import command
from cli.terminal import output, questions
from ledger.app import find_home, settings
from ledger.domain.errors import CustodyError, UsageError

#: Characters that a new passphrase has, or more.
LEAST: Final = 12
_TYPED: Final = "you, at a prompt"
_LIKE: Final = "four or five words that have nothing in common"


def ask() -> bytes:
    """The passphrase of the home.

    Raises:
        UsageError: there is none, and nobody can be asked.
    """
    found = settings.passphrase(STATE.given_passphrase_file)
    if found is None:
        found = _remembered()
    if found is None:
        found = questions.secret("Passphrase")
    if found is None:
        raise _none()
    return found


def choose() -> bytes:
    """A new passphrase, for a home that is made: at a terminal whoever chooses it is told what of.

    Raises:
        UsageError: it is too short, or there is none, and nobody can be asked.
    """
    found = settings.passphrase(STATE.given_passphrase_file)
    if found is not None:
        if wrong := _refused(found):
            raise UsageError(f"{wrong}: nothing was made", hint=f"choose {_LIKE}")
        return found
    if output.is_terminal(sys.stdin):
        output.say(
            f"Choose a passphrase for the keys in {STATE.home}.",
            "It is asked for whenever somebody works there.",
            f"At least {LEAST} characters: {_LIKE}.",
            "Nobody can recover it, and without it nothing there can be opened:",
            "keep a copy in a safe place. You type it twice, and it is not shown.",
        )
    found = questions.secret("New passphrase", refused=_refused)
    if found is None:
        raise _none()
    return found


def _refused(chosen: bytes) -> str:
    """Why a new passphrase may not be chosen; empty where it may."""
    length = len(chosen.decode(errors="surrogateescape"))
    if length >= LEAST:
        return ""
    return f"a new passphrase has at least {LEAST} characters, and this one has {length}"


def keeping() -> list[str]:
    """How a passphrase that was typed need not be typed again, where this desktop can keep it."""
    from ledger.adapters.keystore import desktop

    if source() != _TYPED or not desktop.is_there():
        return []
    return [
        "Not to be asked for the passphrase each time, have your desktop keep it: "
        + command("home", "keep-passphrase")
    ]


def _none() -> UsageError:
    return UsageError(
        f"no passphrase: nobody can be asked here, and there is none in {', '.join(_looked())}",
        hint="give --passphrase-file FILE, or set CUSTODY_PASSPHRASE_FILE",
    )


def _remembered() -> bytes | None:
    if (file := STATE.passphrase_file) is not None:
        return settings.read_secret(file, what="passphrase")
    if not find_home.remembered(STATE.home).key_store:
        return None
    from ledger.adapters.keystore import desktop

    try:
        return desktop.find(STATE.home)
    except CustodyError as error:  # it is typed then
        output.say(f"the passphrase was not taken from the desktop's key store: {error.message}")
        return None


def _looked() -> list[str]:
    kept = find_home.remembered(STATE.home)
    return [
        "--passphrase-file",
        "CUSTODY_PASSPHRASE_FILE",
        "CUSTODY_PASSPHRASE",
        *([f"{kept.passphrase_file}, which is not there"] if kept.passphrase_file else []),
        *(["the desktop's key store"] if kept.key_store else []),
    ]


def source() -> str:
    """In words, where the passphrase would be taken from."""
    import os

    if STATE.given_passphrase_file is not None:
        return f"the file {STATE.given_passphrase_file}"
    if os.environ.get("CUSTODY_PASSPHRASE"):
        return "CUSTODY_PASSPHRASE"
    if (file := STATE.passphrase_file) is not None:
        is_remembered = file == STATE.remembered_passphrase_file
        return f"the file {file}, which {'is remembered' if is_remembered else 'you configured'}"
    kept = find_home.remembered(STATE.home)
    return "the desktop's key store" if kept.key_store else _TYPED
