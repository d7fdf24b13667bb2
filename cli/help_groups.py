"""The commands in the help of `custody`, in groups by who uses them and for what, each with the
whole first sentence of its own help.
"""

from __future__ import annotations

import re
from typing import Any, Final

from typer.core import TyperGroup

#: Every command of `custody`, in the order in which people meet it.
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Evidence": (
        *(
            "upload",
            "watch",
            "import",
            "label",
            "seize",
            "derive",
            "inbox",
            "list",
            "show",
            "note",
            "correct",
            "record",
            "get",
        ),
        "case",
        "tree",
    ),
    "From hand to hand": (
        *("handover", "check-out", "check-in", "share", "copy", "disclose", "dispose", "field"),
    ),
    "Proof": ("verify", "court", "bundle", "trust", "recheck", "audit", "monitor", "demo"),
    "Home and login": ("init", "home", "config", "use", "login", "session"),
    "The node": (
        *("serve", "status", "anchor", "fixity", "doctor", "backup", "restore", "collect"),
        *("ipfs", "log", "stamp"),
    ),
    "The agency and its partners": (
        *("person", "alarms", "notices", "oidc", "profile", "agency", "partner", "network"),
        "chain",
    ),
}
_SENTENCE: Final = re.compile(r"(.+?)(?:[.:;] |\.?$)", re.DOTALL)
_LONGEST: Final = 100  # characters: two lines on 80 columns


class Grouped(TyperGroup):
    """The commands of `custody`."""

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
