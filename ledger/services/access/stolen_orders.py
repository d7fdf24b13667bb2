"""What a thief signed with a stolen key, once that is known: a mark that they took off is on, and
what they gave is given by nobody.
"""

from __future__ import annotations

from collections.abc import Callable

from ledger.domain.codecs.text import format_time
from ledger.domain.errors import RuleError
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
    since = _revoked_since(node, unit, row.certificate)
    return since if since is not None and _is_after(node, unit, row, since) else None


def _revoked_since(node: Node, unit: UnitOfWork, certificate: bytes) -> int | None:
    der = unit.people.certificate(certificate)
    return revocations.revoked_since(node, unit, certificates.parse(der)) if der else None


def _is_after(node: Node, unit: UnitOfWork, row: EntryRow, since: int) -> bool:
    """Whether an entry was made at or after a time. As verifiers do it is told by the time of the
    block: a time that the signer says is the thief's own.
    """
    [proven] = foreign_history.proven_times(node, unit, [row])
    return since <= (proven or node.clock.now())


def require_honest_gift(node: Node, unit: UnitOfWork, statement: bytes) -> None:
    """Check that whoever offered or disclosed an item had not lost their key by then.

    Args:
        statement: digest of the offer or disclosure.

    Raises:
        RuleError: it was signed with a stolen key, by what is known today.
    """
    row = unit.logs.entry_by_digest(statement)
    since = stolen_since(node, unit, row) if row is not None else None
    if since is not None:
        raise RuleError(
            f"what gives this item was signed with a certificate that is revoked as of "
            f"{format_time(since)}, so it gives nothing",
            hint="decline an offer, or let whoever keeps the item take it back; they give it anew",
        )


def is_given(node: Node, unit: UnitOfWork, statement: bytes) -> bool:
    """Whether an offer or a disclosure gives something, by what is known today."""
    row = unit.logs.entry_by_digest(statement)
    return row is None or stolen_since(node, unit, row) is None


def put_back(node: Node, unit: UnitOfWork, orders: Orders) -> None:
    """Mark an item again as it was marked before somebody with a stolen key took that off, and let
    nobody take back what only others could before; whoever may do it does so anew.
    """
    orders.put_back(stolen(node, unit))


def stolen(node: Node, unit: UnitOfWork) -> Callable[[str], bool]:
    """What tells of statements, by their digests in hex, whether they were signed with a stolen
    key, by what is known today. Each certificate is looked up once: an item may have thousands of
    orders that were taken back.
    """
    revoked = dict[bytes, int | None]()

    def is_stolen(digest: str) -> bool:
        row = unit.logs.entry_by_digest(bytes.fromhex(digest))
        if row is None:
            return False
        if row.certificate not in revoked:
            revoked[row.certificate] = _revoked_since(node, unit, row.certificate)
        since = revoked[row.certificate]
        return since is not None and _is_after(node, unit, row, since)

    return is_stolen
