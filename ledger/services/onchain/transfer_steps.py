"""Handovers between agencies on the chain: the contract takes each step, and its outcome decides
(DESIGN sections 7 and 10).

An answer or a withdrawal that is signed and in the log changes nothing yet. Custody moves when the
contract has taken it and that is final; whoever lost a race against the other side finds their
statement void. One transaction of the anchoring account is on its way at a time, recorded before it
is sent: after a crash between any two steps the same bytes are sent again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ledger.domain.chain import contract_layout
from ledger.domain.chain.contract_layout import Hop
from ledger.domain.chain.evm import keccak256
from ledger.domain.chain.transactions import TransactionKind
from ledger.domain.errors import ChainError
from ledger.domain.event.document import Event
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.names import agency_id
from ledger.domain.identity.person import PersonId
from ledger.domain.item import custody_transitions
from ledger.domain.item.custody_transitions import ItemState
from ledger.domain.log import merkle
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Claims, Statement
from ledger.domain.ports.node_and_chain import HopStep
from ledger.rows.handovers import TransferStepRow
from ledger.rows.items import ItemRow
from ledger.rows.logs import EntryRow, TransactionRow
from ledger.rows.states import TransferState
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.log import merkle_log
from ledger.services.node.context import Node
from ledger.services.onchain import agency_standing
from ledger.services.onchain.lost_transactions import (
    LostError,
    forget_doubts,
    require_certain,
    send_again,
)
from ledger.services.records import pages

KIND: Final[TransactionKind] = "handover"
UNSETTLED: Final[tuple[TransferState, ...]] = ("offered", "open", "concluding")
_LAST: Final = (1 << 31) - 1  # behind every handover of an item


@dataclass(frozen=True, slots=True)
class Seen:
    """What the contract says about an item now: the number of concluded handovers, and whether an
    offer is open.
    """

    hops: int
    open: bool


def every(
    node: Node,
    states: Sequence[TransferState],
    *,
    agency: str = "",
    giver: str = "",
    outcome: int | None = None,
    after: str = "",
) -> Iterator[TransferStepRow]:
    """All handovers in these states, in the order of items, behind the item ``after`` where one is
    given; ``agency``, ``giver`` and ``outcome`` narrow them.
    """
    return pages.every(
        node.records,
        (after, _LAST if after else -1),
        lambda unit, key, size: unit.transfers.in_states(
            states, size, agency=agency, giver=giver, outcome=outcome, after=key
        ),
        lambda row: (row.evidence, row.number),
    )


def answers(state: ItemState, claims: Claims) -> bool:
    """Whether a statement answers or withdraws an offer between agencies: the contract decides on
    its effect.
    """
    return (
        claims.effect in contract_layout.OUTCOMES
        and state.offer is not None
        and state.offer.to != state.custodian
    )


def answered(unit: UnitOfWork, state: ItemState) -> TransferStepRow | None:
    """The open handover of an item, where our answer or withdrawal waits for the contract."""
    if state.offer is None or state.offer.to == state.custodian:
        return None
    rows = unit.transfers.of_item(state.evidence)
    return rows[-1] if rows and rows[-1].state == "concluding" else None


def record(
    node: Node, unit: UnitOfWork, statement: Statement, event: Event | None, state: ItemState
) -> None:
    """Write down that a statement just sequenced has to reach the contract.

    Args:
        event: None where its document was destroyed since: the contract knows until when the offer
            was good.
        state: of the item after it; unchanged by an answer, which waits for the contract.
    """
    claims = statement.claims
    if claims.effect == "offer" and claims.to is not None and claims.to != node.agency:
        rows = unit.transfers.of_item(claims.subject)
        expires = OfferTerms.from_event(event).expires if event is not None else 0
        unit.transfers.put(
            TransferStepRow(
                claims.subject,
                len(rows),
                node.agency,
                claims.to,
                statement.digest,
                expires,
                "offered",
            )
        )
    elif answers(state, claims):
        row = unit.transfers.of_item(claims.subject)[-1]
        outcome = contract_layout.OUTCOMES[claims.effect]
        unit.transfers.put(
            replace(row, state="concluding", outcome=outcome, outcome_digest=statement.digest)
        )


def taken(row: TransferStepRow, time: int) -> TransferStepRow:
    """The row once the contract has taken the offer, in a block of this time."""
    return replace(
        row, state="open" if row.state == "offered" else row.state, offer_time=time, sent=b""
    )


def has_seen_offer(row: TransferStepRow) -> bool:
    """Whether the node knows that the contract has taken the offer. An answer may be on its way
    before it has.
    """
    return bool(row.offer_time) or row.state in ("open", "concluded")


def hop_of(row: TransferStepRow) -> Hop:
    """The handover as the contract sees it."""
    return Hop(
        agency_id(row.giver),
        agency_id(row.taker),
        row.offer,
        row.offer_time,
        row.expires,
        row.outcome,
        row.outcome_digest,
        row.time,
    )


def hops(unit: UnitOfWork, evidence: str) -> tuple[Hop, ...]:
    """The concluded handovers of an item, and the open one behind them, as a bundle shows them."""
    shown = []
    for row in unit.transfers.of_item(evidence):
        if row.state == "concluded":
            shown.append(hop_of(row))
        elif row.state in ("open", "concluding") and row.offer_time:
            shown.append(
                hop_of(replace(row, outcome=contract_layout.OPEN, outcome_digest=bytes(32), time=0))
            )
    return tuple(shown)


def key_of(item: ItemRow) -> bytes:
    """Under which the contract knows an item."""
    return contract_layout.custody_key(agency_id(item.state.origin), item.state.ref)


def query_contract(node: Node, item: ItemRow, block: int | None = None) -> Seen:
    """What the contract says about an item, by default in the newest final block."""
    _, count, is_open = node.contracts.custody(
        key_of(item), node.contracts.chain.final() if block is None else block
    )
    return Seen(count, is_open)


def step(node: Node) -> bool:
    """Take the next step that any handover needs on the chain.

    Returns:
        whether a step was taken; False also while a transaction on its way is waited for.

    Raises:
        NetworkError, ChainError: nothing is lost by it; call again.
    """
    with node.anchors():
        with node.records.read() as unit:
            if unit.checkpoints.newest(node.log_id, ("submitted", "anchored")) is not None:
                return False  # its transaction comes first: one at a time
            sent = unit.transfers.on_its_way()
        if sent is not None:
            return follow(node, sent)
        refused: ChainError | None = None
        for row in every(node, ("offered", "concluding")):
            try:
                if _begin(node, row):
                    return True
            except ChainError as error:  # one that the contract refuses must not hold up the others
                refused = error
        if refused is not None:
            raise refused
        return False


def _current(unit: UnitOfWork, row: TransferStepRow) -> TransferStepRow:
    """The row as it stands now: people sign while the chain is waited for."""
    return next(each for each in unit.transfers.of_item(row.evidence) if each.number == row.number)


def follow(node: Node, row: TransferStepRow) -> bool:
    """Bring the handover whose transaction is on its way one step further; False while there is
    nothing to do but wait. The caller holds the anchoring lock.
    """
    chain = node.contracts.chain
    receipt = chain.receipt(row.sent)
    if receipt is None:
        with node.records.read() as unit:
            transaction = unit.checkpoints.transaction(row.sent)
        assert transaction is not None
        try:
            followed = send_again(node, transaction)
        except LostError:
            _forget(node, row)
            raise
        if followed != transaction:
            with node.records.write() as unit:
                unit.checkpoints.put_transaction(followed)
                unit.transfers.put(replace(_current(unit, row), sent=followed.hash))
            return True
        receipt = chain.receipt(row.sent)
        if receipt is None:
            return False
    block = chain.block(receipt.block)
    if block.hash != receipt.block_hash or chain.final() < receipt.block:
        return False  # not final yet: mined again in another block, it may end otherwise
    if not receipt.succeeded:
        if not _is_over(node, row):
            require_certain(node, row.sent, "the contract refused the step of a handover")
        _forget(node, row)  # looked at anew
        return True
    forget_doubts(node, row.sent)
    with node.records.write() as unit:
        now = _current(unit, row)
        if not now.offer_time:  # the offer itself; it may have been withdrawn in our log meanwhile
            unit.transfers.put(taken(now, block.time))
        else:
            conclude(node, unit, replace(now, time=block.time, sent=b""))
    return True


def _is_over(node: Node, row: TransferStepRow) -> bool:
    """Whether the contract shows why it refused a step: the other side was first, or time ran
    out.
    """
    with node.records.read() as unit:
        item = unit.items.get(row.evidence)
        number = sum(each.state == "concluded" for each in unit.transfers.of_item(row.evidence))
    if item is None:
        return True
    return (
        query_contract(node, item).hops > number or node.contracts.chain.head().time >= row.expires
    )


def _forget(node: Node, row: TransferStepRow) -> None:
    with node.records.write() as unit:
        unit.transfers.put(replace(_current(unit, row), sent=b""))


def _begin(node: Node, row: TransferStepRow) -> bool:
    """Send the transaction that a signed offer or answer calls for, once that is anchored for
    good.
    """
    if row.state == "offered" and not agency_standing.is_active(node, row.taker):
        # The contract would take the offer: only an acceptance makes it ask if the taker is active.
        raise ChainError(
            f"{agency_standing.inactive(row.taker).message}: an item offered to it is not brought "
            "to the chain",
            hint="take the offer back: custody handover withdraw ID --reason WHY",
        )
    with node.records.read() as unit:
        item = unit.items.get(row.evidence)
        entry = unit.logs.entry_by_digest(
            row.offer if row.state == "offered" else row.outcome_digest
        )
        newest = unit.checkpoints.newest(node.log_id, ("final",))
        number = sum(each.state == "concluded" for each in unit.transfers.of_item(row.evidence))
        if item is None or entry is None or newest is None or entry.index >= newest.size:
            return False
        seen = query_contract(node, item)
        if seen.hops > number:
            return False  # the other side was first: its statement is fetched by handovers.sync
        if row.state == "offered" and node.contracts.chain.head().time >= row.expires:
            return False  # nobody can take it any more: what is left is to withdraw it
        if row.state == "concluding" and not row.offer_time:
            lapsed = True
        else:
            lapsed = False
            proof = merkle.inclusion_proof(
                entry.index, newest.size, merkle_log.reader(unit, node.log_id)
            )
    if lapsed:
        with node.records.write() as unit:
            conclude(node, unit, _current(unit, row), state="lapsed")
        return True
    _send(
        node,
        row,
        HopStep(
            agency_id(item.state.origin), item.state.ref, hop_of(row), entry.index, tuple(proof)
        ),
    )
    return True


def _send(node: Node, row: TransferStepRow, taken: HopStep) -> None:
    contracts = node.contracts
    contracts.check_hop(node.keys.anchorer_address, taken)
    nonce = contracts.chain.nonce(node.keys.anchorer_address)
    raw = contracts.sign_hop(node.keys.anchorer, nonce, taken)
    with node.records.write() as unit:
        now = _current(unit, row)
        if now.state != row.state:
            # withdrawn in our log meanwhile, before the contract heard of it: looked at anew
            return
        unit.checkpoints.put_transaction(TransactionRow(keccak256(raw), KIND, nonce, raw))
        unit.transfers.put(replace(now, sent=keccak256(raw)))
    contracts.chain.send(raw)


def conclude(
    node: Node, unit: UnitOfWork, row: TransferStepRow, *, state: TransferState = "concluded"
) -> None:
    """Apply the outcome in ``row`` to the item; other statements at the same seq become void.

    Args:
        row: with outcome, digest and time as the contract has them; of a lapsed offer, our
            withdrawal.
        state: "concluded" where the contract decided, "lapsed" where it never took the offer.
    """
    item, entry = unit.items.get(row.evidence), unit.logs.entry_by_digest(row.outcome_digest)
    assert item is not None
    assert entry is not None
    statement = statements.parse_entry(entry.entry)
    sequencer = row.taker if statement.claims.effect != "withdraw" else row.giver
    after = custody_transitions.advance(
        item.state, statement.claims, statement.digest, log_agency=sequencer
    )
    for other in unit.logs.events_at(row.evidence, entry.seq):
        if other.digest != entry.digest:
            unit.logs.void_entry(other.log, other.index)
    holder = (
        _holder(unit, entry)
        if after.custodian == node.agency and statement.claims.effect == "accept"
        else item.holder
    )
    unit.items.put(
        replace(item.at(after), latest_log=entry.log, latest_index=entry.index, holder=holder)
    )
    unit.transfers.put(replace(row, state=state))
    if (
        row.taker == node.agency
        and after.custodian != node.agency
        and not _held_before(node, unit, item)
    ):
        # It did not come to us after all: the content key goes, and with the next collection the
        # ciphertext.
        unit.items.drop_secrets(row.evidence, ["content"], record=False)


def _held_before(node: Node, unit: UnitOfWork, item: ItemRow) -> bool:
    """Whether an item was ever in our custody."""
    if item.state.origin == node.agency:
        return True
    rows = unit.transfers.of_item(item.state.evidence)
    return any(
        row.taker == node.agency
        and row.outcome == contract_layout.ACCEPTED
        and row.state == "concluded"
        for row in rows
    )


def _holder(unit: UnitOfWork, entry: EntryRow) -> PersonId | None:
    der = unit.people.certificate(entry.certificate)
    return certificates.parse(der).subject if der is not None else None
