"""Keeps handovers with other agencies going: steps on the chain, offers to us, and outcomes.

Our own duties (``own``) ask no other agency. Each agency has turns (``turn``), one at a time and
bounded in time: a slow agency delays only its own handovers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import Final

from ledger.domain.codecs.text import evidence_bytes
from ledger.domain.errors import BusyError, ChainError, CustodyError
from ledger.domain.ports.node_and_chain import PartnerApi
from ledger.rows.agencies import PartnerRow
from ledger.services.handovers import erasure, incoming_parcels, outcomes, outgoing_parcels
from ledger.services.node import supervision
from ledger.services.node.context import Node
from ledger.services.onchain import agency_standing, checkpoint_anchoring, transfer_steps
from ledger.services.partners import directory

_PAUSE: Final = 0.05
_ASKED: Final = 25.0  # seconds that a person waits for a round
_AT_ONCE: Final = 8  # agencies that a person's round exchanges with at once
_MOMENT: Final = 2.0  # seconds that it waits for a turn under way
_PHASE: Final = 60.0  # seconds of a turn for outcomes, for offers, and for disposals, each
_SLICE: Final = 15.0  # seconds of it for one item's ciphertext
Stopped = Callable[[], bool]


@dataclass
class Synced:
    """What a round did: items that came in, handovers settled, and problems by agency or item."""

    received: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)

    def add(self, other: Synced) -> None:
        """Take over what another part of the round did."""
        self.received += other.received
        self.settled += other.settled
        self.problems |= other.problems


def sync(node: Node, *, seconds: float = _ASKED) -> Synced:
    """One round, now: our own duties, and a turn with each agency, several at once. A turn that
    takes longer than ``seconds`` goes on in the background until it can stop.

    Returns:
        what was done until then; agencies that were not through are among the problems.

    Raises:
        BusyError: no thread could be started.
    """
    done = own(node)
    end = time.monotonic() + seconds
    with node.records.read() as unit:
        waiting = unit.partners.all()
    left, begun = {row.agency for row in waiting}, set[str]()
    ended: SimpleQueue[tuple[str, Synced]] = SimpleQueue()

    def work() -> None:
        while waiting:
            try:
                row = waiting.pop(0)
            except IndexError:
                return
            begun.add(row.agency)
            ended.put(
                (row.agency, turn(node, row, lambda: time.monotonic() > end, patience=_MOMENT))
            )

    try:
        for _ in range(min(_AT_ONCE, len(left))):
            threading.Thread(target=work, name="exchange-now", daemon=True).start()
        while left and (rest := end - time.monotonic()) > 0:
            agency, found = ended.get(timeout=rest)
            left.remove(agency)
            done.add(found)
    except Empty:
        pass
    except RuntimeError as error:
        raise BusyError(
            "no thread could be started", hint="try again when the machine has memory"
        ) from error
    finally:
        waiting.clear()
    for agency in left:
        reached = "is still under way" if agency in begun else "has not begun: others were slow"
        done.problems[agency] = f"the exchange with {agency} {reached}"
    return done


def own(node: Node) -> Synced:
    """What we owe without asking another agency: the chain's next step, and keys that must be
    destroyed.
    """
    done = Synced()
    with node.records.read() as unit:
        known = {row.agency for row in unit.partners.all()}
    _noting(done, node.agency, lambda: agency_standing.follow(node))
    _noting(done, node.agency, lambda: transfer_steps.step(node))
    _noting(done, node.agency, lambda: erasure.settle(node))
    for row in transfer_steps.every(node, transfer_steps.UNSETTLED):
        other = row.giver if row.taker == node.agency else row.taker
        if other not in known:
            done.problems[row.evidence] = f"{other} is not known here: custody partner add URL"
    return done


def turn(node: Node, partner: PartnerRow, stopped: Stopped, *, patience: float = _PHASE) -> Synced:
    """A turn with one agency: follow its keys, learn how offers ended, take in what it offers,
    learn of its disposals.

    Args:
        stopped: asked between items, and between ranges of ciphertext.
        patience: seconds that it waits for another turn with that agency.
    """
    done, agency = Synced(), partner.agency

    def phase(work: Callable[[Stopped], object]) -> None:
        end = time.monotonic() + _PHASE
        _noting(
            done,
            agency,
            lambda: None if stopped() else work(lambda: stopped() or time.monotonic() > end),
        )

    def all_of_it() -> None:
        with node.settles(f"exchange {agency}", seconds=patience):
            # Logins then find keys that are fresh: nobody has to wait for another agency's node.
            phase(lambda _: directory.follow(node, agency))
            if left := _left_undone(node, agency):
                done.problems[agency] = left
                return
            phase(lambda over: _settle_all(node, done, partner, over))
            phase(lambda over: _take_in(node, done, partner, over))
            phase(
                lambda over: erasure.learn(
                    node,
                    agency,
                    node.reach(partner.url),
                    over,
                    partial(_trying, node, done, agency),
                )
            )

    _noting(done, agency, all_of_it)
    return done


def _left_undone(node: Node, agency: str) -> str:
    """Why nothing is exchanged with an agency that the registry has suspended or retired, and what
    it and we still owe each other; empty for one that is active.
    """
    with node.records.read() as unit:
        if directory.known(unit, agency).active:
            return ""
    open_ = sum(1 for _ in transfer_steps.every(node, transfer_steps.UNSETTLED, agency=agency))
    owed, ours = erasure.unconfirmed(node, agency)
    counts = (
        (open_, "handovers with it are not settled"),
        (owed, "disposals are not confirmed by it"),
        (ours, "disposals by it are not confirmed by us"),
    )
    return "; ".join(
        [
            f"{agency_standing.inactive(agency).message}: nothing is exchanged with it",
            *(f"{count} {what}" for count, what in counts if count),
        ]
    )


def _noting(done: Synced, name: str, work: Callable[[], object]) -> None:
    """Do ``work``; what it raises is noted as a problem of ``name`` and goes no further, so that
    one agency does not hold up the others.
    """
    try:
        work()
    except Exception as error:  # noqa: BLE001  (nor must an answer that makes our own code fail)
        done.problems[name] = supervision.describe(error)[0]


def _trying(
    node: Node, done: Synced, agency: str, evidence: str, work: Callable[[], object]
) -> None:
    """As _noting, for one item of an agency: what failed waits its time."""
    if waiting := node.backoff.waits(agency, evidence, node.clock.now()):
        done.problems[evidence] = waiting
        return
    try:
        work()
    except Exception as error:  # noqa: BLE001  (one item's parcel must not hold up the next)
        known = (
            error
            if isinstance(error, CustodyError)
            else CustodyError(supervision.describe(error)[0])
        )
        found = node.backoff.failed(agency, evidence, known, node.clock.now())
        done.problems[evidence] = (
            found.described() if found.due > node.clock.now() else found.message
        )
        return
    node.backoff.succeeded(agency, evidence)


def _settle_all(node: Node, done: Synced, partner: PartnerRow, over: Stopped) -> None:
    for row in transfer_steps.every(node, transfer_steps.UNSETTLED, agency=partner.agency):
        if over():
            return
        _trying(
            node,
            done,
            partner.agency,
            row.evidence,
            lambda row=row: _settle(node, done, row.evidence, partner),  # type: ignore[misc]
        )


def _settle(node: Node, done: Synced, evidence: str, partner: PartnerRow) -> None:
    """Fetch the other side's statement where the contract says that they concluded a handover."""
    with node.records.read() as unit:
        rows, item = unit.transfers.of_item(evidence), unit.items.get(evidence)
    if item is None or not rows or rows[-1].state not in transfer_steps.UNSETTLED or rows[-1].sent:
        return
    if transfer_steps.query_contract(node, item).hops <= sum(
        row.state == "concluded" for row in rows
    ):
        return
    outcomes.take_outcome(node, rows[-1], node.reach(partner.url).parcel(evidence))
    done.settled.append(evidence)


