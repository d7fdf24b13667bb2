"""How well items are kept: each replica as it answers now, what waits, and what to do about each
problem.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from ledger.domain.blocks.store import Replica, ReplicaStatus
from ledger.domain.codecs.text import counted
from ledger.domain.errors import CustodyError, NetworkError
from ledger.rows.storage import ReplicaStateRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.storage import placement, removed_nodes, replication
from ledger.services.storage.replication import Settled

_PATIENCE: Final = 5.0  # seconds for which a report waits for a daemon
_NEARLY_FULL: Final = 0.9
_PAGE: Final = 256


@dataclass(frozen=True, slots=True)
class ReplicaReport:
    """One replica: ``status`` None where it does not answer; counts of items by state."""

    name: str
    outside: bool
    status: ReplicaStatus | None
    pinned: int
    waiting: int
    damaged: int
    problem: str
    hint: str


@dataclass(frozen=True, slots=True)
class ForgottenReplica:
    """An IPFS node that the settings no longer name, and how many items it may keep."""

    name: str
    items: int


@dataclass(frozen=True, slots=True)
class ReplicasReport:
    """All replicas, and those that were forgotten; items that lack one of their copies; and the
    oldest proof, in seconds since 1970.
    """

    copies: int
    nodes: tuple[ReplicaReport, ...]
    forgotten: tuple[ForgottenReplica, ...]
    wanting: int
    oldest_proof: int | None
    problem: str
    hint: str


def pins(node: Node, name: str) -> Iterator[tuple[ReplicaStateRow, bool]]:
    """Everything that the records call pinned at a replica, and whether it is pinned there.

    Raises:
        NetworkError: it does not answer.
    """
    rows = (row for row in node.holdings_at(name) if row.state == "pinned")
    while page := list(islice(rows, _PAGE)):
        there = node.replicas[name].pinned([row.cid for row in page])
        yield from ((row, row.cid in there) for row in page)


def report(node: Node) -> ReplicasReport:
    """Ask every replica, all at once, and never for long."""
    answers = _ask({name: node.replicas[name] for name in node.replicas.names()})
    with node.records.read() as unit:
        counts, oldest = unit.replicas.counts(), unit.replicas.oldest_proof()
        wanting = _wanting(node, unit)
        left = tuple(ForgottenReplica(*pair) for pair in removed_nodes.counts(node, unit).items())
    nodes = []
    for name, answer in answers.items():
        pinned, damaged = counts.get((name, "pinned"), 0), counts.get((name, "damaged"), 0)
        waiting = counts.get((name, "wanted"), 0) + counts.get((name, "released"), 0)
        problem, hint = _judge(answer, damaged)
        status = answer if isinstance(answer, ReplicaStatus) else None
        nodes.append(
            ReplicaReport(
                name, name in node.replicas.outside, status, pinned, waiting, damaged, problem, hint
            )
        )
    problem, hint = shortage(node), ""
    if problem:
        hint = "add another one: custody ipfs add NAME --api ADDRESS"
    elif wanting:
        problem = f"{counted(wanting, 'item', ('lies', 'lie'))} at fewer IPFS nodes than they shall"
        hint = "a node that serves goes on by itself; by hand: custody ipfs sync"
    return ReplicasReport(node.replicas.target, tuple(nodes), left, wanting, oldest, problem, hint)


def _wanting(node: Node, unit: UnitOfWork) -> int:
    return unit.replicas.wanting_items(list(node.replicas.own), node.agency, node.replicas.target)


def shortage(node: Node) -> str:
    """What is to be said where the home knows fewer IPFS nodes than shall keep an item; empty where
    it knows enough.
    """
    found, wanted = len(node.replicas.own), node.replicas.target
    return (
        f"items shall lie at {wanted} IPFS nodes, the home knows {found}" if found < wanted else ""
    )


@dataclass
class Synced:
    """What a round of sending did; ``problems`` by name of the replica. ``goes_on``: its time was
    up, or something was done.
    """

    done: Settled = field(default_factory=Settled)
    problems: dict[str, str] = field(default_factory=dict)
    wanting: int = 0
    goes_on: bool = False


def sync(node: Node, *, seconds: float, afresh: bool) -> Synced:
    """Send to all replicas at once what is due there, for so many seconds at most.

    Args:
        afresh: look through all items first for those that lack a replica, and try again what was
            put off.
    """
    if afresh:
        with node.records.write() as unit:
            unit.replicas.hurry(node.clock.now())  # whoever asks has mended something
        placement.plan_everything(node)
    end = time.monotonic() + seconds
    found = Synced()
    if problem := shortage(node):
        found.problems["home"] = problem
    mutex = threading.Lock()

    def send(name: str) -> None:
        try:
            while time.monotonic() < end and (
                done := replication.settle(node, name, stopped=lambda: time.monotonic() > end)
            ):
                with mutex:
                    found.done += done
        except CustodyError as error:
            with mutex:
                found.problems[name] = (
                    f"{error.message}; {error.hint}" if error.hint else error.message
                )

    with ThreadPoolExecutor(max(len(node.replicas.names()), 1), thread_name_prefix="sync") as pool:
        for sent in [pool.submit(send, name) for name in node.replicas.names()]:
            sent.result()
    with node.records.read() as unit:
        found.wanting = _wanting(node, unit)
    found.goes_on = bool(found.done.pinned or found.done.removed) or time.monotonic() > end
    return found


def _judge(answer: ReplicaStatus | CustodyError, damaged: int) -> tuple[str, str]:
    if isinstance(answer, CustodyError):
        return answer.message, answer.hint or "look into its daemon's log"
    if damaged:
        return (
            f"{counted(damaged, 'item', ('is', 'are'))} damaged there and no good copy was found",
            "bring back a node or a backup that has one: custody fixity --all",
        )
    if answer.limit and answer.size > answer.limit * _NEARLY_FULL:
        return (
            "its repository is nearly as large as its StorageMax allows",
            "give it more space, or add another IPFS node",
        )
    return "", ""


def _ask(replicas: dict[str, Replica]) -> dict[str, ReplicaStatus | CustodyError]:
    found: dict[str, ReplicaStatus | CustodyError] = {}

    def ask(name: str, replica: Replica) -> None:
        try:
            found[name] = replica.status()
        except CustodyError as error:
            found[name] = error

    # Threads that nobody waits for: a daemon that hangs must not hold up the report, or the end of
    # the program.
    threads = [threading.Thread(target=ask, args=pair, daemon=True) for pair in replicas.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=_PATIENCE)
    late = NetworkError(
        f"it does not answer within {_PATIENCE:.0f} s",
        hint="check that its daemon runs and can be reached",
    )
    return {name: found.get(name, late) for name in replicas}
