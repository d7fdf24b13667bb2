"""Destruction of keys after a disposal: at the custodian, and at every agency that held the item
before (DESIGN section 6).

- the keys go first, in one transaction; then the node signs for it: what is signed is true whenever
  the process dies
- ciphertext is unpinned and removed; nothing can open it any more, wherever else it lies
- an agency that held the item before learns of the disposal, checks that it is genuine, destroys
  its own keys, and confirms with a signed event in the custodian's log
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from ledger.domain.chain import contract_layout
from ledger.domain.codecs.text import from_hex
from ledger.domain.errors import CustodyError, NotFoundError, VerificationError
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.names import agency_id
from ledger.domain.ipld import cid as cids
from ledger.domain.item.item_history import lenders_after
from ledger.domain.ports.answers import DisposalNote
from ledger.domain.ports.node_and_chain import PartnerApi
from ledger.rows.handovers import ErasureRow, TransferStepRow
from ledger.rows.logs import EntryRow
from ledger.rows.storage import OWN_DISK, ReplicaStateRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.bundles import export
from ledger.services.handovers import outcomes, outgoing_parcels
from ledger.services.node.context import Node
from ledger.services.onchain import transfer_steps
from ledger.services.records import documents, pages
from ledger.services.registration import service_events
from ledger.services.storage import garbage_collection, placement

#: Seconds in which whoever had an item in between confirms its disposal, and which we wait quietly.
_CONFIRMING: Final = 86400
_SCOPES: Final = ["content", "record", "document", "disclosure"]


@dataclass(frozen=True, slots=True)
class Disposal:
    """What became of an item.

    Attributes:
        statement: digest of the one that disposed of the item. disposed: its time.
        destroyed: how many keys were destroyed here. backups: until when backups may have them.
        confirmed: who signed that keys were destroyed: (agency, statement, time).
        expected: agencies that have, or had, the item in custody, from which that is expected.
        pinned: IPFS nodes that have not removed its ciphertext yet.
        forgotten: IPFS nodes that the settings no longer name, and that may keep it.
        stored: whether some of the ciphertext still lies on the node's own disk, or may lie there.
    """

    evidence: str
    statement: bytes
    disposed: int
    destroyed: int
    backups: int
    confirmed: tuple[tuple[str, bytes, int], ...]
    expected: tuple[str, ...]
    pinned: tuple[str, ...]
    forgotten: tuple[str, ...]
    stored: bool


def settle(node: Node) -> int:
    """Destroy the keys that are due, whichever agency disposed of the item, and sign for it where
    it was ours. No other agency is asked: what is signed in its log is signed by ``learn``.

    Returns:
        how many items were brought forward.

    Raises:
        CustodyError: of the first item that could not be brought forward; the others were.
    """
    count = 0
    failed: CustodyError | None = None
    with node.settles("destroying keys"):
        for row in [*_rows(node, ("due",)), *_rows(node, ("dropped",), node.agency)]:
            try:
                dropped = _destroy_keys(node, row) if row.state == "due" else row
                if dropped.custodian == node.agency:
                    _sign(node, dropped)
            except CustodyError as error:
                failed = failed or error
            else:
                count += 1
    if failed is not None:
        raise failed
    return count


def _rows(
    node: Node, states: Sequence[str], custodian: str = "", *, held: str = "", after: str = ""
) -> Iterator[ErasureRow]:
    return pages.every(
        node.records,
        after,
        lambda unit, key, size: unit.erasures.in_states(
            states, size, custodian=custodian, held=held, after=key
        ),
        lambda row: row.evidence,
    )


def _sign(node: Node, row: ErasureRow) -> None:
    service_events.confirm(node, row.evidence, "keys-destroyed", _body(row))


def _body(row: ErasureRow) -> dict[str, Any]:
    return {"scope": ["content", "record"], "count": row.count, "disposal": row.statement.hex()}


def _destroy_keys(node: Node, row: ErasureRow) -> ErasureRow:
    with node.records.write() as unit:
        item = unit.items.get(row.evidence)
        count = unit.items.drop_secrets(row.evidence, _SCOPES, record=True)
        # A backup may have been made since the disposal was signed. What is noted from here on
        # waits for this transaction before it reads the keys.
        until = max(row.backups, node.backups_until())
        row = replace(
            row, state="dropped", count=row.count + count, time=node.clock.now(), backups=until
        )
        unit.erasures.put(row)
        # Until its tree was walked whole and all of it is gone. Of a single block the disk tells.
        if item is not None and item.cid is not None and cids.codec_of(item.cid) != cids.RAW:
            unit.replicas.put(
                ReplicaStateRow(row.evidence, OWN_DISK, item.cid, "released", row.time)
            )
    node.records.scrub()
    if item is not None and item.cid is not None:
        placement.release(node, item)
        with suppress(
            CustodyError
        ):  # parts of it may be gone already; the rest goes with the daily collection
            garbage_collection.forget(node, item.cid)
    return row


def _sign_there(node: Node, api: PartnerApi, row: ErasureRow, told: DisposalNote) -> None:
    """Sign in the custodian's log for what was destroyed here, once: where the answer to an earlier
    signature never came, their log tells of it.
    """
    data = api.closing(row.evidence, confirmed=True)
    closing = outcomes.check_closing(node, row.custodian, data, row.evidence, row.statement)
    if node.agency not in closing.confirmed:
        _require_place(node, row, told, closing)
        service_events.submit(node, api, row.custodian, told, "keys-destroyed", _body(row))
    with node.records.write() as unit:
        unit.erasures.put(replace(row, state="done"))


def _require_place(
    node: Node, row: ErasureRow, told: DisposalNote, closing: outcomes.Closing
) -> None:
    """Check that the place at which a partner asks us to sign lies in the log that closed the item,
    behind the statement that closed it, and not in the future.

    Args:
        told: the place, as the partner names it. closing: the closing statement.

    Raises:
        VerificationError: the partner names another place.
    """
    ahead = told.time > node.clock.now() + AHEAD
    if told.log != closing.log.hex() or told.events <= closing.seq or ahead:
        raise VerificationError(
            8,
            f"{row.custodian} asks for a signature in another place than its closing",
            hint="nothing was signed",
        )


def for_agency(node: Node, agency: str, after: str = "") -> list[DisposalNote]:
    """A page of disposals of items that an agency held before us, anchored for good, with where the
    item's record stands now.
    """
    with node.records.read() as unit:
        newest = unit.checkpoints.newest(node.log_id, ("final",))
    return list(
        islice(
            _told(node, agency, after, newest.size if newest is not None else 0),
            outgoing_parcels.PAGE,
        )
    )


def _told(node: Node, agency: str, after: str, size: int) -> Iterator[DisposalNote]:
    for row in _rows(node, ("dropped", "done"), node.agency, held=agency, after=after):
        with node.records.read() as unit:
            item, close = unit.items.get(row.evidence), unit.logs.entry_by_digest(row.statement)
        if item is not None and close is not None and close.index < size:
            yield DisposalNote(
                row.evidence,
                row.statement.hex(),
                node.log_id.hex(),
                item.state.seq + 1,
                item.state.head.hex(),
                item.state.time,
            )


def holders(unit: UnitOfWork, evidence: str) -> set[str]:
    """Agencies that have, or had, an item in their custody."""
    item = unit.items.get(evidence)
    taken = {row.taker for row in _accepted(unit, evidence)}
    return taken | ({item.state.origin} if item is not None else set())


def unconfirmed(node: Node, agency: str) -> tuple[int, int]:
    """How many disposals of ours an agency that held the item has not confirmed, and how many of
    its own we have not confirmed to it.
    """
    theirs = 0
    for row in _rows(node, ("dropped", "done"), node.agency, held=agency):
        with node.records.read() as unit:
            _, confirmed = _closing_of(unit, row)
        theirs += agency not in {entry.agency for entry in confirmed}
    return theirs, sum(1 for _ in _rows(node, ("dropped",), agency))


def closing(node: Node, agency: str, evidence: str, *, confirmed: bool = False) -> bytes:
    """For an agency that held an item before us: what our log says up to its disposal, as a bundle
    without documents or proofs.

    Args:
        confirmed: up to the newest event that is anchored, with who destroyed their keys.

    Raises:
        NotFoundError: no such item, or none that they held.
    """
    with node.records.read() as unit:
        row = unit.erasures.get(evidence)
        # The same look-ups for a hidden item as for an absent one.
        close = unit.logs.entry_by_digest(row.statement if row is not None else b"")
        held = agency in holders(unit, evidence)
        if row is None or close is None or row.custodian != node.agency or not held:
            raise NotFoundError("no such disposal of an item that you held")
        newest = unit.checkpoints.newest(node.log_id, ("final",))
        size = newest.size if newest is not None and confirmed else 0
        behind = [entry for entry in unit.logs.events(evidence) if entry.seq > close.seq]
    last = max((entry.seq for entry in behind if entry.index < size), default=close.seq)
    return export.bundle(
        node, evidence, until=last + 1, is_excerpt=True, shown=None, prove=False
    ).encode()


def learn(
    node: Node,
    agency: str,
    api: PartnerApi,
    stopped: Callable[[], bool] = lambda: False,
    trying: Callable[[str, Callable[[], object]], object] = lambda _, work: work(),
) -> None:
    """Learn of disposals by an agency of items that we held before, note what must be destroyed
    here, and sign for what was.

    One page of their list a call; the next call goes on behind it.

    Args:
        stopped: asked between two items.
        trying: does the work for an item; where that fails, the others must be learnt of all the
            same.

    Raises:
        VerificationError: a disposal that its custodian did not sign, unless ``trying`` keeps it.
    """
    for told in outgoing_parcels.page(node, f"disposals {agency}", api.disposals):
        evidence = told.evidence
        trying(
            evidence,
            lambda told=told, evidence=evidence: _follow(node, agency, api, evidence, told),  # type: ignore[misc]
        )
        if stopped():
            break


def _follow(node: Node, agency: str, api: PartnerApi, evidence: str, told: DisposalNote) -> None:
    _learn(node, agency, api, evidence, from_hex(told.disposal, what="disposal", size=32))
    with node.records.read() as unit:
        row = unit.erasures.get(evidence)
    if row is not None and (row.state, row.custodian) == ("dropped", agency):
        _sign_there(node, api, row, told)


def _learn(node: Node, agency: str, api: PartnerApi, evidence: str, statement: bytes) -> None:
    with node.records.read() as unit:
        item, known = unit.items.get(evidence), unit.erasures.get(evidence)
        held, lent = node.agency in holders(unit, evidence), _is_lent(node, unit, evidence)
        taker = _given_to(node, unit, evidence)
    if item is None or known is not None or item.state.custodian == node.agency or not held:
        return
    if lent:
        raise VerificationError(
            8,
            f"{agency} tells of a disposal of an item that is on loan from us",
            hint="nothing was destroyed: settle it with them",
        )
    if node.contracts.custody(transfer_steps.key_of(item))[0] != agency_id(agency)[:24]:
        raise VerificationError(
            8,
            f"{agency} tells of a disposal of an item that it does not hold",
            hint="nothing was destroyed",
        )
    data = api.closing(evidence) if taker == agency else api.closing(evidence, confirmed=True)
    found = outcomes.check_closing(node, agency, data, evidence, statement)
    if taker not in {agency, *found.confirmed}:
        # Whether it was given or lent to them is known to whoever gave it: their own node confirms
        # no disposal of what it lent.
        if node.clock.now() - found.time <= _CONFIRMING:
            return
        raise VerificationError(
            8,
            f"{agency} tells of a disposal of an item that we gave to {taker}, which has not "
            "confirmed it",
            hint=f"nothing was destroyed: ask {taker} whether it was lent to {agency}",
        )
    with node.records.write() as unit:
        if unit.erasures.get(evidence) is None:
            unit.erasures.put(
                ErasureRow(evidence, statement, agency, "due", backups=node.backups_until())
            )


def _given_to(node: Node, unit: UnitOfWork, evidence: str) -> str:
    """The agency to which we gave an item last."""
    ours = [row for row in _accepted(unit, evidence) if row.giver == node.agency]
    return ours[-1].taker if ours else ""


def _accepted(unit: UnitOfWork, evidence: str) -> list[TransferStepRow]:
    """The handovers of an item that the contract took as accepted."""
    done = ("concluded", contract_layout.ACCEPTED)
    return [row for row in unit.transfers.of_item(evidence) if (row.state, row.outcome) == done]


def _is_lent(node: Node, unit: UnitOfWork, evidence: str) -> bool:
    """Whether an item is out on a loan of ours, by the handovers that the contract concluded: what
    an offer says is known here, what the borrower said in accepting it may be kept from us.
    """
    lenders: list[str] = []
    for row in _accepted(unit, evidence):
        entry = unit.logs.entry_by_digest(row.offer)
        offer = documents.read_event(node, unit, entry) if entry is not None else None
        mode = OfferTerms.from_event(offer).mode if offer is not None else ""
        lenders = lenders_after(lenders, mode, row.giver, row.taker)
    return node.agency in lenders


def disposal(node: Node, unit: UnitOfWork, evidence: str) -> Disposal | None:
    """What became of an item that was disposed of; None for any other.

    Raises:
        StorageError: whether its ciphertext is here cannot be read.
    """
    row, item = unit.erasures.get(evidence), unit.items.get(evidence)
    if row is None or item is None:
        return None
    close, confirmed = _closing_of(unit, row)
    held = [replica.node for replica in unit.replicas.of_item(evidence)]
    return Disposal(
        evidence,
        row.statement,
        close.time if close is not None else 0,
        row.count,
        row.backups,
        tuple(
            (confirmation.agency, confirmation.digest, confirmation.time)
            for confirmation in confirmed
        ),
        tuple(sorted(holders(unit, evidence))),
        tuple(name for name in held if name in node.replicas.names()),
        tuple(name for name in held if name not in node.replicas.names() and name != OWN_DISK),
        item.cid is not None and (OWN_DISK in held or bool(node.blocks.lingering([item.cid]))),
    )


def _closing_of(unit: UnitOfWork, row: ErasureRow) -> tuple[EntryRow | None, list[EntryRow]]:
    """The entry of a disposal, and those of the nodes that confirmed it."""
    entries = unit.logs.events(row.evidence)
    close = next((entry for entry in entries if entry.digest == row.statement), None)
    if close is None:
        return None, []
    later = [entry for entry in entries if entry.seq > close.seq]
    return close, [entry for entry in later if _by_service(unit, entry)]


def _by_service(unit: UnitOfWork, row: EntryRow) -> bool:
    der = unit.people.certificate(row.certificate)
    return der is not None and certificates.parse(der).kind == "service"
