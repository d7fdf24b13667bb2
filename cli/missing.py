"""What a command lacks: asked for at a terminal, else told with the whole command to type.

It is the same for every command: a person who left something out answers a question, and a script
is told the one line that it should have been.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from cli.invocation import command_line, hints
from cli.invocation.global_options import STATE, Part
from cli.terminal import questions
from ledger.domain.errors import UsageError

#: In hints, in the place of what only the person who types a command can say. Files and addresses
#: are not among them: one that is not there is told as that.
_PLACEHOLDERS: Final = frozenset(
    {
        *("WHY", "WHAT", "WHAT-YOU-FOUND", "HOW", "WHO", "WHEN", "WHERE", "REASON", "TEXT", "YOU"),
        *("NUMBER", "OTHER-NUMBER", "CODE", "AGENCY", "MARK", "ROLE", "RULE", "KIND", "METHOD"),
    }
)
#: What a command calls an argument that is recorded as somebody's words.
_SPOKEN: Final = {"note": "TEXT", "seize": "DESCRIPTION"}


def with_own_words(typed: Sequence[Part]) -> list[str]:
    """The command line with what somebody answers in the place of each word that stands for it, so
    that a hint runs as it is printed, and no placeholder is signed as their reason, or recorded as
    an exhibit number.

    Raises:
        UsageError: such a word is there, and nobody can be asked, or nothing was answered.
    """
    said = list[str]()
    command = next((part.value for part in typed if not part.option), "")
    for at, part in enumerate(typed):
        if part.words == ("--",):
            return [*said, *(word for left in typed[at:] for word in left.words)]
        if not _is_placeholder(part, command):
            said += part.words
            continue
        answer = _own(part)
        first = part.words[0]
        joined = first.removesuffix(part.value)
        said += [first, answer] if len(part.words) > 1 else [joined + answer]
    return said


def _is_placeholder(part: Part, command: str) -> bool:
    """Whether a part of a command line has a word in the place of what somebody shall say: one of
    ours, or the option's own name in capitals (see ``told``), where no file is called so.
    """
    word = part.value
    if not part.option:
        return word == _SPOKEN.get(command)
    own = word == _placeholder(part.option) and not Path(word).exists()
    return word in _PLACEHOLDERS or own


def require_filled(arguments: Sequence[str]) -> None:
    """Refuse words of a command line that say nothing, before anything is done by the others.

    A script whose variable is not set gives such a word, and would be taken at less than it meant:
    `upload "$FILE"` for the working folder, `--trust-fingerprint "$TOLD"` for no comparison,
    `--case "$CASE"` for a record of no case.

    Raises:
        UsageError: one is empty, or has nothing but blanks.
    """
    for name, _, value in _values(arguments):
        if not value.strip():
            what = f"nothing is said with {name}" if name else "a word of the command is empty"
            raise UsageError(
                what,
                hint="say it, or leave it out; a variable that is not set looks like this in a "
                "script",
            )


def _values(arguments: Sequence[str]) -> Iterator[tuple[str, bool, str]]:
    """Of each word of a command line the option that it stands behind or belongs to (empty for
    none), whether it is joined to that by "=", and what it says: the value of a joined one, else
    the word itself.
    """
    option = ""
    for word in arguments:
        name, joined, value = word.partition("=") if word.startswith("--") else (option, "", word)
        yield name, bool(joined), value if joined else word
        option = word if word.startswith("-") and word != "--" and not joined else ""


def _own(part: Part) -> str:
    """What somebody says in the place of a word.

    Raises:
        UsageError: nobody can be asked, or nothing was answered.
    """
    what, word = part.option or "the words", part.value
    if word == "WHY":
        answer = questions.text(f"{what}: why? Your words are signed and recorded:")
    else:
        answer = questions.text(f"{what}: what shall stand there in the place of {word}?")
    if answer:
        return answer
    if word == "WHY":
        raise UsageError(
            f"{word} stands for your own words: they are signed, and stay in the record",
            hint=f'say it in quotes, such as {what} "asked for by the prosecutor"',
        )
    raise UsageError(
        f"{word} stands for what only you can say, and nothing was done",
        hint=f"put what you mean in its place, behind {part.option}"
        if part.option
        else "say it in quotes",
    )


def is_lacking(error: Exception) -> bool:
    """Whether a command line failed since an argument or an option is not there."""
    return type(error).__name__ == "MissingParameter" and getattr(error, "param", None) is not None


def answered(error: Any, arguments: Sequence[str]) -> list[str] | None:
    """The command line with what it lacks, as somebody at a terminal answers; None where nobody
    can be asked, or nothing was answered.
    """
    param = error.param
    words = questions.text(f"{_what(param)}:")
    if not words:
        return None
    if _is_option(param):
        return list(map(str, command_line.words(_name(param), words)))
    return [*arguments, words]


def told(error: Any) -> tuple[str, str]:
    """What is missing, and the whole command with a word in capitals for each thing to fill in."""
    param, params = error.param, error.ctx.command.params
    behind, given = params[params.index(param) :], {part.option for part in STATE.typed}
    lacking = [
        one
        for one in params
        if one.required
        and (
            _name(one) not in given if _is_option(one) else one in behind and not _is_option(param)
        )
    ]
    forms = [(_is_option(one), word) for one in lacking for word in _form(one)]
    options = [word for is_option, word in forms if is_option]
    others = [word for is_option, word in forms if not is_option]
    command = hints.typed(*command_line.words(*options), *others)
    return f"{_form(param)[0]} is missing: {_what(param)}", command


def _is_option(param: Any) -> bool:
    return str(param.param_type_name) == "option"


def _name(param: Any) -> str:
    return str(max(param.opts, key=len))


def _form(param: Any) -> list[str]:
    """How it stands in a command, with a word in capitals for what is to be filled in."""
    if not _is_option(param):
        return [str(param.metavar or param.name).strip("[]").upper()]
    name = _name(param)
    return [name, _placeholder(name)]


def _placeholder(option: str) -> str:
    return option.lstrip("-").upper()


def _what(param: Any) -> str:
    """What it is, as its help says."""
    return str(param.help or _name(param)).removesuffix(".")
