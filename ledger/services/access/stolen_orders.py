"""What a thief took off an item with a stolen key guards it all the same."""

from __future__ import annotations

from ledger.domain.identity import certificate as certificates
from ledger.domain.item.holds_and_retention import Orders
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.partners import revocations
from ledger.services.records import foreign_history


def stolen_since(node: Node, unit: UnitOfWork, row: EntryRow) -> int | None:
    """Since when the certificate of an entry, of whichever agency, is revoked, where that was
    before the entry; None for any other. It is judged by what is known today.
    """
    der = unit.people.certificate(row.certificate)
    if der is None:
        return None
    since = revocations.revoked_since(node, unit, certificates.parse(der))
    if since is None:
        return None
    # As verifiers do: by the time of the block. A time that the signer says is the thief's own.
    [proven] = foreign_history.proven_times(node, unit, [row])
    return since if since <= (proven or node.clock.now()) else None


def put_marks_back(node: Node, unit: UnitOfWork, orders: Orders) -> None:
    """Mark an item again as it was marked before somebody with a stolen key took that off; whoever
    may take the mark off does so anew.
    """
    for mark, (digest, role) in list(orders.unmarked.items()):
        row = unit.logs.entry_by_digest(bytes.fromhex(digest))
        if row is not None and stolen_since(node, unit, row) is not None:
            orders.marks[mark] = role
            del orders.unmarked[mark]
