"""Checks of a home that doctor and inside audit share, and how a check is run.

- a check is a named function that yields what it finds wrong, and a number for each thing that it
  went through: a check over nothing shows nothing
- the doctor tells each check that holds, the audit lists the findings of all of them; what a fault
  is called is theirs
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ledger.domain.blocks import dag
from ledger.domain.crypto.content_encryption import Content
from ledger.domain.errors import CustodyError
from ledger.rows.items import ItemRow
from ledger.services.node.context import Node
from ledger.services.storage import placement, replica_status


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a check found wrong: about which item, and what."""

    evidence: str
    error: CustodyError


def content_kept(node: Node, item: ItemRow, content: Content) -> Iterator[Fault | int]:
    """An item's ciphertext lies on the node's own disk, or at a replica; nothing of it is read."""
    fault = None
    with node.records.read() as unit:
        try:
            placement.require_kept(node, unit, item, content)
        except CustodyError as error:
            fault = Fault(item.state.evidence, error)
    yield fault if fault is not None else 1


def copies_kept(node: Node, item: ItemRow) -> Iterator[tuple[int, int] | int]:
    """An item is pinned at as many replicas as it shall be, by the records: how many it is and how
    many it shall be where it is not; 1 where it is.
    """
    with node.records.read() as unit:
        kept, wanted = placement.copies_of(node, unit, item)
    yield (kept, wanted) if kept < wanted else 1


def content_whole(node: Node, evidence: str, content: Content) -> Iterator[Fault | int]:
    """Every block of an item's ciphertext can be read and hashes to its name; the bytes of each."""
    try:
        for _, link in dag.leaves(node.blocks, dag.root_of(content), content.ciphertext_size):
            yield len(node.blocks.get(link.cid))  # the store hashes what it reads
    except CustodyError as error:
        yield Fault(evidence, error)


def pins_there(node: Node, name: str) -> Iterator[str | int]:
    """Everything that the records call pinned at an IPFS node is pinned there: the item of each pin
    that is gone, and 1 for each that was asked for.

    Raises:
        NetworkError: it does not answer.
    """
    for row, there in replica_status.pins(node, name):
        yield 1
        if not there:
            yield row.evidence
