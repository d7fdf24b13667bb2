"""What a node clears away: ended sessions, abandoned uploads, and the content of disposed items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.domain.errors import UsageError
from ledger.domain.storage import Collected
from ledger.services import dag
from ledger.services.node import Node

GRACE: Final = 7 * 86400  # seconds for which an upload may rest before its blocks are given up
LEAST_GRACE: Final = 7200  # the age of a block is written down once an hour only
_PAGE: Final = 500


def collect(node: Node, *, grace: int = GRACE, dry: bool = False) -> Collected:
    """Remove blocks that belong to no item, and those of closed items that nobody holds a key to any more.

    An item that is recorded while this runs keeps its blocks: they were asked for within the grace.

    Raises:
        UsageError: a grace that is too short to be safe.
        NotFoundError, UnreadableError, VerificationError: a live item's tree cannot be walked; nothing was removed.
    """
    if grace < LEAST_GRACE:
        raise UsageError(f"a grace of {grace} s, at least {LEAST_GRACE} expected", hint="an upload in progress must not lose its blocks")
    return node.blocks.collect(_live(node), before=node.clock.now() - grace, dry=dry)


def _live(node: Node) -> Iterator[bytes]:
    after = -1
    while True:
        with node.records.read() as unit:
            items = unit.items(after=after, limit=_PAGE, opener=None, evidence=None)
            kept = [
                item.cid
                for item in items
                if item.cid is not None and not (item.state.closed and not unit.has_grants(item.state.evidence, "content"))
            ]
        for root in kept:
            yield from dag.every(node.blocks, root)
        if not items:
            return
        after = items[-1].opened


def forget_sessions(node: Node) -> None:
    """Drop sessions and challenges that have ended."""
    with node.records.write() as unit:
        unit.drop_expired(node.clock.now())
