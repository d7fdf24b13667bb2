"""A command line that was mistyped: commands and options that there are not, values that are none.
What was meant is told as the whole command to type, as far as it can be guessed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from cli.invocation import command_line, hints
from cli.invocation.global_options import Part
from cli.wording import event_members, known_codes

_CANDIDATES: Final = 3
_MARGIN: Final = 0.1
#: Less like what was typed than this is a guess, and a guess may be a command that takes something
#: away: `notices preview` was told to be `notices remove`.
_LIKELY: Final = 0.65
#: How typer says what a value is not, and that there are more words than a command takes.
_SHOULD: Final = re.compile(r"Input should be (?:a valid )?([^,]+)")
_ONE_OF: Final = re.compile(r"'([^']*)' is not one of (.+)")
_KINDS: Final = {"number": "a number", "integer": "a whole number"}
_TOO_MANY: Final = re.compile(r"Got unexpected extra argument\(s\) \((.+)\)", re.DOTALL)


def told(error: Any, group: Any, arguments: Sequence[str]) -> tuple[str, str] | None:
    """What is wrong with a command line, and what to do about it; None where nothing better is
    known of it than how the error tells it.

    Args:
        group: of all commands.
    """
    context, kind = getattr(error, "ctx", None), type(error).__name__
    typed = command_line.parts(group, arguments)
    if kind == "BadOptionUsage":
        return _of_no_value(error.option_name, typed)
    if context is None:
        return None
    if kind == "NoSuchOption":
        return _of_option(error.option_name, context, typed)
    if kind == "BadParameter" and error.param is not None:
        return _of_value(error, typed)
    if kind != "UsageError":
        return None
    if not hasattr(context.command, "commands"):
        return _of_words(error.message, context)
    at = _unknown(typed, group, context.command)
    return None if at is None else _of_command(at, context, group, typed)


def _of_option(name: str, context: Any, typed: Sequence[Part]) -> tuple[str, str]:
    command = context.command_path
    known = command_line.known_options(context.command) if name.startswith("--") else []
    at = next(at for at, part in enumerate(typed) if part.words[0].startswith(name))
    # What takes no value is not meant where one follows, nor the other way round.
    with_value = typed[at].words[0] != name or _is_value(typed[at + 1 : at + 2])
    close = [
        one
        for one in _close(name, known)
        if command_line.takes_value(context.command, one) is with_value
    ]
    value = typed[at].words[0].removeprefix(name)
    meant = [_with(typed, at, found + value) for found in close]
    if not close and with_value and (said := _as_field(name, context)):
        # Behind an equals sign the value belongs to the option that takes it.
        meant = [_with(typed, at, *said, *([value.removeprefix("=")] if value else []))]
    what = f"{_there_is(command)}no option {name}{_did_you_mean(close)}"
    return what, _hint(meant, f"its options: {command} --help")


def _as_field(name: str, context: Any) -> tuple[str, ...]:
    """How a correction says what was recorded by an option of that name; nothing for others."""
    field = name.removeprefix("--")
    is_one = context.command.name == "correct" and field in event_members.FIELDS
    return ("--field", field, "--new") if is_one else ()


def _is_value(behind: Sequence[Part]) -> bool:
    """Whether the part behind an option that is not known may be what it says."""
    return any(not part.option and not part.words[0].startswith("-") for part in behind)


def _of_command(at: int, context: Any, group: Any, typed: Sequence[Part]) -> tuple[str, str]:
    word, command = typed[at].words[0], context.command_path
    close = _close(word, context.command.commands)
    named = list(islice(_named(word, group), _CANDIDATES))
    if context.command is not group and len(named) > 1:
        named = []  # each group has its own of it: `dispose list` is none of the other lists
    if named and (context.command is group or not close):  # a command of another group, or of none
        outside = [part for part in typed[:at] if part.option]
        rest = [*outside, *typed[at:]]
        meant = [_with(rest, len(outside), *found) for found in named]
        close = [" ".join(found) for found in named]
    else:
        meant = [_with(typed, at, found) for found in close]
    what = f"{_there_is(command)}no command {word!r}{_did_you_mean(close)}"
    own = "" if context.command is group else f"{', '.join(context.command.commands)}; see "
    return what, _hint(meant, f"its commands: {own}{command} --help")


def _of_value(error: Any, typed: Sequence[Part]) -> tuple[str, str] | None:
    """What an option was given, and what it should have been."""
    found = _SHOULD.match(error.message)
    name = max(error.param.opts, key=len)
    if chosen := _ONE_OF.search(error.message):
        known = re.findall(r"'([^']+)'", chosen[2])
        close = _did_you_mean(known_codes.looks_like(chosen[1], known))
        return f"{name} cannot be {chosen[1]!r}{close}", f"one of {', '.join(known)}"
    given = next((part.value for part in typed if part.option == name), "")
    if found is None or not given:
        return None
    return (
        f"{name} should be {_KINDS.get(found[1], found[1])}, and is {given!r}",
        f"see {error.ctx.command_path} --help",
    )


def _of_words(message: str, context: Any) -> tuple[str, str] | None:
    """Words that a command has no place for: most often a text whose quotes were left out."""
    found = _TOO_MANY.match(message)
    if found is None:
        return None
    return (
        f"{_called(context.command_path)} has no place for: {found[1]}",
        f"to list an exhibit: {hints.command('list', '--exhibit', found[1].split()[0].rstrip('/'))}"
        if context.command.name == "list"
        else 'put words that belong together in quotes, such as "seen on arrival"; see '
        f"{context.command_path} --help",
    )


def _of_no_value(name: str, typed: Sequence[Part]) -> tuple[str, str] | None:
    """An option that lacks its value, which then ends the line, or has one and takes none."""
    at = next(
        (at for at, part in enumerate(typed) if part.words[0] == f"{name}={part.value}"),
        len(typed) - 1,
    )
    part = typed[at]
    if part.words == (name,):
        value = (part.option or name).lstrip("-").upper()
        return f"{name} is there without what it says", _with(typed, at, name, value)
    if len(part.words) > 1:
        return None
    return f"{name} takes no value, and has {part.value!r}", _with(typed, at, name)


def _close(word: str, known: Iterable[str]) -> list[str]:
    """Names that look like a word, the likeliest first; none that is much less so than that."""
    found = difflib.get_close_matches(word, known, _CANDIDATES, _LIKELY)
    likely = [difflib.SequenceMatcher(None, name, word).ratio() for name in found]
    return [name for name, ratio in zip(found, likely, strict=True) if ratio > likely[0] - _MARGIN]


def _did_you_mean(close: Sequence[str]) -> str:
    return f": did you mean {' or '.join(close)}?" if close else ""


def _there_is(path: str) -> str:
    """How it is told that something is not there, before what."""
    return f"{_called(path)} has " if " " in path else "there is "


def _called(path: str) -> str:
    """What a person calls a command of that path."""
    return path.partition(" ")[2] or path


def _hint(meant: Sequence[str], otherwise: str) -> str:
    """The commands that may have been meant, whole; where there is none, where all are told."""
    return "; or: ".join(meant) or otherwise


def _unknown(typed: Sequence[Part], group: Any, command: Any) -> int | None:
    """Where the word stands that is no command of a group; None where there is none."""
    current = group
    for at, part in enumerate(typed):
        if part.option or part.words[0].startswith("-"):
            continue
        inner = current.commands.get(part.words[0])
        if inner is None:
            return at if current is command else None
        if not hasattr(inner, "commands"):
            return None
        current = inner
    return None


def _named(word: str, group: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The commands that are called so, at whatever level."""
    for name, command in group.commands.items():
        if name == word:
            yield (*before, name)
        elif hasattr(command, "commands"):
            yield from _named(word, command, (*before, name))


def _with(typed: Sequence[Part], at: int, *instead: str) -> str:
    """The command line with other words in the place of a part."""
    words = list[str]()
    for place, part in enumerate(typed):
        words += instead if place == at else part.words
    return hints.typed(*words)
