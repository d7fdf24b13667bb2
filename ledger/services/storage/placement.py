"""Which replicas shall have which items.

- an item is acknowledged when it lies on the node's own disk; from then on it is wanted at as many
  replicas as its target says
- a replica that stays out of reach for long is no longer counted: another one takes the item as
  well
- a pin is taken away only when an item was disposed of and its keys are destroyed, or, outside the
  agency, when it is no longer open to another agency
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from typing import Final

from ledger.domain.blocks import dag
from ledger.domain.codecs.text import counted
from ledger.domain.crypto.content_encryption import Content
from ledger.domain.errors import (
    NetworkError,
    NotFoundError,
    RuleError,
    UnreadableError,
    VerificationError,
)
from ledger.rows.items import ItemRow
from ledger.rows.storage import ReplicaStateRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node

OPENING: Final = 30 * 86400  # seconds for which a disclosed copy may be fetched from nodes outside
COPIES: Final = frozenset(
    {"copy", "export"}
)  # modes of a disclosure that hands the ciphertext over
_PAGE: Final = 500
_FETCH: Final = "fetch the content before you accept it"


def is_destroyed(node: Node, unit: UnitOfWork, item: ItemRow) -> bool:
    """Whether an item is closed or held elsewhere, and nobody here has a key to its content any
    more.
    """
    return (item.state.closed or item.state.custodian != node.agency) and not unit.grants.are_left(
        item.state.evidence, "content"
    )


def plan(node: Node, *, after: int, absent: Collection[str] = ()) -> int:
    """Write down which replicas shall have the items of one page.

    Args:
        after: place in the order of lists (``ItemRow.opened``) behind which the page begins; -1
            for the first one.
        absent: replicas that have been out of reach for long.

    Returns:
        the place of the page's last item, to go on from; ``after`` where no item lies behind it.
    """
    with node.records.read() as unit:
        items = unit.items.page(after=after, limit=_PAGE, person=None, evidence=None)
        names = [item.state.evidence for item in items if item.cid is not None]
        held, targets = unit.replicas.named(names), unit.replicas.targets(names)
        fresh: list[ReplicaStateRow] = []
        for item in items:
            if item.cid is not None:
                evidence = item.state.evidence
                copies = targets.get(evidence, node.replicas.target)
                fresh += _changes(
                    node,
                    item,
                    item.cid,
                    held.get(evidence, []),
                    copies,
                    absent,
                    gone=is_destroyed(node, unit, item),
                )
    node.put_holdings(fresh)
    return items[-1].opened if items else after


def _changes(
    node: Node,
    item: ItemRow,
    cid: bytes,
    held: list[ReplicaStateRow],
    copies: int,
    absent: Collection[str],
    *,
    gone: bool,
) -> list[ReplicaStateRow]:
    own, evidence, now = node.replicas.own, item.state.evidence, node.clock.now()
    if gone:
        return [
            replace(row, state="released", due=now, tries=0)
            for row in held
            if row.state != "released"
        ]
    kept = {row.node for row in held if row.node in own}
    lacking = copies - len(
        {row.node for row in held if row.state != "damaged"} & kept - set(absent)
    )
    # Rendezvous hashing: items spread evenly, and a further replica moves none of them.
    order = sorted(
        own.keys() - kept - set(absent),
        key=lambda name: sha256(f"{name}\x00{evidence}".encode()).digest(),
    )
    return [
        ReplicaStateRow(evidence, name, cid, "wanted", now) for name in order[: max(lacking, 0)]
    ]


def release(node: Node, item: ItemRow) -> None:
    """Let all replicas remove an item whose keys are destroyed."""
    with node.records.read() as unit:
        held = unit.replicas.of_item(item.state.evidence)
    node.put_holdings(
        [
            replace(row, state="released", due=node.clock.now(), tries=0)
            for row in held
            if row.state != "released"
        ]
    )


def plan_everything(node: Node) -> None:
    """Plan all items, and what may lie outside."""
    after = -1
    while (reached := plan(node, after=after)) != after:
        after = reached
    plan_outside(node)


def plan_outside(node: Node) -> None:
    """Bring items that are open to another agency to the replicas outside, and take all others away
    from them.
    """
    if not node.replicas.outside:
        return
    now = node.clock.now()
    with node.records.read() as unit:
        offered = [
            item
            for item in unit.items.offered()
            if item.state.offer is not None and item.state.offer.to != node.agency
        ]
        opened = unit.items.disclosed(now)
        wanted = {
            item.state.evidence: item.cid
            for item in [*offered, *opened]
            if item.cid is not None and not is_destroyed(node, unit, item)
        }
    held = [row for name in node.replicas.outside for row in node.holdings_at(name)]
    there = {(row.evidence, row.node) for row in held if row.state != "released"}
    fresh = [
        ReplicaStateRow(evidence, name, cid, "wanted", now)
        for evidence, cid in wanted.items()
        for name in node.replicas.outside
        if (evidence, name) not in there
    ]
    fresh += [
        replace(row, state="released", due=now, tries=0)
        for row in held
        if row.state != "released" and row.evidence not in wanted
    ]
    node.put_holdings(fresh)


def is_kept(node: Node, held: list[ReplicaStateRow], copies: int) -> bool:
    """Whether at least ``copies`` replicas of the agency have an item pinned and it was re-read
    whole there, so that the node's own disk may give it up. False where ``copies`` is 0.
    """
    return (
        copies > 0
        and sum(
            row.state == "pinned" and row.reads > 0 and row.node in node.replicas.own
            for row in held
        )
        >= copies
    )


def copies_of(node: Node, unit: UnitOfWork, item: ItemRow) -> tuple[int, int]:
    """At how many replicas of the agency an item is pinned, and at how many it shall be; what is
    destroyed shall be at none.
    """
    evidence = item.state.evidence
    held = unit.replicas.of_item(evidence)
    kept = sum(row.state == "pinned" and row.node in node.replicas.own for row in held)
    if item.cid is None or is_destroyed(node, unit, item):
        return kept, 0
    return kept, unit.replicas.targets([evidence]).get(evidence, node.replicas.target)


def require_kept(node: Node, unit: UnitOfWork, item: ItemRow, content: Content) -> None:
    """Check that the content of an item is whole on the node's own disk, or pinned at a replica of
    the agency. Inner nodes are read; leaves are only looked up.

    Raises:
        NotFoundError: it is neither. FormatError: what is here has another shape than was recorded.
    """
    hint = "custody fixity --all brings it back from an IPFS node; else restore the newest backup"
    lacking = "neither on the own disk nor at an IPFS node"
    if item.cid is not None and not node.blocks.missing([item.cid]):
        try:
            dag.require_stored(node.blocks, content)
        except RuleError as error:
            lacking = f"not whole on the own disk: {error.message}"
        else:
            return
    if not is_pinned(node, unit, item.state.evidence):
        raise NotFoundError(f"its content is {lacking}", hint=hint)


def is_pinned(node: Node, unit: UnitOfWork, evidence: str) -> bool:
    """Whether a replica of the agency has an item pinned."""
    held = unit.replicas.of_item(evidence)
    return any(row.state == "pinned" and row.node in node.replicas.own for row in held)


def require_root(node: Node, cid: bytes) -> None:
    """Whoever takes an item over must have its content: this asks for its root alone, within the
    transaction that takes it, of content that ``require_here`` has walked.

    Raises:
        RuleError: it is not on the node's own disk.
    """
    if node.blocks.missing([cid]):
        raise RuleError("the content is not kept here yet", hint=_FETCH)


def require_here(node: Node, cid: bytes) -> None:
    """Walk what an item that is to be taken over has on the node's own disk: never within a
    transaction, whose end others would wait for. What was asked for is not collected for hours.

    Raises:
        RuleError: it is not whole.
    """
    require_root(node, cid)
    try:
        order = dag.every(node.blocks, cid)
        while page := list(islice(order, _PAGE)):
            if lacking := node.blocks.missing(page):
                raise RuleError(
                    f"not kept here yet: {counted(len(lacking), 'block')} of the content",
                    hint=_FETCH,
                )
    except (NotFoundError, UnreadableError, VerificationError, NetworkError) as error:
        raise RuleError(
            "the content cannot be read here, so it cannot be accepted", hint=_FETCH
        ) from error
