"""A command whose name may be left out: `custody handover 2026-117/A1 --to 4712` is what
`custody handover offer 2026-117/A1 --to 4712` is.

Only where nothing else can be meant: the word that stands in its place is written as no command
is, so that a mistyped one is told as that and never taken for an item.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from typer.core import TyperGroup

#: How the name of every command is written; items have digits, capitals, a slash or a colon.
_NAME: Final = re.compile(r"[a-z-]*")
#: What of an offer may stand before its item, and is no option of the group.
_TO: Final = re.compile(r"-t|--to(-person)?(=|$)")


class OfferGroup(TyperGroup):
    """A group in which `offer` may be left out."""

    def full(self, words: Sequence[str]) -> list[str]:
        """The words behind the group's name, with the name that was left out."""
        first = words[0] if words else ""
        is_offer = bool(_TO.match(first)) if first.startswith("-") else not _NAME.fullmatch(first)
        return ["offer", *words] if is_offer else list(words)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of a line, also of one that a shell completes."""
        return super().parse_args(ctx, self.full(args))

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """What a shell offers behind the group's name: its commands, and items to offer."""
        evidence, *_ = self.commands["offer"].params
        found: list[Any] = super().shell_complete(ctx, incomplete)
        return [*found, *evidence.shell_complete(ctx, incomplete)]
