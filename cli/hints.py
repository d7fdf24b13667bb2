"""Hints that run as printed: a command of the home is told with the home and the passphrase file
that this run was given.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cli.state import STATE
from ledger.domain.untrusted.visible import visible

_KNOWN: Final = set[str]()
#: Commands that work on no home, or name all that they need themselves.
_HOMELESS: Final = ("verify", "demo", "init", "restore")


def runnable(text: str) -> str:
    """A hint with its commands as they run from here, such as ``custody --home DIR anchor`` for
    ``custody anchor``.
    """
    options: list[str] = []
    if STATE.home != Path("custody-home"):
        options += ["--home", str(STATE.home)]
    if STATE.server:
        options += ["--server", STATE.server]
    if STATE.passphrase_file is not None:
        options += ["--passphrase-file", str(STATE.passphrase_file)]
    if not options:
        return text
    given = " ".join(map(shlex.quote, options))

    def complete(found: re.Match[str]) -> str:
        known = found[1] in _KNOWN and found[1] not in _HOMELESS
        return f"custody {given} {found[1]}" if known else found[0]

    return re.sub(r"\bcustody ([a-z-]+)", complete, text)


def quoted(text: str) -> str:
    """A word of a command as a shell reads it, also after what a terminal would act on was made
    visible (ledger/domain/untrusted/visible.py): names of files may hold anything.
    """
    if visible(text) == text:
        return shlex.quote(text)
    shown = (
        "\\" + one
        if one in "\\'"
        else one
        if " " <= one <= "~"
        else "".join(f"\\x{byte:02x}" for byte in one.encode(errors="surrogateescape"))
        for one in text
    )
    return f"$'{''.join(shown)}'"


def learn(names: Iterable[str]) -> None:
    """Which commands there are; told once at the start, since every command uses this module."""
    _KNOWN.update(names)
