"""Anchoring: derive the root again, sign, record the exact transaction, send, wait for finality
(DESIGN section 11).

A crash between any two steps is repeated safely: same bytes, same nonce, and the contract takes a
repeat as no change. A reorganisation puts the checkpoint back to submitted and sends identical
bytes again.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from ledger.domain.chain import contract_layout
from ledger.domain.chain.evm import keccak256
from ledger.domain.chain.transactions import TransactionKind
from ledger.domain.codecs.text import counted
from ledger.domain.errors import ChainError, FrozenError, NetworkError
from ledger.domain.log import merkle
from ledger.domain.ports.node_and_chain import BlockRef, LatestCheckpoint, TransactionReceipt
from ledger.rows.logs import CheckpointRow, TransactionRow
from ledger.rows.states import CheckpointState
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.log import merkle_log, stored_map
from ledger.services.log.stored_map import DerivedMap
from ledger.services.node.context import Node
from ledger.services.onchain import checkpoint_notes, transfer_steps
from ledger.services.onchain.lost_transactions import (
    LostError,
    forget_doubts,
    require_certain,
    send_again,
)

KIND: Final[TransactionKind] = "anchor"
_REVERTED: Final = "the contract reverted the checkpoint"
_RECENT: Final = 64  # transactions among which one is looked for that was given up


@dataclass(frozen=True, slots=True)
class Progress:
    """Where anchoring stands: sizes count entries; ``newest`` is the newest checkpoint that was
    sent.
    """

    integrated: int
    submitted: int
    anchored: int
    final: int
    newest: CheckpointRow | None


def progress(node: Node, unit: UnitOfWork) -> Progress:
    """Sizes reached by each state of section 11."""
    log = unit.logs.get(node.log_id)
    newest = {
        state: unit.checkpoints.newest(node.log_id, states) for state, states in _REACHED.items()
    }
    sizes = {state: row.size if row is not None else 0 for state, row in newest.items()}
    return Progress(
        log.size if log else 0,
        sizes["submitted"],
        sizes["anchored"],
        sizes["final"],
        newest["submitted"],
    )


_REACHED: Final = {
    "submitted": ("submitted", "anchored", "final"),
    "anchored": ("anchored", "final"),
    "final": ("final",),
}


def state_of(node: Node, reached: Progress, log: bytes, index: int) -> str:
    """The state of an entry: integrated, submitted, anchored or final. That of another log was
    final before it was taken in.
    """
    if log != node.log_id:
        return "final"
    for state, size in (
        ("final", reached.final),
        ("anchored", reached.anchored),
        ("submitted", reached.submitted),
    ):
        if index < size:
            return state
    return "integrated"


def anchor_now(node: Node, *, timeout: float = 120.0) -> Progress:
    """Anchor everything integrated so far and wait until it is final.

    Returns:
        how far the log is anchored now.

    Raises:
        NetworkError: not final in time; it goes on where it is when called again.
        ChainError, FrozenError: the chain refuses, or the log contradicts itself or the chain.
    """
    deadline = time.monotonic() + timeout
    with node.records.read() as unit:
        target = progress(node, unit).integrated
    while True:
        step(node)
        with node.records.read() as unit:
            reached = progress(node, unit)
        if reached.final >= target:
            return reached
        if time.monotonic() > deadline:
            raise NetworkError(
                f"not final within {timeout:.0f} s", hint="see how far it is with: custody status"
            )
        if reached.submitted > reached.final:
            time.sleep(0.05)


def step(node: Node) -> None:
    """Do the next thing that anchoring calls for; call it again until nothing changes.

    Raises:
        NetworkError, ChainError, FrozenError: as for anchor_now; nothing is lost by it.
    """
    with node.anchors():
        with node.records.read() as unit:
            merkle_log.require_log(unit, node.log_id)
            pending = unit.checkpoints.newest(node.log_id, ("submitted", "anchored"))
            sent = unit.transfers.on_its_way()
        if pending is not None:
            _follow(node, pending)
            return
        if sent is not None:  # the account has one transaction on its way at a time
            transfer_steps.follow(node, sent)
            return
        try:
            submitted = _submit(node)
        except FrozenError as error:
            _freeze(node, error)
            raise
        if submitted is not None:
            _follow(node, submitted)


def _submit(node: Node) -> CheckpointRow | None:
    """Record the next checkpoint with its exact transaction, then send it."""
    with node.records.read() as unit:
        last = unit.checkpoints.newest(node.log_id, ("final",))
        log = merkle_log.require_log(unit, node.log_id)
        prev, prev_root = (last.size, last.root) if last is not None else (0, merkle.EMPTY_ROOT)
        size = log.size
        if size == prev:
            return None
        on_chain = node.contracts.latest(node.log_id)
        if on_chain.size != prev or (prev and on_chain.root != prev_root):
            if (row := _given_up(node, unit, prev, on_chain)) is not None:
                found = stored_map.derive(unit, node.log_id, on_chain.size)
                return _recorded(node, row, item_map=found)
            raise _sent_by_others(node, unit, prev, size, on_chain)
        root = merkle_log.derive_root(unit, node.log_id, prev=prev, prev_root=prev_root, size=size)
        item_map = stored_map.derive(unit, node.log_id, size)
        if last is not None and last.map_root and item_map.before != last.map_root:
            raise FrozenError(
                f"the tiles no longer give the item map of the checkpoint of "
                f"{counted(prev, 'entry')}",
                hint=merkle_log.FROZEN_HINT,
            )
        proof = (
            merkle.consistency_proof(prev, size, merkle_log.reader(unit, node.log_id))
            if prev
            else []
        )
    if prev:
        # The contract cannot bind the sizes: the node checks its own proof before it pays for it.
        merkle.verify_consistency(prev, size, prev_root, root, proof)
    anchored = (prev, size, root, item_map.root)
    node.contracts.check_anchor(node.keys.anchorer_address, anchored, proof)
    nonce = node.contracts.chain.nonce(node.keys.anchorer_address)
    raw = node.contracts.sign_anchor(node.keys.anchorer, nonce, anchored, proof)
    with node.records.read() as unit:
        row = submitted(node, unit, *anchored, keccak256(raw))
    return _recorded(node, row, TransactionRow(row.transaction, KIND, nonce, raw), item_map)


def _sent_by_others(
    node: Node, unit: UnitOfWork, prev: int, size: int, on_chain: LatestCheckpoint
) -> ChainError:
    """What it means that the contract's newest checkpoint is none that this home knows."""
    told = f"the contract holds a checkpoint of {counted(on_chain.size, 'entry')}"
    read = merkle_log.reader(unit, node.log_id)
    if on_chain.size <= size and merkle.root_of(on_chain.size, read) == on_chain.root:
        item_map = stored_map.derive(unit, node.log_id, on_chain.size)
        if item_map.root != on_chain.map_root:
            return ChainError(
                f"{told} with another item map than the entries give: it was not sent from here",
                hint=(
                    "somebody else has the anchoring account: its governor gives it up, and the "
                    "agencies vote for the next log number; nothing was sent"
                ),
            )
    return ChainError(
        f"{told}, this home knows of {prev}",
        hint="this home is older than the chain: restore the newest backup; nothing was sent",
    )


