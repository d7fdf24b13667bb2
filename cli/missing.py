"""What a command lacks: asked for at a terminal, else told with the whole command to type.

It is the same for every command: a person who left something out answers a question, and a script
is told the one line that it should have been.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from cli import command_line, hints, questions
from cli.global_options import STATE
from ledger.domain.errors import UsageError

#: In the place of words that only the person who types a command can say: they are signed.
OWN_WORDS: Final = "WHY"


def with_own_words(arguments: Sequence[str]) -> list[str]:
    """The command line with what somebody answers in the place of the word that stands for it, so
    that a hint runs as it is printed, and no placeholder is signed as their reason.

    Raises:
        UsageError: an option has that word, and nobody can be asked, or nothing was answered.
    """
    said = list[str]()
    for at, (name, joined, value) in enumerate(_values(arguments)):
        if arguments[at] == "--":
            return [*said, *arguments[at:]]
        asked = name.startswith("--") and value == OWN_WORDS
        said.append(f"{name}=" * joined + _own(name) if asked else arguments[at])
    return said


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


def _own(option: str) -> str:
    answer = questions.text(f"{option}: why? Your words are signed and recorded:")
    if not answer:
        raise UsageError(
            f"{OWN_WORDS} stands for your own words: they are signed, and stay in the record",
            hint=f'say it in quotes, such as {option} "asked for by the prosecutor"',
        )
    return answer


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
    return [name, name.lstrip("-").upper()]


def _what(param: Any) -> str:
    """What it is, as its help says."""
    return str(param.help or _name(param)).removesuffix(".")
