"""Bringing items to the replicas that shall have them (see placement), and taking away what they
shall have no longer.

- what is on its way is written down window by window, and gone on with after a crash of this node
  or of the daemon
- trouble of a replica is raised, and waits with all that is due there; trouble of one item puts off
  that item alone
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, replace
from itertools import islice
from typing import Final, TypeVar

from ledger.domain.blocks import dag
from ledger.domain.blocks.failed_reading import word_of
from ledger.domain.blocks.store import Replica
from ledger.domain.errors import (
    CustodyError,
    NetworkError,
)
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block
from ledger.rows.storage import LONGEST_PAUSE, ReplicaStateRow
from ledger.services.node.context import Node

_BATCH: Final = 128  # items a call, where they are small
_WINDOW: Final = 64  # blocks a call, at most 64 MiB: what a crash in the middle makes us send again
_FIRST_PAUSE: Final = 5  # seconds
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settled:
    """What one round at a replica did: items pinned, removed, put off because of their own
    problems, and not ended yet.
    """

    pinned: int = 0
    removed: int = 0
    failed: int = 0
    unfinished: int = 0

    def __add__(self, other: Settled) -> Settled:
        return Settled(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def __bool__(self) -> bool:
        return any(astuple(self))


class _SourceError(Exception):
    """A block could not be read from anywhere: the item's problem, not the replica's."""

    def __init__(self, cause: CustodyError) -> None:
        super().__init__()
        self.cause = cause


def pause(tries: int) -> int:
    """Seconds to wait after so many failures in a row."""
    return min(_FIRST_PAUSE << min(tries, 20), LONGEST_PAUSE)


def settle(node: Node, name: str, *, stopped: Callable[[], bool] = lambda: False) -> Settled:
    """Do what is due at one replica: a batch of small items, or one other; call it again until it
    does nothing.

    Args:
        stopped: asked between two windows; what was done until then counts.

    Raises:
        NetworkError, StorageError, UsageError, VerificationError: the replica's own trouble;
            nothing is lost by it.
    """
    with node.settles(name):
        with node.records.read() as unit:
            rows = unit.replicas.due(name, node.clock.now(), _BATCH)
        if not rows:
            return Settled()
        first = rows[
            0
        ]  # what has waited longest: many small items must not keep a large one waiting for ever
        if first.state == "released":
            with node.records.read() as unit:
                needed = unit.replicas.is_held_for_others(name, first.cid, first.evidence)
            if not needed and not node.replicas[name].unpin(first.cid):
                # It goes on being told as kept there, until somebody clears that node up.
                node.put_holdings([_put_off(first, "unreadable", node.clock.now())])
                return Settled(failed=1)
            with node.records.write() as unit:
                unit.replicas.drop(first.evidence, name)
            return Settled(removed=1)
        if _is_small(first):
            return _settle_small(node, name, [row for row in rows if _is_small(row)])
        return _settle_tree(node, name, first, stopped)


def _is_small(row: ReplicaStateRow) -> bool:
    return row.state == "wanted" and cids.codec_of(row.cid) == cids.RAW


def _settle_small(node: Node, name: str, rows: list[ReplicaStateRow]) -> Settled:
    """Items of one block each, in one call together; one that cannot be read is put off alone."""
    bad: dict[bytes, str] = {}
    good: list[bytes] = []

    def blocks() -> Iterator[Block]:
        for row in rows:
            try:
                block = Block(row.cid, node.blocks.get(row.cid))
            except CustodyError as error:
                bad[row.cid] = word_of(error)
                continue
            good.append(row.cid)
            yield block

    replica = node.replicas[name]
    replica.send(blocks())
    replica.pin(list(dict.fromkeys(good)), blocks=len(good))
    now = node.clock.now()
    node.put_holdings(
        [_put_off(row, bad[row.cid], now) if row.cid in bad else _kept(row, now) for row in rows]
    )
    failed = sum(row.cid in bad for row in rows)
    return Settled(pinned=len(rows) - failed, failed=failed)


def _settle_tree(
    node: Node, name: str, row: ReplicaStateRow, stopped: Callable[[], bool]
) -> Settled:
    replica = node.replicas[name]
    try:
        if not (node.blocks.missing([row.cid]) and _from_swarm(node, name, row)) and not _send(
            node, replica, row, stopped
        ):
            return Settled(unfinished=1)
    except _SourceError as error:
        node.put_holdings([_put_off(row, word_of(error.cause), node.clock.now())])
        return Settled(failed=1)
    except NetworkError as error:
        node.put_holdings(
            [replace(row, tries=row.tries + 1, problem=word_of(error))]
        )  # so that the next try asks what is there
        raise
    except CustodyError as error:
        node.put_holdings(
            [_put_off(row, word_of(error), node.clock.now())]
        )  # a full disk may have room for another item
        raise
    node.put_holdings([_kept(row, node.clock.now())])
    return Settled(pinned=1)


def _from_swarm(node: Node, name: str, row: ReplicaStateRow) -> bool:
    """Let a replica fetch from another one what the node's own disk has given up; False where that
    did not go.
    """
    with node.records.read() as unit:
        held = unit.replicas.of_item(row.evidence)
    sources = [
        holding.node
        for holding in held
        if holding.state == "pinned" and holding.node != name and holding.node in node.replicas.own
    ]
    for source in sources:
        try:
            node.replicas[name].introduce(node.replicas[source].status().addresses)
            node.replicas[name].pin([row.cid], fetch=True)
        except CustodyError:
            # The swarm is parted, or one of them is down or lies: this node carries the blocks
            # itself, and what is wrong with either is told where it is asked for itself.
            continue
        return True
    return False


def _send(node: Node, replica: Replica, row: ReplicaStateRow, stopped: Callable[[], bool]) -> bool:
    """Send a tree window by window and pin it; False where it was stopped in between, to be gone on
    with later.
    """
    order = _sourced(dag.every(node.blocks, row.cid))
    at = 0
    while window := list(islice(order, _WINDOW)):
        at += len(window)
        if at <= row.place and not row.tries:
            continue
        if row.tries:  # after a failure nobody knows what is there
            window = replica.missing(window)
        if window:
            replica.send(_sourced(Block(cid, node.blocks.get(cid)) for cid in window))
        node.put_holdings([replace(row, place=at)])
        if stopped():
            return False
    replica.pin([row.cid], blocks=at)
    return True


def _sourced(source: Iterator[T]) -> Iterator[T]:
    try:
        yield from source
    except CustodyError as error:
        raise _SourceError(error) from error


def _kept(row: ReplicaStateRow, now: int) -> ReplicaStateRow:
    return ReplicaStateRow(row.evidence, row.node, row.cid, "pinned", now, proof=now)


def _put_off(row: ReplicaStateRow, problem: str, now: int) -> ReplicaStateRow:
    return replace(row, tries=row.tries + 1, due=now + pause(row.tries), problem=problem)
