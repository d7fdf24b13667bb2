"""Items that another agency offered and took back: what is left of them here, and for how long.

- for a week they count in what that agency may leave here, as if they were on offer still
- then their record is cleared away, and their ciphertext with the collection: nothing here speaks
  of them any more, and the giver's log and the contract keep what happened
- what anybody here had a part in stays, as an audit has to find it: where somebody looked at the
  offer, or answered it, where the item was ever in our custody, or a key or a copy of it is about
"""

from __future__ import annotations

from collections.abc import Iterator

from ledger.domain.chain import contract_layout
from ledger.rows.handovers import TransferStepRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.onchain import transfer_steps
from ledger.services.storage.garbage_collection import GRACE


def left_by(node: Node, giver: str = "") -> Iterator[TransferStepRow]:
    """Offers to us that their givers took back, the last handover of each item: of one agency, or
    of all.
    """
    taken_back = transfer_steps.every(
        node, ("concluded",), giver=giver, outcome=contract_layout.WITHDRAWN
    )
    for row in taken_back:
        if row.taker == node.agency:
            with node.records.read() as unit:
                last = unit.transfers.of_item(row.evidence)[-1]
            if last.number == row.number:
                yield row


def is_recent(node: Node, row: TransferStepRow) -> bool:
    """Whether an offer was taken back so short ago that its item counts as if it were on offer."""
    return node.clock.now() - row.time <= GRACE


def clear(node: Node) -> int:
    """Clear away the record of every item that was offered and taken back, whose time is over and
    in which nobody here had a part; how many.
    """
    count = 0
    for row in left_by(node):
        if is_recent(node, row):
            continue
        with node.records.write() as unit:
            if _is_forgotten(node, unit, row):
                unit.items.forget(row.evidence)
                count += 1
    if count:
        node.records.scrub()
    return count


def _is_forgotten(node: Node, unit: UnitOfWork, row: TransferStepRow) -> bool:
    """Whether nothing here but the giver's offers tells of an item, looked at in the transaction
    that clears it away: it may be on offer again.
    """
    evidence, item = row.evidence, unit.items.get(row.evidence)
    rows = unit.transfers.of_item(evidence)
    return (
        item is not None
        and node.agency not in (item.state.origin, item.state.custodian)
        and item.opener is None
        and item.holder is None
        and rows[-1] == row
        and all(_is_others_alone(node, unit, stored) for stored in rows)
        and not any(event.log == node.log_id for event in unit.logs.events(evidence, void=True))
        and unit.erasures.get(evidence) is None
        and not unit.replicas.of_item(evidence)
        and not unit.copies.of_item(evidence, 1)
        and not unit.tables.rows("share", evidence=evidence)
        and not unit.tables.rows("release", evidence=evidence)
        and not unit.tables.rows("link", parent=evidence)
        and not unit.tables.rows("opening", evidence=evidence)
    )


def _is_others_alone(node: Node, unit: UnitOfWork, row: TransferStepRow) -> bool:
    """Whether a handover was between others, or an offer to us that was taken back unseen."""
    if node.agency not in (row.giver, row.taker):
        return True
    return (
        row.taker == node.agency
        and row.state == "concluded"
        and row.outcome == contract_layout.WITHDRAWN
        and not unit.releases.under(row.offer)
    )
