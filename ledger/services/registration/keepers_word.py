"""What is said of an item by whoever holds it, and by the custodians, and by nobody else who sees
it: by which numbers others find it, and why it does not come back to whoever handed it out.

Whoever recorded it and gave it away, or was shown it, adds what they know as a note.
"""

from __future__ import annotations

from collections.abc import Callable

from ledger.domain.errors import DeniedError
from ledger.domain.event import same_record
from ledger.domain.item.item_history import ItemHistory
from ledger.domain.item.outings import GONE
from ledger.domain.item.participation import acting_roles, corrects_others
from ledger.domain.item.recorded_event import RecordedEvent
from ledger.rows.items import ItemRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node
from ledger.services.records.item_tokens import RENUMBERING


def require(
    node: Node,
    unit: UnitOfWork,
    told: RecordedEvent,
    before: ItemRow,
    signer: Caller,
    life: Callable[[str], ItemHistory],
) -> None:
    """Check that an event says nothing of this, or is by somebody who may.

    Args:
        life: reads an item's history, without the event.

    Raises:
        DeniedError: it is not.
    """
    event, evidence = told.event, before.state.evidence
    is_gone = event.type == "incident" and event.body["kind"] in GONE
    if not is_gone and event.type not in RENUMBERING:
        return
    parts = authorization.parts_of(node, unit, signer, evidence, before)
    if is_gone and not acting_roles("received", parts, signer.roles) and life(evidence).outings.out:
        raise DeniedError(
            "why something that was handed out does not come back is recorded by whoever holds the "
            "item, and by custodians",
            hint="record what you know as a note: custody note ID --text WHAT",
        )
    if event.type in RENUMBERING and not corrects_others(
        parts, held=signer.roles, role=told.role, guest=False
    ):
        _require_same_numbers(told, life(evidence))


def _require_same_numbers(told: RecordedEvent, life: ItemHistory) -> None:
    """Not even in what they recorded themselves; a number of another body is that body's."""
    earlier = {digest: one.event.value for digest, one in life.events.items()}
    later = {**earlier, told.digest.hex(): told.event.value}
    if same_record.found_by(earlier) != same_record.found_by(later):
        raise DeniedError(
            "a case or exhibit number is given and corrected by whoever holds the item, and by "
            "custodians",
            hint="ask one of them"
            + ("; or say whose number it is: --issuer WHO" * (told.event.type == "identified")),
        )
