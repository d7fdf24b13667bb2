"""What was ordered for an item: holds, marks that restrict it, how long it is kept; and who takes
it back.

- an order is taken back by the role that gave it, or by one that stands above it
  (`roles.TAKEN_BACK_BY`); retention that becomes longer takes nothing back
- whoever repeats an order of a role above their own, or adds to it, does not make it their own;
  what two roles ordered of which neither stands above the other is taken back by a court alone
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.domain.codecs.text import counted, parse_time
from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.event.document import Event
from ledger.domain.identity.roles import TAKEN_BACK_BY, may_take_back


def _role(event: Event) -> str:
    return str(event.value["actor"]["role"])


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody ordered a hold or a mark in a role, or took it back: ``taken_back`` is the digest in
    hex of the statement by which they did; empty for an order.
    """

    role: str
    taken_back: str = ""


def ordered_by(steps: list[Step], is_void: Callable[[str], bool]) -> str:
    """The role by which a hold or a mark is ordered after some steps, of which those that took it
    back by a void statement count for nothing; empty where it is not.
    """
    role = ""
    for step in steps:
        if not step.taken_back:
            role = _higher(step.role, role)
        elif not is_void(step.taken_back) and may_take_back(step.role, role):
            role = ""
    return role


@dataclass
class Orders:
    """What is in force. ``holds`` are by their names; ``held_by``, ``marks`` and ``kept_by`` say by
    which role a hold, a mark and the retention (seconds since 1970) were ordered.

    ``held`` and ``marked`` have all that was done with a hold or a mark: what took one back may
    turn out to be void. ``shortened`` has the digests in hex of what shortened the retention, with
    how long the item was kept before, as long as nobody orders that anew.
    """

    holds: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    held_by: dict[str, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    retention: int | None = None
    kept_by: str = ""
    held: dict[str, list[Step]] = field(default_factory=dict)
    shortened: list[tuple[str, int]] = field(default_factory=list)
    marked: dict[str, list[Step]] = field(default_factory=dict)

    def take(self, event: Event, digest: str) -> None:
        """Take an event into account; most order nothing."""
        role, body = _role(event), event.body
        match event.type:
            case "hold-placed":
                self.holds[body["hold"]] = body
                self.held_by[body["hold"]] = role
                self.held.setdefault(body["hold"], []).append(Step(role))
            case "hold-released":
                self.holds.pop(body["hold"], None)
                self.held_by.pop(body["hold"], None)
                self.held.setdefault(body["hold"], []).append(Step(role, digest))
            case "restricted":
                self.mark(body["handling"], role)
            case "unrestricted":
                for mark in body["handling"]:
                    self.marks.pop(mark, None)  # none there where a thief took it off before
                    self.marked.setdefault(mark, []).append(Step(role, digest))
            case "retention-set":
                self._keep_until(event, digest)

    def mark(self, marks: Iterable[str], role: str) -> None:
        """Take marks into account that somebody put on the item in a role."""
        for mark in marks:
            self.marks[mark] = _higher(role, self.marks.get(mark, ""))
            self.marked.setdefault(mark, []).append(Step(role))

    def put_back(self, is_void: Callable[[str], bool]) -> None:
        """Put marks on again that were taken off by void statements. A hold that was lifted by one
        and ordered anew is taken back by those alone who could take the first one back; one that
        nobody ordered anew is in nobody's way but of who ends the item (`lifted_in_vain`).
        """
        for mark, steps in self.marked.items():
            if _has_void(steps, is_void) and (role := ordered_by(steps, is_void)):
                self.marks[mark] = role
        for hold in self.held_by:
            if _has_void(self.held[hold], is_void):
                self.held_by[hold] = ordered_by(self.held[hold], is_void)

    def lifted_in_vain(self, is_void: Callable[[str], bool]) -> list[str]:
        """Digests in hex of void statements that lifted holds which would be in force still."""
        return [
            next(step.taken_back for step in reversed(steps) if _is_void(step, is_void))
            for hold, steps in self.held.items()
            if hold not in self.holds and _has_void(steps, is_void) and ordered_by(steps, is_void)
        ]

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
                require_above(role, self.held_by[body["hold"]], "this hold")
            case "unrestricted":
                for mark in body["handling"]:
                    if mark not in self.marks:
                        raise RuleError(
                            f"the item is not marked {mark!r}",
                            hint="see: custody show ID --basis WHY",
                        )
                    require_above(role, self.marks[mark], f"the restriction {mark!r}")
            case "retention-set":
                if self._shortens(event):
                    require_above(role, self.kept_by, "how long this item is kept")

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


def _is_void(step: Step, is_void: Callable[[str], bool]) -> bool:
    return bool(step.taken_back) and is_void(step.taken_back)


def _has_void(steps: list[Step], is_void: Callable[[str], bool]) -> bool:
    return any(_is_void(step, is_void) for step in steps)


def _until(event: Event) -> int | None:
    until = event.body.get("until")
    return parse_time(until, what="until") if until is not None else None


def _higher(role: str, before: str) -> str:
    """By which role an order stands that was given in one role after another: by the one that
    stands above the other. Where neither does (a prosecutor and a data-protection officer), by
    that of a court, which is above both: neither of them takes back what the other one ordered.
    """
    if not before or may_take_back(role, before):
        return role
    return before if may_take_back(before, role) else "court"


def require_above(role: str, ordered_by: str, what: str) -> None:
    """Check that somebody in a role may take back what was ordered in another one.

    Raises:
        DeniedError: they may not.
    """
    if not may_take_back(role, ordered_by):
        above = " or ".join(sorted(TAKEN_BACK_BY[ordered_by]))
        raise DeniedError(
            f"{what} was ordered as {ordered_by}, and is not taken back as {role}",
            hint=f"ask somebody who acts as {above}",
        )
