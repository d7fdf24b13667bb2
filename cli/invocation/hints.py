"""Hints that run as printed: commands of the home are told with the home, the server and the
passphrase file that this run was given, and their words as a shell reads them.

In a text of ours a command runs as it stands there. One in backquotes is a name, or for somebody
else, who has a home of their own: nothing is added to it.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cli.invocation.global_options import STATE
from ledger import system
from ledger.app import find_home
from ledger.domain.errors import UsageError
from ledger.domain.untrusted.visible import visible

_KNOWN: Final = set[str]()
#: Commands that work on no home, or on one that is to be named anew.
_HOMELESS: Final = ("verify", "demo", "restore")
#: The item at hand, in the place of the word that stands for one in a command: behind its name.
_ITEM: Final = re.compile(r"(?<![\w.-])(custody(?: [a-z][a-z-]*)+) ID\b")
#: An item's whole id.
_WHOLE_ID: Final = re.compile(
    r"(?<![\w-])(?:urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![\w-])"
)
_COMMAND: Final = re.compile(r"(?<![`\w./-])custody ((?:--offline )?)([a-z-]+)")


def runnable(text: str) -> str:
    """A text with its commands as they run from here, such as ``custody --home DIR anchor`` for
    ``custody anchor``, and with the item at hand for ``ID``.
    """
    text = in_short(text)
    if STATE.item:
        text = _ITEM.sub(lambda match: f"{match[1]} {quoted(STATE.item)}", text)
    given, name = options(), program()

    def complete(match: re.Match[str]) -> str:
        if match[2] not in _KNOWN:
            return match[0]
        own = f"{given} " if given and match[2] not in _HOMELESS else ""
        return f"{name} {own}{match[1]}{match[2]}"

    # What stands in backquotes is at every second place.
    parts = text.split("`")
    parts[::2] = (_COMMAND.sub(complete, part) for part in parts[::2])
    return "`".join(parts)


def in_short(text: str) -> str:
    """A text with items by the short ids under which this run told of them: what lies below the
    commands knows whole ids alone.
    """
    return _WHOLE_ID.sub(lambda match: STATE.names.get(f"urn:uuid:{match[1]}", match[0]), text)


def command(*words: object, server: str = "") -> str:
    """A command of the home as it runs from here, each word as a shell reads it.

    Args:
        server: the node that it is for, where that is another one than this run's.
    """
    given = options(server=server)
    return " ".join([program(), *([given] if given else []), *map(_word, words)])


def elsewhere(*words: object) -> str:
    """A command for somebody else, or for another home than this one."""
    return "custody " + " ".join(map(_word, words))


def typed(*words: object) -> str:
    """A command that begins with the global options as this run was given them."""
    return " ".join([program(), *map(_word, words)])


def _word(word: object) -> str:
    """A word as a shell reads it; a path is never an option, whatever a file is called."""
    text = str(word)
    is_option = isinstance(word, Path) and text.startswith("-")
    return quoted(f".{os.sep}{text}" if is_option else text)


def program() -> str:
    """How this program is called from here: `custody` where a shell finds it, else the path that
    this run was started by.
    """
    started = sys.argv[0]
    if Path(started).name not in ("custody", "custody.exe") or os.sep not in started:
        return "custody"
    there = shutil.which("custody")
    if there is not None and Path(there).resolve() == Path(started).resolve():
        return "custody"
    return quoted(started)


def options(*, server: str = "") -> str:
    """The global options of this run, as a shell reads them; empty where it was given none.

    Args:
        server: the node, where that is another one than this run's.
    """
    given: list[str] = []
    if _is_home_needed():
        given += ["--home", str(STATE.given_home)]
    if server or STATE.server:
        given += ["--server", server or STATE.server]
    return " ".join([*map(quoted, given), *passphrase_option()])


def _is_home_needed() -> bool:
    """Whether a command typed next finds another home than this run's, where it is not named."""
    if STATE.given_home is None or STATE.home_by != "--home":
        return False
    if exported := os.environ.get("CUSTODY_HOME"):
        return Path(exported) != STATE.given_home
    try:
        other = find_home.find(None)
    except UsageError:
        return True
    return not other.by or other.path.resolve() != STATE.given_home.resolve()


def passphrase_option() -> list[str]:
    """Where the passphrase is read from, for commands that name their home themselves."""
    file = STATE.given_passphrase_file
    if file is None or str(file) == os.environ.get("CUSTODY_PASSPHRASE_FILE"):
        return []
    if STATE.remembered_passphrase_file == file.resolve() and not os.environ.get(
        "CUSTODY_PASSPHRASE"
    ):
        return []
    return ["--passphrase-file", quoted(str(file))]


def quoted(text: str) -> str:
    """A word of a command as a shell reads it, also after what a terminal would act on was made
    visible (ledger/domain/untrusted/visible.py): names of files may hold anything.
    """
    if visible(text) == text or system.WINDOWS:  # whose shells have no way to write such a name
        return system.shell_word(visible(text))
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
