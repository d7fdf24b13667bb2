"""Transactions that pay too little are replaced, on a real chain by RPC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ledger.services.onchain import checkpoint_anchoring
from tests.support.desk import Desk
from tests.support.remote_desk import CONFIRMATIONS, chain_of, kind, mine, newest_row, remote, url

__all__ = ["kind", "remote", "url"]  # fixtures


@pytest.fixture
def unmined(remote: Desk) -> Iterator[Desk]:
    """A desk whose chain takes transactions and mines none of itself."""
    chain_of(remote)._ask("evm_setAutomine", False)
    try:
        yield remote
    finally:
        chain_of(remote)._ask("evm_setAutomine", True)


def priced(desk: Desk, transaction: bytes) -> tuple[int, int, int]:
    """Nonce, maximum fee and tip of a transaction that the chain knows."""
    found = chain_of(desk)._ask("eth_getTransactionByHash", "0x" + transaction.hex())
    names = ("nonce", "maxFeePerGas", "maxPriorityFeePerGas")
    return tuple(int(found[name], 16) for name in names)  # type: ignore[return-value]


@pytest.mark.parametrize("winner", ["the dearer", "the cheaper"])
def test_a_transaction_that_pays_too_little_is_replaced_and_whichever_is_mined_counts(
    unmined: Desk, winner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gas became dear after it was signed: the checkpoint waited for ever."""
    desk = unmined
    checkpoint_anchoring.step(desk.node)
    first = newest_row(desk)
    checkpoint_anchoring.step(desk.node)
    assert newest_row(desk) == first
    now = desk.node.clock.now()
    monkeypatch.setattr(desk.node.clock, "now", lambda: now + 91)
    checkpoint_anchoring.step(desk.node)
    second = newest_row(desk)
    assert second == replace(first, transaction=second.transaction) != first
    before = priced(desk, first.transaction)
    if winner == "the dearer":
        checkpoint_anchoring.step(desk.node)
        after = priced(desk, second.transaction)
        assert after[0] == before[0]
        assert all(10 * new >= 11 * old for new, old in zip(after[1:], before[1:], strict=True))
    mine(desk, CONFIRMATIONS + 1)
    for _ in range(3):
        checkpoint_anchoring.step(desk.node)
    found = newest_row(desk)
    assert found.state == "final"
    expected = {"the dearer": second, "the cheaper": first}[winner]
    assert found.transaction == expected.transaction


def test_a_chain_that_hides_what_it_mined_has_no_account_spend_itself_empty(
    unmined: Desk,
) -> None:
    desk = unmined
    checkpoint_anchoring.step(desk.node)
    with desk.node.records.read() as unit:
        found = unit.checkpoints.transaction(newest_row(desk).transaction)
    assert found is not None
    raw: bytes | None = found.raw
    for _ in range(40):
        assert raw is not None
        if (dearer := desk.node.contracts.raise_fee(desk.node.keys.anchorer, raw)) is None:
            return
        raw = dearer
    pytest.fail("a fee rose without end")
