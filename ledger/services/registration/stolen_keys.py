"""People whose keys were stolen: what a thief approved in their name is no second person's word,
and what a thief took back stands in the way of the end of an item all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.domain.codecs.text import format_time
from ledger.domain.errors import RuleError
from ledger.domain.event.document import Event
from ledger.domain.item.item_history import ItemHistory
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access.stolen_orders import stolen, stolen_since
from ledger.services.node.context import Node
from ledger.services.records import documents

_ENDS: Final = frozenset({"disposed", "returned", "voided"})
_NEED_IT_BACK: Final = _ENDS | {"transfer-offered"}


def require_honest(node: Node, unit: UnitOfWork, event: Event) -> None:
    """Check that whoever is named in an event as having approved, and whoever had asked for that,
    was not revoked as of then, by what is known today.

    It is judged when the event is recorded, and never again: nobody could know it before. A
    suspension without a date in the past takes nothing from what was approved before it.

    Raises:
        RuleError: an approval, or the request that it approves, does not verify any more.
    """
    for row in _named(node, unit, event):
        since = stolen_since(node, unit, row)
        if since is not None:
            raise RuleError(
                f"{row.digest.hex()} was signed with a certificate that is revoked as of "
                f"{format_time(since)}, so it is no second person's word",
                hint="request it anew, and let a colleague approve that",
            )


def require_honest_end(node: Node, unit: UnitOfWork, event: Event, history: ItemHistory) -> None:
    """Check of an event by which an item comes to an end that whoever lifted a hold of it,
    shortened how long it is kept, or told that it is back from whoever had it, was not revoked as
    of then, as ``require_honest`` does. What is offered must be back, too, whoever takes it.

    Raises:
        RuleError: a hold, or the time for which it was to be kept, was taken back by what does not
            verify any more, or its return is told by that.
    """
    told, orders = history.outings.told, history.orders
    if event.type in _NEED_IT_BACK and told and stolen(node, unit)(told):
        raise RuleError(
            f"{told}, which tells that the item is back or what became of it, was signed with a "
            "certificate that is revoked as of then",
            hint="if it is here, say so: custody record receive ID --from WHO",
        )
    if event.type not in _ENDS:
        return
    now = node.clock.now()
    shortened = [digest for digest, before in orders.shortened if now < before]
    lifted = orders.lifted_in_vain(stolen(node, unit))
    for what, digests in (
        ("hold", lifted),
        ("retention", shortened if event.type == "disposed" else []),
    ):
        for digest in digests:
            row = unit.logs.entry_by_digest(bytes.fromhex(digest))
            since = stolen_since(node, unit, row) if row is not None else None
            if since is not None:
                raise RuleError(
                    f"{digest} was signed with a certificate that is revoked as of "
                    f"{format_time(since)}, so it takes no {what} back",
                    hint=(
                        f"order that {what} anew, with the same name or time; whoever may take it "
                        "back then does"
                    ),
                )


def _named(node: Node, unit: UnitOfWork, event: Event) -> Iterator[EntryRow]:
    for digest in event.body.get("approvals", []):
        approval = unit.logs.entry_by_digest(bytes.fromhex(digest))
        if approval is None:
            continue  # what it names instead is judged by the item's rules
        yield approval
        told = documents.read_event(node, unit, approval)
        if told is not None and told.type == "approved":
            target = unit.logs.entry_by_digest(bytes.fromhex(told.body["target"]))
            if target is not None:
                yield target
