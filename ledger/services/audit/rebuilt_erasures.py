"""Disposals, and handovers on their way: what of their rows nothing tells, taken over as log and
chain allow.
"""

from __future__ import annotations

from dataclasses import replace

from ledger.domain.identity.names import agency_id
from ledger.rows.handovers import ErasureRow, TransferStepRow
from ledger.rows.items import ItemRow
from ledger.rows.logs import EntryRow
from ledger.rows.states import ErasureState
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.audit.rebuilding import Rebuild
from ledger.services.onchain import transfer_steps


def carry(
    book: Rebuild,
    unit: UnitOfWork,
    into: UnitOfWork,
    erasure: ErasureRow,
    item: ItemRow,
    own: list[EntryRow],
    *,
    erased: bool,
) -> None:
    """Take over how far a disposal is, where log and chain allow it."""
    node = book.node
    if erasure.custodian != node.agency:
        # Whoever has it by now may have it from somebody to whom it went after us.
        if (
            node.contracts.custody(transfer_steps.key_of(item))[0]
            == agency_id(erasure.custodian)[:24]
        ):
            into.erasures.put(erasure)
        return
    if not erased:
        due = into.erasures.get(item.state.evidence)
        if due is not None:
            into.erasures.put(
                replace(due, count=erasure.count, time=erasure.time, backups=erasure.backups)
            )
        return
    close = next(
        (row for row in own if row.digest == erasure.statement and row.effect == "close"), None
    )
    if close is None:
        return
    signed = any(row.seq > close.seq and _by_service(book, unit, row) for row in own)
    state: ErasureState = "done" if signed else "dropped"
    into.erasures.put(replace(erasure, statement=close.digest, state=state))


def _by_service(book: Rebuild, unit: UnitOfWork, row: EntryRow) -> bool:
    certificate = book.certificate(unit, row.certificate)
    return (
        certificate is not None
        and certificate.kind == "service"
        and certificate.agency == book.node.agency
    )


def sent(book: Rebuild, row: TransferStepRow, ours: TransferStepRow | None) -> bytes:
    """The transaction of a handover that is on its way: the one that calls the contract with
    its offer or answer.
    """
    waits = {
        "offered": row.offer,
        "concluding": row.outcome_digest if row.offer_time else b"",
    }.get(row.state, b"")
    calls = book.calls.get(waits, []) if waits else []
    chain, address = book.node.contracts.chain, book.node.keys.anchorer_address
    # Where a fee was raised there are several; the node follows one of them.
    for call in sorted(calls, key=lambda one: ours is None or one.hash != ours.sent):
        receipt = chain.receipt(call.hash)
        alive = receipt.succeeded if receipt is not None else chain.nonce(address) <= call.nonce
        if alive or (ours is not None and ours.sent == call.hash):
            return call.hash
    return b""
