"""Hints that run as printed: commands of the home are told with the home, the server and the
passphrase file that this run was given, and their words as a shell reads them.

In a text of ours a command runs as it stands there. One in backquotes is a name, or for somebody
else, who has a home of their own: nothing is added to it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cli.global_options import STATE
from ledger.domain.untrusted.visible import visible

_KNOWN: Final = set[str]()
#: Commands that work on no home, or on one that is to be named anew.
_HOMELESS: Final = ("verify", "demo", "restore")
#: The item at hand, in the place of the word that stands for one in a command: behind its name.
_ITEM: Final = re.compile(r"(?<![\w.-])(custody(?: [a-z][a-z-]*)+) ID\b")
_COMMAND: Final = re.compile(r"(?<![`\w.-])custody ((?:--offline )?)([a-z-]+)")


def runnable(text: str) -> str:
    """A text with its commands as they run from here, such as ``custody --home DIR anchor`` for
    ``custody anchor``, and with the item at hand for ``ID``.
    """
    if STATE.item:
        text = _ITEM.sub(lambda match: f"{match[1]} {quoted(STATE.item)}", text)
    given = options()
    if not given:
        return text

    def complete(match: re.Match[str]) -> str:
        known = match[2] in _KNOWN and match[2] not in _HOMELESS
        return f"custody {given} {match[1]}{match[2]}" if known else match[0]

    # What stands in backquotes is at every second place.
    parts = text.split("`")
    parts[::2] = (_COMMAND.sub(complete, part) for part in parts[::2])
    return "`".join(parts)


def command(*words: object, server: str = "") -> str:
    """A command of the home as it runs from here, each word as a shell reads it.

    Args:
        server: the node that it is for, where that is another one than this run's.
    """
    given = options(server=server)
    return " ".join(
        ["custody", *([given] if given else []), *(quoted(str(word)) for word in words)]
    )


def elsewhere(*words: object) -> str:
    """A command for somebody else, or for another home than this one."""
    return "custody " + " ".join(quoted(str(word)) for word in words)


def options(*, server: str = "") -> str:
    """The global options of this run, as a shell reads them; empty where it was given none.

    Args:
        server: the node, where that is another one than this run's.
    """
    given: list[str] = []
    if STATE.home != Path("custody-home"):
        given += ["--home", str(STATE.home)]
    if server or STATE.server:
        given += ["--server", server or STATE.server]
    return " ".join([*map(quoted, given), *passphrase_option()])


def passphrase_option() -> list[str]:
    """Where the passphrase is read from, for commands that name their home themselves."""
    if STATE.passphrase_file is None:
        return []
    return ["--passphrase-file", quoted(str(STATE.passphrase_file))]


def quoted(text: str) -> str:
    """A word of a command as a shell reads it, also after what a terminal would act on was made
    visible (ledger/domain/untrusted/visible.py): names of files may hold anything.
    """
    if visible(text) == text:
        return shlex.quote(text)
    shown = (
        "\\" + character
        if character in "\\'"
        else character
        if " " <= character <= "~"
        else "".join(f"\\x{byte:02x}" for byte in character.encode(errors="surrogateescape"))
        for character in text
    )
    return f"$'{''.join(shown)}'"


def learn(names: Iterable[str]) -> None:
    """Which commands there are; told once at the start, since every command uses this module."""
    _KNOWN.update(names)
