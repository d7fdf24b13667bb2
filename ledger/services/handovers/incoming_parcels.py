"""An item that another agency offers to us: its record, verified, and its ciphertext, checked
against the record before anything counts.

What fails leaves nothing behind: no row, and none of the blocks that came with it. Where the other
node does not answer for a while, what came before stays for the next try, and counts in its quota.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import Final

from ledger.domain.blocks import dag
from ledger.domain.chain import contract_layout
from ledger.domain.chain.contract_layout import Hop
from ledger.domain.crypto import content_encryption, grants
from ledger.domain.errors import (
    ConflictError,
    CustodyError,
    NetworkError,
    NotFoundError,
    RuleError,
    VerificationError,
)
from ledger.domain.event.document import Event
from ledger.domain.ipld import cid as cids
from ledger.domain.item import custody_transitions
from ledger.domain.item.custody_transitions import ItemState
from ledger.domain.log.statement import Statement
from ledger.domain.ports.node_and_chain import PartnerApi
from ledger.rows.handovers import TransferStepRow
from ledger.rows.items import ItemRow
from ledger.rows.states import TransferState
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.bundles import unpacking
from ledger.services.bundles.unpacking import Opened
from ledger.services.handovers import withdrawn
from ledger.services.node.context import Node
from ledger.services.node.transfer_progress import TooSlowError, Transfer
from ledger.services.onchain import transfer_steps
from ledger.services.records import documents, pages, record_keys

MOST: Final = 500  # items of one agency that nobody has answered


def receive(
    node: Node,
    code: str,
    api: PartnerApi,
    evidence: str,
    stopped: Callable[[], bool] = lambda: False,
) -> bool:
    """Take in an item that is offered to us: its record, verified, and its ciphertext, to be
    checked again by a person.

    Args:
        stopped: asked between two ranges of ciphertext: the transfer goes on where it stopped when
            called again.

    Returns:
        Whether all of it is here.

    Raises:
        VerificationError, IncompleteError: the record does not verify. NetworkError: the other node
            does not answer, or is too slow.
        RuleError: more is on offer from that agency than may lie here unanswered.
    """
    try:
        if not _receive(node, code, api, evidence, stopped):
            return False
    except BaseException as error:
        if not isinstance(error, NetworkError) or isinstance(error, TooSlowError):
            discard(node, code, evidence)
        raise
    node.transfers.end(code, evidence)
    return True


def _receive(
    node: Node, code: str, api: PartnerApi, evidence: str, stopped: Callable[[], bool]
) -> bool:
    """As ``receive``, without its clearing up. Of a transfer that goes on, the record is fetched
    only when all ciphertext is here, and must name the same content.
    """

    def read(start: int, end: int) -> bytes:
        return api.ciphertext(evidence, start, end)

    transfer = node.transfers.find(code, evidence)
    if transfer is not None and not node.transfers.go_on(node.blocks, transfer, read, stopped):
        return False
    if transfer is None:  # before its parcel is fetched and verified for nothing
        _require_room(node, code, evidence, 0)
    opened = unpacking.open_parcel(node, api.parcel(evidence), evidence)
    state, rows, content = _offered(node, code, opened)
    granted = _grants(node, opened, content)
    with node.records.read() as unit:
        _require_same(node, unit, unit.items.get(evidence), opened)
        place = unit.items.newest_place()
    _require_room(
        node,
        code,
        evidence,
        (content.ciphertext_size if content is not None else 0) + len(opened.parcel.bundle),
    )
    if content is not None and transfer is None:
        transfer = Transfer(code, evidence, content, place)
        if not node.transfers.claim(node.blocks.own, transfer):
            node.transfers.begin(transfer)
            if not node.transfers.go_on(node.blocks, transfer, read, stopped):
                return False
    if transfer is not None:
        if transfer.content != content:
            raise VerificationError(9, f"{code} offers other content than it began to send")
        dag.require_stored(
            node.blocks, transfer.content
        )  # a slow one may have lost what came first to the daily collection
    with node.records.write() as unit:
        _require_same(node, unit, unit.items.get(evidence), opened)
        for scope, recipient, binding, data in granted:
            unit.grants.keep(evidence, scope, recipient, binding, data)
        key = record_keys.record_key(node, unit, evidence)
        write(
            node,
            unit,
            opened,
            state,
            rows,
            None if content is None else cids.from_text(content.cid),
            unit.items.newest_place() + 1,
            key,
        )
    return True


def _offered(
    node: Node, code: str, opened: Opened
) -> tuple[ItemState, list[TransferStepRow], content_encryption.Content | None]:
    """Where an item stands that is on offer to us by its holder, verified, and its content."""
    if None in opened.events or opened.record is None:
        raise VerificationError(
            2,
            "the record of an offered item is not whole: documents are missing",
            hint="ask the giver for all of it",
        )
    unpacking.require_whole(opened.events)
    unpacking.verify_bundle(node, opened.filled())
    state, rows = replay(opened)
    last, hops = opened.statements[-1], opened.bundle.hops
    if (
        last.claims.effect != "offer"
        or last.claims.to != node.agency
        or not hops
        or hops[-1].outcome != contract_layout.OPEN
    ):
        raise VerificationError(8, f"the item that {code} sent is not on offer to us")
    if state.custodian != code:
        raise VerificationError(
            8,
            f"the item that {code} sent is held by {state.custodian}",
            hint="only its holder may offer it",
        )
    return state, rows, _content(opened.events[0])


def write(
    node: Node,
    unit: UnitOfWork,
    opened: Opened,
    state: ItemState,
    rows: list[TransferStepRow],
    cid: bytes | None,
    place: int,
    key: bytes | None,
) -> None:
    """Write all rows that follow from the record of an item that was offered to us. An audit calls
    it too, to fill an empty database.

    Args:
        place: ``ItemRow.opened``, for an item that was never here before.
        key: the item's record key here; None where it was destroyed since.
    """
    evidence, last = opened.bundle.evidence, opened.bundle.statements[-1]
    unpacking.keep(node, unit, opened, range(len(opened.statements)), key)
    unit.transfers.put_inherited(evidence, opened.kept())
    before = unit.items.get(evidence)
    opener, place = (before.opener, before.opened) if before is not None else (None, place)
    unit.items.put(
        ItemRow.of(
            state, cid, opener, place, unpacking.log_of(node, opened.bundle, last), last.index
        )
    )
    for row in rows:
        unit.transfers.keep(row)


def _content(opening: Event | None) -> content_encryption.Content | None:
    if opening is None or "content" not in opening.body:
        return None
    return content_encryption.parse_content(opening.body["content"], opening.body["size"])


def _require_same(node: Node, unit: UnitOfWork, before: ItemRow | None, opened: Opened) -> None:
    """An item that is known here already must be the very same one, and not in our custody: names
    are chosen by whoever opens an item.

    Raises:
        VerificationError: another item under the name of one of ours. ConflictError: an earlier
            handover of it is not settled here.
    """
    if before is None:
        return
    if before.state.custodian == node.agency:
        raise VerificationError(
            8,
            "another item is known here under that name",
            hint="refuse it: ask the giver where it comes from",
        )
    unpacking.require_history(unit, before.state, opened.bundle.origin, opened.statements)
    if any(
        row.state in transfer_steps.UNSETTLED
        for row in unit.transfers.of_item(before.state.evidence)
    ):
        raise ConflictError(
            "an earlier handover of this item is not settled here yet", hint="try again in a moment"
        )
    if unit.erasures.get(before.state.evidence) is not None:
        raise VerificationError(
            8,
            "the keys of this item were destroyed here after its disposal",
            hint="refuse it: ask the giver",
        )


def _grants(
    node: Node, opened: Opened, content: content_encryption.Content | None
) -> list[tuple[str, bytes, bytes, bytes]]:
    """The keys in the parcel: of the record to our node, of the content to our custodians, and no
    other.

    Raises:
        VerificationError: a key for somebody else, of something else, or twice.
    """
    with node.records.read() as unit:
        custodians = node.descriptor(unit).custody.digest
    allowed = {("record", key, b"") for key in node.keys.recipients}
    if content is not None:
        allowed.add(("content", custodians, content.commitment))
    found: list[tuple[str, bytes, bytes, bytes]] = []
    for grant in map(grants.parse, opened.parcel.grants):
        which = (grant.scope, grant.recipient, grant.binding or b"")
        if which not in allowed:
            raise VerificationError(
                2, "the parcel holds a key for somebody else, of something else, or one twice"
            )
        allowed.remove(which)
        found.append((*which, grant.encode()))
    return found


def _require_room(node: Node, code: str, evidence: str, size: int) -> None:
    """Check that an item of ``size`` bytes fits into what an agency may leave here, in number and
    bytes. What comes in or waits for an answer counts, and for a week what the agency took back.

    Raises:
        RuleError: with how much lies here, how much would come, and the limit.
    """
    lying = {
        transfer.evidence: transfer.content.ciphertext_size
        for transfer in node.transfers.of(code)
        if transfer.evidence != evidence
    }
    offered = transfer_steps.every(node, ("open", "concluding"), giver=code)
    taken_back = (one for one in withdrawn.left_by(node, code) if withdrawn.is_recent(node, one))
    # What an offer takes here stays as it is, and is in a document to be opened: each is opened
    # once, and not again with every item that comes behind it.
    known, sizes = node.offer_sizes.get(code, {}), dict[bytes, int]()
    for row in chain(offered, taken_back):
        if row.taker == node.agency and row.evidence != evidence:
            size_of = known.get(row.offer)
            sizes[row.offer] = _bytes_here(node, row.evidence) if size_of is None else size_of
            lying[row.evidence] = sizes[row.offer]
    node.offer_sizes[code] = sizes
    total, waits = sum(lying.values()), "that nobody has answered, or that it took back this week"
    if len(lying) >= MOST:
        raise RuleError(
            f"{code} has {len(lying)} items on offer here {waits}: no further one is taken in",
            hint="answer what waits: custody handover list",
        )
    if total + size > node.quota:
        raise RuleError(
            (
                f"{code} has {total} bytes on offer here {waits}; with {size} more "
                f"it is beyond the limit of {node.quota}"
            ),
            hint=(
                "answer what waits: custody handover list; or raise exchange.quota_gib in home.json"
            ),
        )


def _bytes_here(node: Node, evidence: str) -> int:
    """Bytes that an item takes here: its ciphertext, and the bundle of its earlier history."""
    with node.records.read() as unit:
        first = unit.logs.events(evidence, limit=1)
        content = _content(documents.read_event(node, unit, first[0])) if first else None
        proofs = unit.transfers.inherited(evidence) or b""
    return (content.ciphertext_size if content is not None else 0) + len(proofs)


def replay(opened: Opened) -> tuple[ItemState, list[TransferStepRow]]:
    """Where the item stands, and its handovers between agencies as statements and contract tell
    them.
    """
    hops = {hop.offer: hop for hop in opened.bundle.hops}
    state: ItemState | None = None
    rows: list[TransferStepRow] = []
    for bundled, statement, event in zip(
        opened.bundle.statements, opened.statements, opened.events, strict=True
    ):
        before, log_agency = state, opened.bundle.logs[bundled.log].agency
        state = custody_transitions.advance(
            state, statement.claims, statement.digest, log_agency=log_agency, event=event
        )
        if (
            statement.claims.effect == "offer"
            and statement.claims.to is not None
            and statement.claims.to != state.custodian
        ):
            hop = hops.get(statement.digest)
            rows.append(
                _crossing(opened.bundle.evidence, len(rows), state.custodian, statement, hop)
            )
        elif (
            before is not None
            and before.offer is not None
            and rows
            and rows[-1].offer == before.offer.digest
        ):
            rows[-1] = replace(rows[-1], outcome_digest=statement.digest)
    assert state is not None
    return state, rows


def _crossing(
    evidence: str, number: int, giver: str, offer: Statement, hop: Hop | None
) -> TransferStepRow:
    """The row of a handover between agencies, from its offer and what the contract holds of it."""
    taker = offer.claims.to or ""
    if hop is None:  # withdrawn before the contract ever took it
        return TransferStepRow(evidence, number, giver, taker, offer.digest, 0, "lapsed")
    state: TransferState = "open" if hop.outcome == contract_layout.OPEN else "concluded"
    times = (hop.offer_time, hop.outcome, hop.outcome_digest, hop.time)
    return TransferStepRow(evidence, number, giver, taker, offer.digest, hop.expires, state, *times)


def discard(node: Node, code: str, evidence: str) -> None:
    """Remove what a transfer brought that failed, or whose offer is over."""
    transfer = node.transfers.find(code, evidence)
    if transfer is not None:
        with node.transfers.fail(code, evidence) as fresh:
            _discard(node, fresh, transfer.place)


def _discard(node: Node, fresh: Iterable[bytes], place: int) -> None:
    """Remove blocks that were not here before, and that no item recorded since then (behind
    ``place``) uses.
    """
    with suppress(
        CustodyError
    ):  # the failure itself is what must be told; the daily collection takes the rest
        node.blocks.discard(fresh, kept=_used_since(node, place))


def _used_since(node: Node, place: int) -> Iterator[bytes]:
    for item in pages.every(node.records, place, _items, lambda item: item.opened):
        with suppress(NotFoundError):
            yield from dag.every(node.blocks.own, item.cid) if item.cid is not None else ()


def _items(unit: UnitOfWork, after: int, size: int) -> list[ItemRow]:
    return unit.items.page(after=after, limit=size, person=None, evidence=None)
