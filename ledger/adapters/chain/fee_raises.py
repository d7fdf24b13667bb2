"""A transaction that waits, signed again with a higher fee (EIP-1559).

Nodes let the same account and nonce be taken by another transaction when both the maximum and the
tip rise by a tenth at least (go-ethereum, `txpool.pricebump`); some ask for an eighth.
"""

from __future__ import annotations

from typing import Any, Final

from ledger.adapters.recursion_limit import limited
from ledger.domain.codecs import rlp
from ledger.domain.errors import ChainError
from ledger.domain.ports.node_and_chain import Chain

_STEP: Final = 8  # an eighth more
#: Times what the chain asks for now, at most: a chain's server that hides what was mined could
#: otherwise have the account spend itself empty.
_MOST: Final = 10


def raised(chain: Chain, key: bytes, raw: bytes) -> bytes | None:
    """The same call under the same nonce, with fees that replace ``raw``.

    Args:
        key: 32 bytes of the account that signed ``raw``.
        raw: a transaction as `contracts.sign_transaction` makes them.

    Returns:
        the bytes to record and send; None where the fee is as high as this goes.

    Raises:
        ChainError: ``raw`` is no such transaction. NetworkError: the chain does not answer.
    """
    fields = rlp.decode(raw[1:], what="transaction")
    if raw[:1] != b"\x02" or not isinstance(fields, list) or len(fields) != 12 or fields[8]:
        raise ChainError("these bytes are no transaction of a node")
    with limited():
        from eth_account import Account

    chain_id, nonce, tip, maximum, gas = (rlp.number(one, what="transaction") for one in fields[:5])
    asked, suggested = chain.fees()
    most = [max(old + old // _STEP + 1, now) for old, now in ((maximum, asked), (tip, suggested))]
    if most[0] > _MOST * max(asked, 1):
        return None
    unsigned: dict[str, Any] = {
        "type": 2,
        "chainId": chain_id,
        "nonce": nonce,
        "maxFeePerGas": most[0],
        "maxPriorityFeePerGas": min(most[1], most[0]),
        "gas": gas,
        "to": fields[5],
        "value": rlp.number(fields[6], what="transaction"),
        "data": fields[7],
    }
    return bytes(Account.sign_transaction(unsigned, key).raw_transaction)
