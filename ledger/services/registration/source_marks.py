"""What is made from guarded items is guarded as they are.

Whoever may take the mark off the item that it is made from, and sees that it shows nothing of what
that guards, takes it off, and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.event.document import Event
from ledger.domain.identity.roles import may_take_back
from ledger.domain.item.history_rules import GUARDS
from ledger.domain.item.holds_and_retention import require_above
from ledger.domain.item.item_history import ItemHistory
from ledger.domain.item.participation import Part
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization, guard_marks
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node


def require(
    node: Node,
    unit: UnitOfWork,
    event: Event,
    signer: Caller,
    life: Callable[[str], ItemHistory],
    told: Container[str],
) -> None:
    """Check that what is derived carries the guard marks of all that it is derived from.

    Args:
        life: an item's history with what the batch under way has said of it. told: the items of
            which it has said something; a history of any other is not read where it is known.

    Raises:
        RuleError: it lacks a mark; or its signer only watches over an item that it is made from,
            and would learn of its marks.
    """
    if event.type != "derived":
        return
    lacking = set[str]()
    for parent in event.body["parents"]:
        row = unit.items.get(parent)
        if authorization.parts_of(node, unit, signer, parent, row) == {Part.WATCHER}:
            raise unknown(event)
        if unit.erasures.get(parent) is not None:
            raise RuleError(
                "an item that this one is derived from was disposed of, and nobody knows any more "
                "how it was marked",
                hint="record it as acquired, and say how it is to be handled",
            )
        lacking |= (
            guard_marks.guards_of(node, unit, row).keys()
            if row is not None and parent not in told
            else GUARDS & life(parent).orders.marks.keys()
        )
    lacking -= set(event.value.get("handling", []))
    if lacking:
        options = " ".join(f"--handling {mark}" for mark in sorted(lacking))
        raise RuleError(
            f"it is derived from material marked {' and '.join(sorted(lacking))}, and carries no "
            "such mark",
            hint=f"say so with it: {options}; whoever may take the mark off the other item takes "
            "it off what shows nothing of that: "
            "custody record unrestrict ID --handling MARK --reason WHY",
        )


def require_above_sources(
    node: Node, unit: UnitOfWork, event: Event, life: Callable[[str], ItemHistory]
) -> None:
    """Check that whoever takes a guard mark off what is derived could take it off all that it is
    derived from, where that carries it: the mark was put on the copy by whoever made it, and is an
    order of those who put it on the original. Of an original that was disposed of nobody knows any
    more who ordered what: a court alone could take off whatever it was.

    Raises:
        DeniedError: it was ordered there by a role above theirs, or may have been.
    """
    if event.type != "unrestricted":
        return
    guards = GUARDS & set(event.body["handling"])
    asked, left = set[str](), [event.value["evidence"]] if guards else []
    while left:
        opening = life(left.pop()).opening
        if opening is None or opening.type != "derived":
            continue
        for parent in opening.body["parents"]:
            if unit.erasures.get(parent) is not None:
                _require_court(event)
            row = unit.items.get(parent)
            marks = guard_marks.guards_of(node, unit, row) if row is not None else {}
            if parent in asked or not guards & marks.keys():
                continue
            for mark in guards & marks.keys():
                require_above(
                    event.value["actor"]["role"],
                    marks[mark],
                    f"the mark {mark!r} of what it is derived from",
                )
            asked.add(parent)
            left.append(parent)


def _require_court(event: Event) -> None:
    if not may_take_back(event.value["actor"]["role"], "court"):
        raise DeniedError(
            "an item that this one is derived from was disposed of, and nobody knows any more who "
            "ordered its mark",
            hint="ask somebody who acts as court",
        )


def unknown(event: Event) -> RuleError:
    """The one answer about an item that an event names, absent or hidden."""
    what = (
        "an item that this one is derived from"
        if event.type == "derived"
        else "an item that this event names"
    )
    return RuleError(
        f"{what} is not known here, or not to you",
        hint="check the items that you name: custody list",
    )
