"""What a node clears away: ended sessions, abandoned uploads, and the content of disposed items."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import Final

from ledger.domain.blocks import dag
from ledger.domain.blocks.store import Collected
from ledger.domain.codecs.text import counted
from ledger.domain.errors import (
    ChainError,
    NetworkError,
    NotFoundError,
    StorageError,
    UnreadableError,
    UsageError,
    VerificationError,
)
from ledger.domain.ipld import cid as cids
from ledger.rows.items import ItemRow
from ledger.rows.storage import OWN_DISK, ReplicaStateRow
from ledger.services.access import sessions
from ledger.services.node.context import Node
from ledger.services.records import pages
from ledger.services.storage import placement

GRACE: Final = 7 * 86400  # seconds for which an upload may rest before its blocks are given up
LEAST_GRACE: Final = 7200  # the age of a block is written down once an hour only
_PAGE: Final = 500
_UNREAD: Final = (NotFoundError, UnreadableError, VerificationError)


def collect(node: Node, *, grace: int = GRACE, dry: bool = False) -> Collected:
    """Remove from the node's own disk what belongs to no item, what nobody holds a key to any more,
    and what enough replicas keep.

    An item that is recorded while this runs keeps its blocks: they were asked for within the grace.
    What nobody can name any more, below a damaged block of an item that was disposed of, goes with
    what belongs to no item, once the disposal is older than the grace.

    Raises:
        UsageError: a grace that is too short to be safe.
        StorageError: the record was lost, or is older than what the chain has of it. NetworkError,
            ChainError: the chain cannot be asked that.
        NotFoundError, UnreadableError, VerificationError: a live item's tree cannot be walked, and
            which; nothing was removed.
    """
    if grace < LEAST_GRACE:
        raise UsageError(
            f"a grace of {grace} s, at least {LEAST_GRACE} expected",
            hint="an upload in progress must not lose its blocks",
        )
    _require_record(node)
    before = node.clock.now() - grace
    gone = _sparing(
        node,
        lambda live: node.blocks.collect(
            chain(live, _naming(node, before)), before=before, dry=dry
        ),
    )
    if not dry:
        gone += forget_disposed(node, before=before)
        # No age says so: a clock may have been wrong, an index built anew, a pack may have to stay.
        if node.holdings_at(OWN_DISK) and node.blocks.holds_only(_kept(node)):
            _say_gone(node, lambda _: True)
    return gone


def _require_record(node: Node) -> None:
    """Remove nothing by a record that was lost, or is older than what the chain has of it: what it
    does not name may be evidence all the same.

    Raises:
        StorageError: it is. NetworkError, ChainError: the chain cannot be asked.
    """
    with node.records.read() as unit:
        log = unit.logs.get(node.log_id)
    size = log.size if log is not None else 0
    try:
        anchored = node.contracts.latest(node.log_id).size
    except (NetworkError, ChainError) as error:
        raise type(error)(
            f"whether the record of this home is whole cannot be told: {error.message}",
            hint="nothing was removed; try again once the chain can be reached",
        ) from error
    if not size or anchored > size:
        raise StorageError(
            f"the log of this home has {counted(size, 'entry')}, of which {anchored} "
            "are anchored: the "
            "record was lost, or is an older one",
            hint="nothing was removed: keep the home as it is, and restore the newest backup "
            "beside it",
        )


def give_up(node: Node) -> Collected:
    """Remove from the node's own disk, however young, what enough replicas keep and no other item
    needs here.
    """
    return _discard(node, lambda: _moved(node))


def forget(node: Node, root: bytes) -> Collected:
    """Remove the content of an item that was disposed of, however young, but for blocks that
    another item has, or that come for one.

    Raises:
        NotFoundError, UnreadableError, VerificationError: a live item's tree cannot be walked;
            nothing was removed.
    """
    return _forget(node, {root: node.clock.now()}, 0)


def forget_disposed(node: Node, *, before: int | None = None) -> Collected:
    """Remove again what is here of all items whose keys were destroyed: it comes back when the
    index of the packs is lost, or is restored, while packs wait to be compacted.

    Args:
        before: until when a disposal must have been for what it left to be collected by age.

    Raises:
        NotFoundError, UnreadableError, VerificationError: as for ``forget``.
        StorageError: the disk refused.
    """
    roots = _disposed(node)
    before = node.clock.now() - GRACE if before is None else before
    return _forget(node, roots, before) if roots else Collected(0, 0, 0)


def _forget(node: Node, roots: Mapping[bytes, int], before: int) -> Collected:
    """Content goes first. The blocks that name it go when no pack holds any of it: as long as they
    are here, it is known what must not come back. So do damaged ones, below which nobody can name
    what there is, until that was collected by its age.
    """
    dead: dict[bytes, None] = {}
    unnamed, walked = set[bytes](), dict[bytes, list[bytes]]()
    told = {row.cid for row in node.holdings_at(OWN_DISK)}
    for root, time in roots.items():
        found, is_whole = _tree(node, root, expected=root in told)
        dead |= dict.fromkeys(found)
        if is_whole:
            walked[root] = found
        elif time > before:
            unnamed.update(found)
    content = [cid for cid in dead if cids.codec_of(cid) == cids.RAW]
    naming = [cid for cid in dead if cids.codec_of(cid) != cids.RAW and cid not in unnamed]
    gone = _discard(node, lambda: content)
    if not naming and told.isdisjoint(walked):
        return gone
    left = set(node.blocks.lingering(content))
    if naming and not left:
        gone += _discard(node, lambda: naming)
    clear = {root for root, found in walked.items() if left.isdisjoint(found)}
    _say_gone(node, lambda row: row.cid in clear)
    return gone


def _say_gone(node: Node, which: Callable[[ReplicaStateRow], bool]) -> None:
    """Say no longer that the own disk may have something of these items."""
    rows = [row for row in node.holdings_at(OWN_DISK) if which(row)]
    if rows:
        with node.records.write() as unit:
            for row in rows:
                unit.replicas.drop(row.evidence, OWN_DISK)


def _tree(node: Node, root: bytes, *, expected: bool) -> tuple[list[bytes], bool]:
    """Blocks of a tree as far as it can be read here, or at replicas; and whether that is all.

    Args:
        expected: what a root that is missing named may be here all the same.
    """
    unread: list[bytes] = []
    found = list(dag.below(node.blocks.own, root, unread, inner=expected))
    if not unread:
        return found, True
    with suppress(NetworkError):
        unread = []
        return list(dag.below(node.blocks, root, unread, inner=expected)), not unread
    return found, False


def _discard(node: Node, dead: Callable[[], Iterable[bytes]]) -> Collected:
    def discard(live: Iterator[bytes]) -> Collected:
        with node.transfers.counted_on() as coming:
            return node.blocks.discard(dead(), kept=chain(coming, live))

    return _sparing(node, discard)


def _disposed(node: Node) -> dict[bytes, int]:
    """Roots of items whose keys were destroyed and of which something is here, and when they
    were.
    """
    rows = pages.every(
        node.records,
        "",
        lambda unit, key, size: [
            (row.evidence, row.time, unit.items.get(row.evidence))
            for row in unit.erasures.in_states(("dropped", "done"), size, after=key)
        ],
        lambda row: row[0],
    )
    roots = {item.cid: time for _, time, item in rows if item is not None and item.cid is not None}
    return {root: roots[root] for root in node.blocks.lingering(list(roots))}


class _UnwalkedError(Exception):
    """The tree of an item cannot be walked on the own disk."""

    def __init__(self, evidence: str, root: bytes) -> None:
        super().__init__()
        self.evidence = evidence
        self.root = root


def _sparing(node: Node, work: Callable[[Iterator[bytes]], Collected]) -> Collected:
    """Let the store remove something, but for what must stay. A tree that cannot be walked on the
    own disk is walked with what replicas have, while nobody waits for the store.

    Raises:
        NotFoundError, UnreadableError, VerificationError, NetworkError: there is no good copy of a
            block that names others: what lies below it might be what is to be removed, so nothing
            was.
    """
    elsewhere = {
        root: _walked(node, evidence, root)
        for evidence, root in _needed(node)
        if _is_away(node, root)
    }
    while True:
        try:
            return work(chain(*elsewhere.values(), _live(node, elsewhere)))
        except _UnwalkedError as error:
            elsewhere[error.root] = _walked(node, error.evidence, error.root)


def _walked(node: Node, evidence: str, root: bytes) -> set[bytes]:
    try:
        return set(dag.every(node.blocks, root))
    except (*_UNREAD, NetworkError) as error:
        what = f"nothing was removed: which blocks {evidence} needs cannot be told: {error.message}"
        hint = (
            "bring that block back: custody fixity --all, or restore the newest backup beside the "
            "home; custody doctor --deep names all that is damaged"
        )
        if isinstance(error, VerificationError):
            raise VerificationError(error.step, what, hint=hint) from error
        raise type(error)(what, hint=hint) from error


# The store asks for these while it holds its lock, and everybody waits: they read the own disk, and
# never over a network.


def _moved(node: Node) -> Iterator[bytes]:
    for item, held, copies in _held_items(node):
        if (
            item.cid is not None
            and placement.is_kept(node, held, copies)
            and not node.blocks.missing([item.cid])
        ):
            # What is left below a damaged block goes by its age: no item here needs it.
            yield from list(dag.below(node.blocks.own, item.cid))


def _kept(node: Node) -> Iterator[bytes]:
    """Blocks that are here of items whose content somebody has a key to."""
    for item, _, _ in _held_items(node):
        if item.cid is not None:
            yield from dag.below(node.blocks.own, item.cid)


def _live(node: Node, elsewhere: Collection[bytes]) -> Iterator[bytes]:
    for evidence, root in _needed(node):
        if root not in elsewhere:
            try:
                yield from dag.every(node.blocks.own, root)
            except _UNREAD as error:
                raise _UnwalkedError(evidence, root) from error


def _naming(node: Node, before: int) -> Iterator[bytes]:
    """Blocks that name content which was destroyed and is still here; of what a damaged one named,
    until it was collected by its age.
    """
    for root, time in _disposed(node).items():
        unread: list[bytes] = []
        found = list(dag.below(node.blocks.own, root, unread))
        if not unread or time > before:
            yield from (cid for cid in found if cids.codec_of(cid) != cids.RAW)


def _is_away(node: Node, root: bytes) -> bool:
    """Whether a root with blocks below it is not on the own disk. Not asked by `missing`, which
    would make it young again.
    """
    if cids.codec_of(root) == cids.RAW:
        return False
    try:
        node.blocks.own.get(root)
    except _UNREAD:
        return True
    return False


def _needed(node: Node) -> Iterator[tuple[str, bytes]]:
    """Items that too few replicas keep, with their roots."""
    for item, held, copies in _held_items(node):
        if item.cid is not None and not placement.is_kept(node, held, copies):
            yield item.state.evidence, item.cid


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
