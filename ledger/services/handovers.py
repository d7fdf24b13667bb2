"""Handovers with other agencies kept going: chain steps, offers that come in, and how ours ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ledger.domain.encoding import evidence_bytes
from ledger.domain.errors import ChainError, CustodyError
from ledger.domain.ports import PartnerApi
from ledger.domain.records import PartnerRow
from ledger.services import anchoring, crossing, erasure, intake, outcomes, partners, supervision
from ledger.services.node import Node

_PAGE: Final = 1000
_PAUSE: Final = 0.05


@dataclass
class Synced:
    """What a round did: items that came in, handovers settled, and problems by agency or item."""

    received: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


def sync(node: Node) -> Synced:
    """One round: send what the chain waits for, learn how offers ended, take in what is offered to us."""
    with node.settling["exchange"]:  # one round at a time: a person's call beside the background one would take in everything twice
        return _round(node)


def _round(node: Node) -> Synced:
    done = Synced()
    with node.records.read() as unit:
        known = {row.agency: row for row in unit.partners()}
        unsettled = unit.crossings_in(crossing.UNSETTLED, _PAGE)
    _noting(done, node.agency, lambda: crossing.step(node))
    _noting(done, node.agency, lambda: erasure.settle(node))
    for row in unsettled:
        other = row.giver if row.taker == node.agency else row.taker
        if other not in known:
            done.problems[row.evidence] = f"{other} is not known here: custody partner add URL"
        else:
            _trying(node, done, other, row.evidence, lambda row=row, other=other: _settle(node, done, row.evidence, known[other]))  # type: ignore[misc]
    for partner in known.values():
        # Logins then find keys that are fresh: nobody has to wait for another agency's node.
        _noting(done, partner.agency, lambda partner=partner: partners.follow(node, partner.agency))  # type: ignore[misc]
        _noting(done, partner.agency, lambda partner=partner: _take_in(node, done, partner))  # type: ignore[misc]
        _noting(done, partner.agency, lambda partner=partner: erasure.learn(node, partner.agency, node.reach(partner.url)))  # type: ignore[misc]
    return done


def _noting(done: Synced, name: str, work: Callable[[], object]) -> None:
    """One agency that does not answer, or shows what does not verify, must not hold up the others."""
    try:
        work()
    except Exception as error:  # noqa: BLE001  (nor must an answer that makes our own code fail)
        done.problems[name] = supervision.describe(error)[0]


def _trying(node: Node, done: Synced, agency: str, evidence: str, work: Callable[[], object]) -> None:
    """As _noting, for one item of an agency: what failed waits its time."""
    if waiting := node.backoff.waits(agency, evidence, node.clock.now()):
        done.problems[evidence] = waiting
        return
    try:
        work()
    except Exception as error:  # noqa: BLE001  (one item's parcel must not hold up the next)
        known = error if isinstance(error, CustodyError) else CustodyError(supervision.describe(error)[0])
        found = node.backoff.failed(agency, evidence, known, node.clock.now())
        done.problems[evidence] = found.told() if found.due > node.clock.now() else found.message
        return
    node.backoff.succeeded(agency, evidence)


def _settle(node: Node, done: Synced, evidence: str, partner: PartnerRow) -> None:
    """Fetch the other side's statement where the contract says that they concluded a handover."""
    with node.records.read() as unit:
        rows, item = unit.crossings(evidence), unit.item(evidence)
    if item is None or not rows or rows[-1].state not in crossing.UNSETTLED or rows[-1].sent:
        return
    if crossing.look(node, item).hops <= sum(row.state == "concluded" for row in rows):
        return
    outcomes.take_outcome(node, rows[-1], node.reach(partner.url).parcel(evidence))
    done.settled.append(evidence)


def _take_in(node: Node, done: Synced, partner: PartnerRow) -> None:
    api = node.reach(partner.url)
    for one in api.exchanged()[:_PAGE]:
        evidence, named = str(one["evidence"]), (one["giver"], one["taker"], one["state"])
        if named != (partner.agency, node.agency, "open"):
            continue
        evidence_bytes(evidence)  # it becomes part of a path
        with node.records.read() as unit:
            rows = unit.crossings(evidence)
        if rows and rows[-1].offer.hex() == one["offer"]:
            continue
        _trying(node, done, partner.agency, evidence, lambda evidence=evidence: _receive(node, done, partner, api, evidence))  # type: ignore[misc]


def _receive(node: Node, done: Synced, partner: PartnerRow, api: PartnerApi, evidence: str) -> None:
    intake.receive(node, partner.agency, api, evidence)
    done.received.append(evidence)


def settle(node: Node, *, timeout: float) -> anchoring.Progress:
    """Anchor everything, and bring our handovers as far as they go without the other side."""
    deadline = time.monotonic() + timeout
    reached = anchoring.anchor_now(node, timeout=timeout)
    while time.monotonic() < deadline:
        try:
            moved = crossing.step(node)
        except ChainError:  # what the contract refuses is told by the next round; anchoring has done its work
            break
        with node.records.read() as unit:
            waiting = unit.sent_crossing() is not None
        if not moved and not waiting:
            break
        time.sleep(0.0 if moved else _PAUSE)
    return reached
