"""A command of several steps, some of which cannot be taken back: they are shown before they are
asked about, and what was done is told at the end, whatever ended it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from cli.invocation.global_options import STATE
from cli.items import held_items, selection
from cli.items.selection import Done
from cli.terminal import output
from ledger.domain.codecs.text import counted
from ledger.domain.errors import CustodyError, RoleError

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.domain.identity.descriptor import HpkeKey


@dataclass
class Steps:
    """What was asked for, and what came of it so far. ``lines`` tell what was done, ``behind`` what
    waits and who goes on.
    """

    session: Session
    reason: str
    yes: bool
    value: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)
    done: Done = field(default_factory=Done)

    @property
    def administers(self) -> bool:
        """Whether whoever types the command suspends and lets in."""
        return "administrator" in self.session.person.certificate.roles

    @property
    def keeps(self) -> bool:
        """Whether they hand over what others hold."""
        return "custodian" in self.session.person.certificate.roles

    def require_part(self) -> None:
        """Refuse whoever has no step to take.

        Raises:
            RoleError: they are neither.
        """
        if not (self.administers or self.keeps):
            raise RoleError(
                "an administrator suspends, and a custodian hands over what others hold",
                {"administrator", "custodian"},
            )

    def custodians(self) -> str:
        """By whom items are handed over, as far as the node names them."""
        held = self.session.node.role_holders(["custodian"])
        return f"A custodian ({', '.join(one.number for one in held)})" if held else "A custodian"

    def offer(self, held: held_items.Held, to: str, *, sealed_to: HpkeKey | None = None) -> None:
        """Offer what was agreed to; see `held_items.hand_over`."""
        self.done = held_items.hand_over(
            self.session, held, to, reason=self.reason, sealed_to=sealed_to
        )

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Let the steps be taken; what ends them is kept, to be told behind what was done.

        Raises:
            CustodyError: it ended the first of them.
        """
        try:
            yield
        except CustodyError as error:
            if not self.lines:
                raise
            self.done.stopped = error

    def tell(self, to: str) -> None:
        """Print what was done and what waits.

        Args:
            to: whom items were offered to, in words.
        """
        selection.tell(
            self.done,
            f"{counted(len(self.done.answers), 'item')} offered to {to}.",
            *held_items.taking(),
            beside=self.value,
            before=self.lines,
            behind=self.behind,
        )


def show(plan: Sequence[str], *, asked: bool = True) -> None:
    """Show what will be done.

    Args:
        asked: whether the question that follows does not show it itself.

    Raises:
        typer.Exit: it was a preview.
    """
    if STATE.preview:
        output.result({"preview": plan}, "This would be done; nothing was:", "", *plan)
        raise typer.Exit
    if asked and not STATE.json:
        output.say(*plan)
