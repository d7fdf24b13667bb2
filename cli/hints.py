"""Hints that run as printed: a command of the home is told with the home and the passphrase file
that this run was given.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

from cli.state import STATE

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
        known = found[1] in _names() and found[1] not in _HOMELESS
        return f"custody {given} {found[1]}" if known else found[0]

    return re.sub(r"\bcustody ([a-z-]+)", complete, text)


def _names() -> set[str]:
    from cli.main import app

    return {
        str(one.name or (one.callback.__name__ if one.callback else ""))
        for one in app.registered_commands
    } | {str(one.name) for one in app.registered_groups}
