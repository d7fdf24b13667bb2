"""A command line as people type it: what holds for every command stands before it or behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

#: Options that stand before the command in every hint, and that people type behind it.
_ANYWHERE: Final = ("--home", "--server", "--passphrase-file", "--offline", "--preview")


def global_first(group: Any, arguments: Sequence[str]) -> list[str]:
    """The command line with the options that hold for every command before it, wherever they were
    typed. The value of another option is never taken for one of them, and neither is anything
    behind ``--`` or an option of the command's own.

    Args:
        group: of all commands.
    """
    everywhere = {name: one for name, one in _options(group).items() if name in _ANYWHERE}
    first, rest, words, current = list[str](), list[str](), list(arguments), group
    while words:
        word = words.pop(0)
        if word == "--":
            return [*first, *rest, word, *words]
        name, joined, _ = word.partition("=")
        own = _options(current)
        option = own.get(name) or everywhere.get(name)
        taken = [word]
        if option is not None and not joined and not option.is_flag:
            taken += words[:1]
            del words[:1]
        (rest if option is None or name in own else first).extend(taken)
        if option is None and not word.startswith("-"):
            current = getattr(current, "commands", {}).get(word, current)
    return [*first, *rest]


def _options(command: Any) -> Mapping[str, Any]:
    return {
        name: param
        for param in command.params
        if param.param_type_name == "option"
        for name in (*param.opts, *param.secondary_opts)
    }
