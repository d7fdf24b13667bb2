"""IPFS nodes that the settings no longer name: nobody asks them for anything, and what was pinned
there may lie there still. A certificate of disposal says so.

- what such a node may keep stays written down, under a name that no node can be given
- a node that is added again is asked what it has pinned: of that it is known again, whatever it is
  called now by; others, which may have the same pinned, are told apart by their peer ids
- what a person says was destroyed there is struck out
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Final

from ledger.domain.blocks.store import Replica
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import CustodyError
from ledger.rows.storage import OWN_DISK, ReplicaStateRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node

_REMOVED: Final = ", removed "
_PEER: Final = ", peer "
_PAGE: Final = 256


def counts(node: Node, unit: UnitOfWork) -> dict[str, int]:
    """How many items each of these nodes may keep."""
    found: dict[str, int] = {}
    for (name, _), count in unit.replicas.counts().items():
        if name not in node.replicas.names() and name != OWN_DISK:
            found[name] = found.get(name, 0) + count
    return found


def forget(node: Node, name: str) -> int:
    """Ask a node for nothing any more, and keep in view what may lie there; of how many items."""
    label = f"{name}{_REMOVED}{format_time(node.clock.now())}"
    if peer := _peer(node, name):
        label += f"{_PEER}{peer}"
    kept = [
        replace(row, node=label, state="released", tries=0, problem="")
        for row in node.holdings_at(name)
        if row.state != "wanted" or row.place or row.tries
    ]
    with node.records.write() as unit:
        unit.replicas.drop_at(name)
        for row in kept:
            unit.replicas.put(row)
    return len(kept)


def _peer(node: Node, name: str) -> str:
    """The peer id of a node that is about to be forgotten; empty where it does not answer."""
    with suppress(CustodyError):
        if name in node.replicas.names():
            return node.replicas[name].status().peer
    return ""


def remember(node: Node, name: str, replica: Replica, *, peer: str) -> int:
    """Take up again what a node that is added has pinned, of all that forgotten ones may keep; how
    many items it is.

    Of a forgotten node whose peer id nobody knows it goes on being said what it may keep: another
    one with the same pinned is not to be taken for it.

    Raises:
        NetworkError: it does not answer.
    """
    with node.records.read() as unit:
        labels = counts(node, unit)
    again = set[str]()
    for label in labels:
        known = label.rpartition(_PEER)[2] if _PEER in label else ""
        if known and known != peer:
            continue
        for page in _pages(node.holdings_at(label)):
            there = replica.pinned(list({row.cid for row in page}))
            rows = [row for row in page if row.cid in there]
            again.update(row.evidence for row in rows)
            with node.records.write() as unit:
                for row in rows:
                    if known:
                        unit.replicas.drop(row.evidence, label)
                    unit.replicas.put(_again(row, name, node.clock.now()))
    return len(again)


def strike_out(node: Node, name: str) -> int:
    """Forget what a node kept that is destroyed by now, as a person says; of how many items."""
    with node.records.write() as unit:
        known = counts(node, unit)
        labels = [label for label in known if label == name or label.startswith(name + _REMOVED)]
        for label in labels:
            unit.replicas.drop_at(label)
    return sum(known[label] for label in labels)


def _again(row: ReplicaStateRow, name: str, now: int) -> ReplicaStateRow:
    """As pinned; what was disposed of meanwhile is let go by the next planning."""
    return ReplicaStateRow(row.evidence, name, row.cid, "pinned", now, proof=now)


def _pages(rows: Iterator[ReplicaStateRow]) -> Iterator[list[ReplicaStateRow]]:
    while page := list(islice(rows, _PAGE)):
        yield page
