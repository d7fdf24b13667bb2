"""What a node clears away: ended sessions, abandoned uploads, and the content of disposed items."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

from ledger.domain.blocks import dag
from ledger.domain.blocks.store import Collected
from ledger.domain.errors import NotFoundError, UsageError
from ledger.domain.ipld import cid as cids
from ledger.rows.items import ItemRow
from ledger.rows.storage import ReplicaStateRow
from ledger.services.access import sessions
from ledger.services.node.context import Node
from ledger.services.records import pages
from ledger.services.storage import placement

GRACE: Final = 7 * 86400  # seconds for which an upload may rest before its blocks are given up
LEAST_GRACE: Final = 7200  # the age of a block is written down once an hour only
_PAGE: Final = 500


def collect(node: Node, *, grace: int = GRACE, dry: bool = False) -> Collected:
    """Remove from the node's own disk what belongs to no item, what nobody holds a key to any more,
    and what enough replicas keep.

    An item that is recorded while this runs keeps its blocks: they were asked for within the grace.

    Raises:
        UsageError: a grace that is too short to be safe.
        NotFoundError, UnreadableError, VerificationError: a live item's tree cannot be walked;
            nothing was removed.
    """
    if grace < LEAST_GRACE:
        raise UsageError(
            f"a grace of {grace} s, at least {LEAST_GRACE} expected",
            hint="an upload in progress must not lose its blocks",
        )
    away = _away(node)
    live = chain(away, _live(node), _naming(node))
    gone = node.blocks.collect(live, before=node.clock.now() - grace, dry=dry)
    return gone if dry else gone + forget_disposed(node)


def give_up(node: Node) -> Collected:
    """Remove from the node's own disk, however young, what enough replicas keep and no other item
    needs here.
    """
    away = _away(node)
    with node.transfers.counted_on() as coming:
        return node.blocks.discard(_moved(node), kept=chain(coming, away, _live(node)))


def forget(node: Node, root: bytes) -> Collected:
    """Remove the content of an item that was disposed of, however young, but for blocks that
    another item has, or that come for one.

    Raises:
        NotFoundError, UnreadableError, VerificationError: a live item's tree cannot be walked;
            nothing was removed.
    """
    return _forget(node, [root])


def forget_disposed(node: Node) -> Collected:
    """Remove again what is here of all items whose keys were destroyed: it comes back when the
    index of the packs is lost, or is restored, while packs wait to be compacted.

    Raises:
        NotFoundError, UnreadableError, VerificationError: as for ``forget``.
        StorageError: the disk refused.
    """
    roots = _disposed(node)
    return _forget(node, roots) if roots else Collected(0, 0, 0)


def _forget(node: Node, roots: list[bytes]) -> Collected:
    """Content goes first. The blocks that name it go when no pack holds any of it: as long as they
    are here, it is known what must not come back.
    """
    dead = list(dict.fromkeys(cid for root in roots for cid in dag.below(node.blocks.own, root)))
    content = [cid for cid in dead if cids.codec_of(cid) == cids.RAW]
    gone = _discard(node, content)
    if len(content) < len(dead) and not node.blocks.lingering(content):
        gone += _discard(node, dead)
    return gone


def _discard(node: Node, dead: list[bytes]) -> Collected:
    away = _away(node)
    with node.transfers.counted_on() as coming:
        return node.blocks.discard(dead, kept=chain(coming, away, _live(node)))


def _disposed(node: Node) -> list[bytes]:
    """Roots of items whose keys were destroyed and of which something is here."""
    rows = pages.every(
        node.records,
        "",
        lambda unit, key, size: [
            (row.evidence, unit.items.get(row.evidence))
            for row in unit.erasures.in_states(("dropped", "done"), size, after=key)
        ],
        lambda row: row[0],
    )
    roots = [item.cid for _, item in rows if item is not None and item.cid is not None]
    return node.blocks.lingering(list(dict.fromkeys(roots)))


# The store asks for these while it holds its lock, and everybody waits: they read the own disk, and
# never over a network.


def _moved(node: Node) -> Iterator[bytes]:
    for item, held, copies in _held_items(node):
        if (
            item.cid is not None
            and placement.is_kept(node, held, copies)
            and not node.blocks.missing([item.cid])
        ):
            yield from list(dag.every(node.blocks.own, item.cid))


def _live(node: Node) -> Iterator[bytes]:
    for root in _needed(node):
        if not _is_away(node, root):
            yield from dag.every(node.blocks.own, root)


def _naming(node: Node) -> Iterator[bytes]:
    """Blocks that name content which was destroyed and is still here."""
    for root in _disposed(node):
        for cid in dag.below(node.blocks.own, root):
            if cids.codec_of(cid) != cids.RAW:
                yield cid


def _away(node: Node) -> set[bytes]:
    """Blocks of items that shall lie on the own disk and whose root does not: parts of them may be
    here. Asked before the lock is taken.
    """
    return {
        cid
        for root in _needed(node)
        if _is_away(node, root)
        for cid in dag.every(node.blocks, root)
    }


def _is_away(node: Node, root: bytes) -> bool:
    """Whether a root with blocks below it is not on the own disk. Not asked by `missing`, which
    would make it young again.
    """
    if cids.codec_of(root) == cids.RAW:
        return False
    try:
        node.blocks.own.get(root)
    except NotFoundError:
        return True
    return False


def _needed(node: Node) -> Iterator[bytes]:
    """Roots of items that too few replicas keep."""
    for item, held, copies in _held_items(node):
        if item.cid is not None and not placement.is_kept(node, held, copies):
            yield item.cid


def _held_items(node: Node) -> Iterator[tuple[ItemRow, list[ReplicaStateRow], int]]:
    """Items whose content somebody has a key to, with their replicas and how many of these there
    shall be.
    """
    after = -1
    while True:
        with node.records.read() as unit:
            items = unit.items.page(after=after, limit=_PAGE, person=None, evidence=None)
            names = [item.state.evidence for item in items]
            held, targets = unit.replicas.named(names), unit.replicas.targets(names)
            kept = [item for item in items if not placement.is_destroyed(node, unit, item)]
        for item in kept:
            yield (
                item,
                held.get(item.state.evidence, []),
                targets.get(item.state.evidence, node.replicas.target),
            )
        if not items:
            return
        after = items[-1].opened


def forget_sessions(node: Node) -> None:
    """Drop sessions and challenges that have ended."""
    with node.records.write() as unit:
        now = node.clock.now()
        unit.sessions.drop_ended(now, sessions.latest_end(now))
