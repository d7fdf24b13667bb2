"""A command line as people type it: what holds for every command stands before it or behind it, and
a hint repeats it otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cli.invocation import hints
from cli.invocation.global_options import STATE, Part

#: Options that stand before the command in every hint, and that people type behind it.
_ANYWHERE: Final = ("--home", "--server", "--passphrase-file", "--as", "--offline", "--preview")
_END: Final = "--"


@dataclass
class _Known:
    """The options of the command that was reached in a walk over a line, and of all commands."""

    own: Mapping[str, Any]
    everywhere: Mapping[str, Any]

    def get(self, name: str) -> Any:
        return self.own.get(name) or self.everywhere.get(name)


def parts(group: Any, arguments: Sequence[str]) -> tuple[Part, ...]:
    """A command line in its parts: options with their values, and other words. The value of an
    option is never taken for another one, and neither is anything behind ``--``.

    Args:
        group: of all commands.
    """
    everywhere = {name: one for name, one in _options(group).items() if name in _ANYWHERE}
    found, words, current, opens = list[Part](), list(arguments), group, False
    while words:
        if opens:
            words = getattr(current, "full", list)(words)
        word = words.pop(0)
        if word == _END:
            return (*found, Part((word,)), *(Part((one,), value=one) for one in words))
        known = _Known(_options(current), everywhere)
        part = _part(word, words[:1], known)
        del words[: len(part.words) - 1]
        found.append(part)
        if not word.startswith("-"):
            before, current = current, getattr(current, "commands", {}).get(word, current)
            opens = current is not before
    return tuple(found)


def _part(word: str, behind: Sequence[str], known: _Known) -> Part:
    """The part that a word begins."""
    name, joined, value = word.partition("=")
    if not word.startswith("--") and len(word) > 2 and known.get(word[:2]) is not None:
        name, joined, value = word[:2], "=", word[2:]  # a short one with its value: -cA1
    option = known.get(name)
    if option is None:
        return Part((word,), value=word)
    called, anywhere = max(option.opts, key=len), known.everywhere.get(name) is option
    if joined or option.is_flag:
        return Part((word,), called, value, anywhere=anywhere)
    return Part((word, *behind), called, "".join(behind), anywhere=anywhere)


def global_first(typed: Sequence[Part]) -> list[str]:
    """The command line with the options that hold for every command before it, wherever they were
    typed.
    """
    first = [word for part in typed if part.anywhere for word in part.words]
    return first + [word for part in typed if not part.anywhere for word in part.words]


def known_options(command: Any) -> list[str]:
    """The names of the options that may stand behind a command, its own first."""
    own = _options(command)
    hidden = {name for name, one in own.items() if one.hidden}
    return [name for name in dict.fromkeys((*own, *_ANYWHERE)) if name not in hidden]


def takes_value(command: Any, name: str) -> bool:
    """Whether an option that may stand behind a command says something; those that hold for every
    command do, but for two.
    """
    option = _options(command).get(name)
    return name not in ("--offline", "--preview") if option is None else not option.is_flag


def said(option: str) -> str:
    """The value of an option of this run; empty where it was not given."""
    return next((part.value for part in STATE.typed if part.option == option), "")


def options() -> list[str]:
    """The words of this run that say the options of its command, for another command in its
    place.
    """
    return [
        word for part in STATE.typed if part.option and not part.anywhere for word in part.words
    ]


def again(*more: object, without: Collection[str] = ()) -> str:
    """The command of this run, as it is typed again: see ``words``."""
    return hints.typed(*words(*more, without=without))


def words(*more: object, without: Collection[str] = ()) -> list[object]:
    """The command line of this run, otherwise.

    Args:
        more: options to add. without: options to leave out, with their values.
    """
    kept = [part for part in STATE.typed if part.option not in without]
    end = next((at for at, part in enumerate(kept) if part.words == (_END,)), len(kept))
    before, behind = (
        [word for part in some for word in part.words] for some in (kept[:end], kept[end:])
    )
    return [*before, *more, *behind]


def _options(command: Any) -> Mapping[str, Any]:
    return {
        name: param
        for param in command.params
        if param.param_type_name == "option"
        for name in (*param.opts, *param.secondary_opts)
    }
