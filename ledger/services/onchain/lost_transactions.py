"""When a transaction that was signed and recorded is sent again, and when it may be given up.

What a chain says when a transaction is signed (the account's next place, the price of gas) is in
its bytes for ever: one wrong answer would have the same bytes refused, or wait, without end. So
bytes that the chain cannot take are given up and signed anew.

Of several servers behind one address one may lag, and a block that failed a transaction may be
orphaned by one that holds it: one look is never enough. A checkpoint that is given up though it
was mined is taken up again (checkpoint_anchoring).
"""

from __future__ import annotations

from typing import Final

from ledger.domain.errors import ChainError, NetworkError
from ledger.rows.logs import TransactionRow
from ledger.services.node.context import Node

_PLACE_TAKEN: Final = "the chain does not find a transaction whose place is taken"
_PLACE_AHEAD: Final = "a transaction was signed for a later place than the chain has next"
_CERTAIN: Final = 120  # seconds for which every look must say the same


class LostError(ChainError):
    """Recorded bytes that can no longer be mined: they are given up, and signed anew."""


def send_again(node: Node, transaction: TransactionRow) -> None:
    """Send a recorded transaction that has no receipt yet.

    Raises:
        LostError: it can never be mined, for certain. ChainError, NetworkError: the chain refuses
            it, or it is not certain yet; it is looked at again.
    """
    chain = node.contracts.chain
    place = chain.nonce(node.keys.anchorer_address)
    if place > transaction.nonce:
        if chain.receipt(transaction.hash) is None:
            require_certain(node, transaction.hash, _PLACE_TAKEN)
            raise LostError(
                "the recorded transaction can no longer be mined",
                hint="another program uses the anchoring account: stop it, then anchor again",
            )
        return
    if place < transaction.nonce:
        require_certain(node, transaction.hash, _PLACE_AHEAD)
        raise LostError(
            "the recorded transaction waits for a place that nothing leads to",
            hint="it is signed anew; ask whoever runs the chain's node",
        )
    try:
        chain.send(transaction.raw)
    except ChainError as error:
        if not _is_certain(node, transaction.hash):
            raise
        raise LostError(error.message, hint="it is signed anew, with what gas costs now") from error
    forget_doubts(node, transaction.hash)


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