def _recorded(
    node: Node,
    row: CheckpointRow,
    transaction: TransactionRow | None = None,
    item_map: DerivedMap | None = None,
) -> CheckpointRow:
    """Write a checkpoint down, with its transaction and its item map where those are new."""
    with node.records.write() as unit:
        if item_map is not None:
            stored_map.keep(unit, node.log_id, item_map)
        if transaction is not None:
            unit.checkpoints.put_transaction(transaction)
        unit.checkpoints.put(row)
    return row


def _given_up(
    node: Node, unit: UnitOfWork, prev: int, on_chain: LatestCheckpoint
) -> CheckpointRow | None:
    """The checkpoint that the contract has and this home gave up, as its transaction brought it:
    the chain took bytes of which it had said that it cannot.
    """
    recent = sorted(unit.tables.rows("chain_transaction", kind=KIND), key=lambda row: row["nonce"])
    for found in reversed(recent[-_RECENT:]):
        with suppress(ChainError):  # one that was altered, which audits find
            sent = node.contracts.read_transaction(found["raw"])
            brought = sent.anchored == (prev, on_chain.size, on_chain.root, on_chain.map_root)
            if (
                sent.anchored is not None
                and brought
                and node.contracts.chain.receipt(sent.hash) is not None
            ):
                return submitted(node, unit, *sent.anchored, sent.hash)
    return None


