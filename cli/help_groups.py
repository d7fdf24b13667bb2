"""Which commands there are, in groups by who uses them and for what. A command is imported when it
is asked for: all of them together take longer than most commands run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

#: Every command of `custody`, in the order in which people meet it, and the module of
#: `cli.commands` that has it.
GROUPS: Final[dict[str, dict[str, str]]] = {
    "Evidence": {
        "upload": "upload",
        "watch": "watch",
        "import": "import_register",
        "label": "label",
        "seize": "seize",
        "derive": "derive",
        "inbox": "inbox",
        "list": "list_items",
        "show": "show",
        "note": "note",
        "correct": "correct",
        "record": "record",
        "get": "get",
        "case": "case",
        "tree": "copy",
    },
    "From hand to hand": {
        "handover": "handover",
        "check-out": "check_out",
        "check-in": "check_out",
        "share": "disclose",
        "copy": "copy",
        "disclose": "disclose",
        "dispose": "dispose",
        "field": "field",
    },
    "Proof": {
        "verify": "verify",
        "court": "court",
        "bundle": "bundle",
        "trust": "trust",
        "recheck": "recheck",
        "audit": "audit",
        "monitor": "monitor",
        "demo": "demo",
    },
    "Home and login": {
        "init": "init",
        "home": "home",
        "config": "config",
        "use": "use",
        "login": "session",
        "session": "session",
    },
    "The node": {
        "serve": "serve",
        "status": "status",
        "anchor": "anchor",
        "fixity": "fixity",
        "doctor": "doctor",
        "backup": "backup",
        "restore": "restore",
        "collect": "collect",
        "ipfs": "ipfs",
        "log": "log",
        "stamp": "stamp",
    },
    "The agency and its partners": {
        "person": "person",
        "alarms": "session",
        "notices": "notices",
        "oidc": "session",
        "profile": "profile",
        "agency": "agency",
        "partner": "partner",
        "network": "network",
        "chain": "chain",
    },
}
#: The module of each command.
NAMES: Final = {name: module for group in GROUPS.values() for name, module in group.items()}
_SENTENCE: Final = re.compile(r"(.+?)(?:[.:;] |\.?$)", re.DOTALL)
_LONGEST: Final = 100  # characters: two lines on 80 columns


class _Commands(Mapping[str, Any]):
    """Every command by its name, made when it is asked for.

    Args:
        made: those that a caller made itself.
    """

    def __init__(self, made: Mapping[str, Any]) -> None:
        self._made = dict(made)

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            app = typer.Typer(rich_markup_mode=None)
            app.callback()(lambda: None)  # a group, also of one command alone
            import_module(f"cli.commands.{NAMES[name]}").register(app)
            self._made |= typer.main.get_group(app).commands
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*NAMES, *self._made)))

    def __len__(self) -> int:
        return len(NAMES.keys() | self._made)

    def __contains__(self, name: object) -> bool:
        return name in NAMES or name in self._made


class Grouped(TyperGroup):
    """The commands of `custody`, each with the whole first sentence of its own help."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        # Nothing writes it.
        self.commands = _Commands(self.commands)  # type: ignore[assignment]

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  (typer's)
        """Write the groups."""
        told = {name: first_sentence(one.help or "") for name, one in self.commands.items()}
        width = max(map(len, told))  # one for all, so that the groups stand as one table
        for title, names in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), told[name]) for name in names])


def first_sentence(text: str) -> str:
    """What a help says first, without the full stop; up to a comma where that is long."""
    first = " ".join(text.strip().split("\n\n")[0].split())
    match = _SENTENCE.match(first)
    sentence = match[1] if match else first
    while len(sentence) > _LONGEST and "," in sentence:
        sentence = sentence.rpartition(",")[0]
    return sentence
