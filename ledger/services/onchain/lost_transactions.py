"""When a transaction that was signed and recorded may be given up.

Of several servers behind one address one may lag, and a block that failed a transaction may be
orphaned by one that holds it. A checkpoint that is given up though it was mined ends anchoring, so
one look is never enough.
"""

from __future__ import annotations

from typing import Final

from ledger.domain.errors import NetworkError
from ledger.services.node.context import Node

PLACE_TAKEN: Final = "the chain does not find a transaction whose place is taken"
_CERTAIN: Final = 120  # seconds for which every look must say the same


def require_certain(node: Node, transaction: bytes, what: str, *, taken: bool = False) -> None:
    """Check that a transaction has been given up by the chain for long enough.

    Args:
        what: what this look at the chain says of it.
        taken: the contract has what the transaction brings, whatever the look says.

    Raises:
        NetworkError: not certain yet; it is looked at again.
    """
    now = node.clock.now()
    since = node.doubts.setdefault(transaction, now)
    if taken or now - since < _CERTAIN:
        raise NetworkError(
            what, hint="it is looked at again; several servers may answer at the chain's address"
        )


def forget_doubts(node: Node, transaction: bytes) -> None:
    """The chain shows the transaction as mined and good."""
    node.doubts.pop(transaction, None)