def submitted(
    node: Node,
    unit: UnitOfWork,
    prev: int,
    size: int,
    root: bytes,
    map_root: bytes,
    transaction: bytes,
    *,
    kept: bytes = b"",
) -> CheckpointRow:
    """The row of a checkpoint whose transaction is about to be sent; the same bytes every time.

    Args:
        kept: its note, where there is one already.
    """
    note = checkpoint_notes.signed(node, unit, size, root, map_root, kept=kept)
    return CheckpointRow(
        node.log_id, prev, size, root, note, "submitted", transaction, map_root=map_root
    )


def mined(
    node: Node,
    unit: UnitOfWork,
    row: CheckpointRow,
    state: CheckpointState,
    version: int,
    block: BlockRef,
    gas: int,
) -> CheckpointRow:
    """The row once the contract has taken the checkpoint, under a version of the descriptor, in a
    block.
    """
    note = checkpoint_notes.signed(
        node, unit, row.size, row.root, row.map_root, version=version, kept=row.note
    )
    return replace(
        row,
        state=state,
        version=version,
        time=block.time,
        block=block.number,
        gas=gas,
        note=note,
    )


def _follow(node: Node, row: CheckpointRow) -> None:
    """Bring a recorded checkpoint one state further."""
    chain = node.contracts.chain
    receipt = chain.receipt(row.transaction)
    if receipt is None:
        if row.state == "anchored":  # mined once, and reorganised away since
            row = replace(row, state="submitted", version=0, time=0, block=0, gas=0)
            with node.records.write() as unit:
                unit.checkpoints.put(row)
        row = _resend(node, row)
        receipt = chain.receipt(row.transaction)
    if receipt is not None:
        _record(node, row, receipt)


def _resend(node: Node, row: CheckpointRow) -> CheckpointRow:
    with node.records.read() as unit:
        transaction = unit.checkpoints.transaction(row.transaction)
    assert transaction is not None
    try:
        followed = send_again(node, transaction)
    except LostError:
        with node.records.write() as unit:
            _drop(unit, row)
        raise
    if followed == transaction:
        return row
    return _recorded(node, replace(row, transaction=followed.hash), followed)


def _record(node: Node, row: CheckpointRow, receipt: TransactionReceipt) -> None:
    """Take over block, time and version of a mined checkpoint, and whether it is final."""
    contracts = node.contracts
    block = contracts.chain.block(receipt.block)
    if block.hash != receipt.block_hash:
        return  # reorganised between two answers: look again
    if not receipt.succeeded:
        if contracts.chain.final() < receipt.block:
            return  # another block may take its place, in which the transaction is good
        require_certain(node, row.transaction, _REVERTED)
        with node.records.write() as unit:
            _drop(unit, row)
        raise ChainError(_REVERTED, hint="run: custody doctor")
    forget_doubts(node, row.transaction)
    state: CheckpointState = "final" if contracts.chain.final() >= receipt.block else "anchored"
    if row.state != "submitted" and (row.state, row.block, row.time) == (
        state,
        block.number,
        block.time,
    ):
        return
    version = contracts.active_version(node.keys.anchorer_address, block.number)
    commitment = contract_layout.checkpoint_commitment(
        row.prev, row.size, row.root, row.map_root, version, block.time, block.number
    )
    if contracts.checkpoint_commitment(row.log, row.size) != commitment:
        raise ChainError(
            f"the contract holds another commitment for {counted(row.size, 'entry')} "
            "than this checkpoint's"
        )
    with node.records.write() as unit:
        unit.checkpoints.put(mined(node, unit, row, state, version, block, receipt.gas_used))
        if state == "final":
            unit.logs.settle_map(row.log, row.size)
    if state == "final":
        checkpoint_notes.give_up_old_keys(node)


def _drop(unit: UnitOfWork, row: CheckpointRow) -> None:
    """Forget a checkpoint that never reached the chain, with its item map."""
    unit.checkpoints.drop(row.log, row.size)
    unit.logs.drop_map(row.log, row.size)


def _freeze(node: Node, error: FrozenError) -> None:
    with node.records.write() as unit:
        log = unit.logs.get(node.log_id)
        if log is not None:
            unit.logs.put(replace(log, frozen=error.message))
