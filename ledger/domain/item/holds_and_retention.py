"""What was ordered for an item: holds, marks that restrict it, how long it is kept; and who takes
it back.

- an order is taken back by the role that gave it, or by one that stands above it
  (`roles.TAKEN_BACK_BY`); retention that becomes longer takes nothing back
- whoever repeats an order of a role above their own, or adds to it, does not make it their own
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.domain.codecs.text import counted, parse_time
from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.event.document import Event
from ledger.domain.identity.roles import TAKEN_BACK_BY, may_take_back


def _role(event: Event) -> str:
    return str(event.value["actor"]["role"])


@dataclass
class Orders:
    """What is in force. ``holds`` are by their names; ``held_by``, ``marks`` and ``kept_by`` say by
    which role a hold, a mark and the retention (seconds since 1970) were ordered.

    What took an order back is known by its statement digest in hex as long as nobody orders it
    anew: ``lifted`` by names of holds, ``shortened`` with how long the item was kept before,
    ``unmarked`` by marks, with the role by which the mark had been ordered.
    """

    holds: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    held_by: dict[str, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    retention: int | None = None
    kept_by: str = ""
    lifted: dict[str, str] = field(default_factory=dict)
    shortened: list[tuple[str, int]] = field(default_factory=list)
    unmarked: dict[str, tuple[str, str]] = field(default_factory=dict)

    def take(self, event: Event, digest: str) -> None:
        """Take an event into account; most order nothing."""
        role, body = _role(event), event.body
        match event.type:
            case "hold-placed":
                self.holds[body["hold"]] = body
                self.held_by[body["hold"]] = role
                self.lifted.pop(body["hold"], None)
            case "hold-released":
                self.holds.pop(body["hold"], None)
                self.held_by.pop(body["hold"], None)
                self.lifted[body["hold"]] = digest
            case "restricted":
                for mark in body["handling"]:
                    self.marks[mark] = _higher(role, self.marks.get(mark, ""))
                    self.unmarked.pop(mark, None)
            case "unrestricted":
                for mark in body["handling"]:
                    # Once more, where a thief took it off before.
                    _, before = self.unmarked.get(mark, ("", ""))
                    self.unmarked[mark] = digest, self.marks.pop(mark, before)
            case "retention-set":
                self._keep_until(event, digest)

    def _keep_until(self, event: Event, digest: str) -> None:
        role, until = _role(event), _until(event)
        if self.retention is not None and self._shortens(event):
            self.kept_by = role
            self.shortened.append((digest, self.retention))
        else:
            self.kept_by = _higher(role, self.kept_by)
            self.shortened = [
                (earlier, before)
                for earlier, before in self.shortened
                if until is None or until < before
            ]
        self.retention = until

    def _shortens(self, event: Event) -> bool:
        until = _until(event)
        return self.retention is not None and (until is None or until < self.retention)

    def require_allowed(self, event: Event) -> None:
        """Check that an event may follow what is in force.

        Raises:
            RuleError: there is such a hold already, or no such hold or mark. DeniedError: the order
                is not its signer's to take back.
        """
        role, body = _role(event), event.body
        match event.type:
            case "hold-placed":
                if body["hold"] in self.holds:
                    raise RuleError(
                        "a hold under that name is in force already",
                        hint="give the new one another name",
                    )
            case "hold-released":
                if body["hold"] not in self.holds:
                    raise RuleError(
                        "no hold under that name is in force",
                        hint="see: custody show ID --basis WHY",
                    )
                _require_standing(role, self.held_by[body["hold"]], "this hold")
            case "unrestricted":
                for mark in body["handling"]:
                    if mark not in self.marks:
                        raise RuleError(
                            f"the item is not marked {mark!r}",
                            hint="see: custody show ID --basis WHY",
                        )
                    _require_standing(role, self.marks[mark], f"the restriction {mark!r}")
            case "retention-set":
                if self._shortens(event):
                    _require_standing(role, self.kept_by, "how long this item is kept")

    def require_free(self) -> None:
        """Check that no hold is in force.

        Raises:
            RuleError: one is.
        """
        if self.holds:
            raise RuleError(
                f"{counted(len(self.holds), 'hold', ('is', 'are'))} in force on this item",
                hint="a hold is lifted by the authority that placed it",
            )


def _until(event: Event) -> int | None:
    until = event.body.get("until")
    return parse_time(until, what="until") if until is not None else None


def _higher(role: str, before: str) -> str:
    return role if not before or may_take_back(role, before) else before


def _require_standing(role: str, ordered_by: str, what: str) -> None:
    if not may_take_back(role, ordered_by):
        above = " or ".join(sorted(TAKEN_BACK_BY[ordered_by]))
        raise DeniedError(
            f"{what} was ordered as {ordered_by}, and is not taken back as {role}",
            hint=f"ask somebody who acts as {above}",
        )
