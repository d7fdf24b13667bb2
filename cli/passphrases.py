"""Where a passphrase comes from; never from the command line, where others could read it.

In this order: --passphrase-file, CUSTODY_PASSPHRASE_FILE, CUSTODY_PASSPHRASE, the file that is
remembered of the home, the desktop's key store where it was put there, the prompt. A new passphrase
is never one that is remembered of another home.
"""

from __future__ import annotations

from cli import output, questions
from cli.global_options import STATE
from ledger.app import find_home, settings
from ledger.domain.errors import CustodyError, UsageError


def ask(*, confirm: bool = False) -> bytes:
    """The passphrase of the home.

    Args:
        confirm: it is a new one, and typed twice.

    Raises:
        UsageError: there is none, and nobody can be asked.
    """
    found = settings.passphrase(STATE.given_passphrase_file)
    if found is None and not confirm:
        found = _remembered()
    if found is not None:
        return found
    entered = questions.secret("Passphrase", confirm=confirm)
    if entered is None:
        raise UsageError(
            f"no passphrase: nobody can be asked here, and there is none in {', '.join(_looked())}",
            hint="give --passphrase-file FILE, or set CUSTODY_PASSPHRASE_FILE",
        )
    return entered


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
        return f"the file {file}, which is remembered"
    kept = find_home.remembered(STATE.home)
    return "the desktop's key store" if kept.key_store else "you, at a prompt"
