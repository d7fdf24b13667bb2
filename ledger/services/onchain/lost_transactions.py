"""When a transaction that was signed and recorded is sent again, and when it may be given up.

What a chain says when a transaction is signed (the account's next place, the price of gas) is in
its bytes for ever: one wrong answer would have the same bytes refused, or wait, without end. So
bytes that the chain cannot take are given up and signed anew, and those that it takes and does not
mine are replaced by the same call at a higher fee.

Of several servers behind one address one may lag, and a block that failed a transaction may be
orphaned by one that holds it: one look is never enough. A checkpoint that is given up though it
was mined is taken up again (checkpoint_anchoring).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Final

from ledger.domain.chain.evm import keccak256
from ledger.domain.errors import ChainError, NetworkError
from ledger.rows.logs import TransactionRow
from ledger.services.node.context import Node

_PLACE_TAKEN: Final = "the chain does not find a transaction whose place is taken"
_PLACE_AHEAD: Final = "a transaction was signed for a later place than the chain has next"
_UNDERPRICED: Final = "underpriced"  # so say all nodes of what pays too little to replace another
_PATIENCE: Final = 90  # seconds, of several blocks, after which a fee is raised
_CERTAIN: Final = 120  # seconds for which every look must say the same


class LostError(ChainError):
    """Recorded bytes that can no longer be mined: they are given up, and signed anew."""


def send_again(node: Node, transaction: TransactionRow) -> TransactionRow:
    """Send a recorded transaction that has no receipt yet.

    Returns:
        the transaction to follow from now on: another one where its fee was raised, to be written
        down and then sent, or where an earlier one of the same call was mined.

    Raises:
        LostError: it can never be mined, for certain. ChainError, NetworkError: the chain refuses
            it, or it is not certain yet; it is looked at again.
    """
    chain = node.contracts.chain
    place = chain.nonce(node.keys.anchorer_address)
    if place > transaction.nonce:
        if chain.receipt(transaction.hash) is None:
            if (mined := _mined_twin(node, transaction)) is not None:
                return mined
            require_certain(node, transaction.hash, _PLACE_TAKEN)
            raise LostError(
                "the recorded transaction can no longer be mined",
                hint="another program uses the anchoring account: stop it, then anchor again",
            )
        return transaction
    if place < transaction.nonce:
        require_certain(node, transaction.hash, _PLACE_AHEAD)
        raise LostError(
            "the recorded transaction waits for a place that nothing leads to",
            hint="it is signed anew; ask whoever runs the chain's node",
        )
    try:
        chain.send(transaction.raw)
    except ChainError as error:
        if _UNDERPRICED in error.message.lower():
            if (dearer := _dearer(node, transaction)) is not None:
                return dearer
            raise
        if not _is_certain(node, transaction.hash):
            raise
        raise LostError(error.message, hint="it is signed anew, with what gas costs now") from error
    forget_doubts(node, transaction.hash)
    return _dearer(node, transaction) or transaction


def _dearer(node: Node, transaction: TransactionRow) -> TransactionRow | None:
    """The transaction with a fee that replaces it, once it has waited for long; the chain's price
    may have risen for good, and its node may have forgotten it.
    """
    now = node.clock.now()
    if now - node.waits.setdefault(transaction.hash, now) < _PATIENCE:
        return None
    node.waits.pop(transaction.hash)
    raw = node.contracts.raise_fee(node.keys.anchorer, transaction.raw)
    return replace(transaction, hash=keccak256(raw), raw=raw) if raw is not None else None


def _mined_twin(node: Node, transaction: TransactionRow) -> TransactionRow | None:
    """Another transaction that was written down for the same call and place, and was mined: the
    cheaper one may win after the dearer one was sent.
    """
    call = _call(node, transaction.raw)
    with node.records.read() as unit:
        rows = unit.tables.rows("chain_transaction", nonce=transaction.nonce)
    for row in rows:
        with suppress(ChainError):  # one that was altered, which audits find
            if (
                row["hash"] != transaction.hash
                and _call(node, row["raw"]) == call
                and node.contracts.chain.receipt(row["hash"]) is not None
            ):
                return TransactionRow(row["hash"], row["kind"], row["nonce"], row["raw"])
    return None


def _call(node: Node, raw: bytes) -> tuple[object, bytes]:
    read = node.contracts.read_transaction(raw)
    return read.anchored, read.digest


def require_certain(node: Node, transaction: bytes, what: str) -> None:
    """Check that a transaction has been given up by the chain for long enough.

    Args:
        what: what this look at the chain says of it.

    Raises:
        NetworkError: not certain yet; it is looked at again.
    """
    if not _is_certain(node, transaction):
        raise NetworkError(
            what, hint="it is looked at again; several servers may answer at the chain's address"
        )


def _is_certain(node: Node, transaction: bytes) -> bool:
    now = node.clock.now()
    return now - node.doubts.setdefault(transaction, now) >= _CERTAIN


def forget_doubts(node: Node, transaction: bytes) -> None:
    """The chain shows the transaction as mined and good, or took it to be mined."""
    node.doubts.pop(transaction, None)
