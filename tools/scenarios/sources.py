"""Where a newcomer has a command from: what the last commands told them, README.md, or ``--help``.

A command that none of these tells is a dead end for somebody who has never seen the project.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
#: A command inside a text, up to the end of its line or to what a sentence goes on with.
_COMMAND: Final = re.compile(r"(?<![\w/-])custody ([a-z][^\n]*)")
#: A word that stands for one of the reader's own.
_PLACE: Final = re.compile(r"\{?[A-Z][A-Z0-9_-]*\}?")


def source_of(line: str, told: Iterable[str]) -> str:
    """Where a command is told: ``hint``, ``README`` or ``help``; empty where it is told nowhere.

    Args:
        line: the command as it is typed.
        told: what earlier commands of the session showed.
    """
    words = shlex.split(line)[1:]
    if any(_is_told(words, _told_in(text)) for text in told):
        return "hint"
    readme = (_ROOT / "README.md").read_text()
    if any(_shape(words) == _shape(known) for known in _told_in(readme)):
        return "README"
    return "help" if _is_in_help(words) else ""


def _told_in(text: str) -> list[list[str]]:
    """The commands of a text, each as words; a line that ends in a backslash goes on."""
    found = []
    for match in _COMMAND.finditer(re.sub(r"\\\n\s*", "", text)):
        told = re.split(r"\s{2,}|\s#|`", match[1])[0].rstrip(".,:;)")
        try:
            found.append(shlex.split(told))
        except ValueError:  # an apostrophe of a sentence
            continue
    return found


def _is_told(words: list[str], known: list[list[str]]) -> bool:
    """Whether one of the told commands is this one, but for words that stand for the reader's."""
    return any(
        len(told) == len(words)
        and all(
            word == said or _PLACE.fullmatch(said) for word, said in zip(words, told, strict=True)
        )
        for told in known
    )


def _shape(words: list[str]) -> tuple[str, tuple[str, ...]]:
    """A command's name and its options, whatever their values are."""
    name = _name(words)
    return name, tuple(sorted(word for word in words if word.startswith("-")))


def _name(words: list[str]) -> str:
    """The command: one word, or two where the first one is a group."""
    pages = _help()
    two = " ".join(words[:2])
    return two if two in pages else words[0]


def _is_in_help(words: list[str]) -> bool:
    page = _help().get(_name(words), "")
    return bool(page) and all(
        re.search(rf"(^|[\s,]){re.escape(word)}\b", page) for word in words if word[0] == "-"
    )


def _help() -> dict[str, str]:
    """What ``custody COMMAND --help`` prints, by command."""
    text = (_ROOT / "docs" / "cli.md").read_text()
    parts = re.split(r"^## custody ?(.*)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))