def _take_in(node: Node, done: Synced, partner: PartnerRow, over: Stopped) -> None:
    """Take in what is on offer, each item for about ``_SLICE`` seconds: new offers first, then the
    transfers that were begun before, beginning with the one that waited longest.
    """
    api = node.reach(partner.url)
    going = [
        transfer.evidence
        for transfer in sorted(
            node.transfers.of(partner.agency), key=lambda transfer: transfer.touched
        )
    ]
    for one in outgoing_parcels.page(node, f"offers {partner.agency}", api.exchanged):
        evidence, named = one.evidence, (one.giver, one.taker, one.state)
        if named != (partner.agency, node.agency, "open") or evidence in going:
            continue
        evidence_bytes(evidence)  # raises where this is no evidence URN: it becomes part of a path
        with node.records.read() as unit:
            rows = unit.transfers.of_item(evidence)
        if rows and rows[-1].offer.hex() == one.offer:
            continue
        _take(node, done, partner, api, evidence, over)
        if over():
            return
    for evidence in going:
        _take(node, done, partner, api, evidence, over)
        if over():
            return


def _take(
    node: Node, done: Synced, partner: PartnerRow, api: PartnerApi, evidence: str, over: Stopped
) -> None:
    end = time.monotonic() + _SLICE

    def work() -> None:
        if incoming_parcels.receive(
            node, partner.agency, api, evidence, lambda: over() or time.monotonic() > end
        ):
            done.received.append(evidence)

    _trying(node, done, partner.agency, evidence, work)


def settle(node: Node, *, timeout: float) -> checkpoint_anchoring.Progress:
    """Anchor everything, and bring our handovers as far as they go without the other side."""
    deadline = time.monotonic() + timeout
    reached = checkpoint_anchoring.anchor_now(node, timeout=timeout)
    while time.monotonic() < deadline:
        try:
            moved = transfer_steps.step(node)
        except (
            ChainError
        ):  # what the contract refuses is told by the next round; anchoring has done its work
            break
        with node.records.read() as unit:
            waiting = unit.transfers.on_its_way() is not None
        if not moved and not waiting:
            break
        time.sleep(0.0 if moved else _PAUSE)
    return reached
