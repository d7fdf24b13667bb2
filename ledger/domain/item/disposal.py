"""When an item may come to an end: be disposed of, returned or declared a mistake, and its keys be
destroyed.

Who requests and who approves a disposal is judged by decisions.py, whom the role lets by
participation.py.
"""

from __future__ import annotations

from ledger.domain.errors import RuleError
from ledger.domain.item.item_history import ItemHistory
from ledger.domain.item.outings import GONE
from ledger.domain.item.recorded_event import RecordedEvent


def require_here(history: ItemHistory, _: RecordedEvent) -> None:
    """Check that an item is not with somebody to whom it was handed out.

    Raises:
        RuleError: its return is not recorded.
    """
    if history.outings.out:
        raise RuleError(
            "the item was handed out and is not back yet",
            hint="record its return first: custody record receive ID --from WHO",
        )


def require_endable(history: ItemHistory, _: RecordedEvent) -> None:
    """Check that an item may come to an end: no hold is on it, nobody has it to whom it was handed
    out, and it is not on loan.

    Raises:
        RuleError: with the reason.
    """
    history.orders.require_free()
    if history.outings.out and not history.outings.accounted:
        raise RuleError(
            "the item was handed out, and nothing is recorded of its return",
            hint="record the return, with the time of it: custody record receive ID --from WHO; or "
            "why it does not come back: custody record incident ID --kind loss --discovered TIME "
            f"(or {', '.join(sorted(GONE - {'loss'}))})",
        )
    if history.lenders:
        raise RuleError(
            f"this item is on loan from {history.lenders[-1]}, which alone decides how it ends",
            hint=f"hand it back: custody handover ID --to {history.lenders[-1]}",
        )


def require_voidable(history: ItemHistory, recorded: RecordedEvent) -> None:
    """Check that an item may be declared a mistake: by the agency that recorded it.

    Raises:
        RuleError: with the reason.
    """
    require_endable(history, recorded)
    opened = history.opening.value["actor"]["agency"] if history.opening is not None else ""
    if opened != recorded.agency:
        raise RuleError(
            f"this item was recorded by {opened}, which alone knows whether that was a mistake",
            hint=f"hand it back: custody handover ID --to {opened}",
        )


def require_disposable(history: ItemHistory, recorded: RecordedEvent) -> None:
    """Check that an item may be disposed of, whoever approves it: the time for which it must be
    kept is over.

    Raises:
        RuleError: with the reason.
    """
    require_endable(history, recorded)
    if history.orders.retention is not None and history.now < history.orders.retention:
        raise RuleError(
            "the time for which this item must be kept is not over",
            hint="see: custody show ID --basis WHY",
        )


def require_disposal(history: ItemHistory, recorded: RecordedEvent) -> None:
    """Check a disposal: the item may be disposed of, and the request was approved.

    Raises:
        RuleError: with the reason.
    """
    require_disposable(history, recorded)
    history.decisions.require_disposal(recorded)


def require_key_destruction(history: ItemHistory, recorded: RecordedEvent) -> None:
    """Check that destroyed keys are told of a disposal of this item.

    Raises:
        RuleError: with the reason.
    """
    if history.opening is None:
        return  # the record itself was destroyed before: others confirm that they followed
    disposals = [
        digest
        for digest, earlier in history.events.items()
        if earlier.event.type in ("disposed", "returned", "voided")
    ]
    if not disposals:
        raise RuleError("keys are destroyed after an item was disposed of")
    if recorded.event.body.get("disposal", disposals[0]) not in disposals:
        raise RuleError("the keys were destroyed for a disposal that is not this item's")
