"""Random samples, drawn with a seed that the report names, so that anyone can draw them again:
content re-hashed, cases walked.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from ledger.domain.audit.findings import AuditFinding
from ledger.domain.audit.report import AuditReport
from ledger.domain.blocks import dag
from ledger.domain.crypto import grants
from ledger.domain.crypto.content_encryption import Content, check_commitment
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.errors import CustodyError, NetworkError, NotFoundError, UnreadableError
from ledger.services.audit.stored_items import ReconstructedItem
from ledger.services.node.context import Node
from ledger.services.storage import placement, replica_status

_Z: Final = 1.96  # 95 % confidence
_MARGIN: Final = 0.03
_SHARE: Final = 0.1


def sample_size(population: int, share: float | None = None) -> int:
    """Items to draw: ``share`` of them where it is given, else the smaller of 10 % and what 95 % ±
    3 % takes (Cochran, corrected for finite populations, at the worst proportion of one half); at
    least 30, or all of fewer.
    """
    if population == 0:
        return 0
    if share is not None:
        return min(population, math.ceil(population * share))
    infinite = _Z**2 * 0.25 / _MARGIN**2
    statistical = math.ceil(infinite / (1 + (infinite - 1) / population))
    return min(population, max(30, min(math.ceil(population * _SHARE), statistical)))


@dataclass
class Reservoir:
    """A uniform sample of unknown many, in constant memory (Vitter's algorithm R)."""

    size: int
    random: Random
    taken: list[Drawn] = field(default_factory=list)
    seen: int = 0

    def offer(self, one: Drawn) -> None:
        """See one more."""
        self.seen += 1
        if len(self.taken) < self.size:
            self.taken.append(one)
        elif (place := self.random.randrange(self.seen)) < self.size:
            self.taken[place] = one


@dataclass(frozen=True, slots=True)
class Drawn:
    """An item with content, as far as a sample needs it."""

    evidence: str
    content: Content
    grants: tuple[bytes, ...]


def draw(one: ReconstructedItem) -> Drawn | None:
    """An item for the sample; None for one without content here."""
    if one.content is None or one.erased:
        return None
    return Drawn(one.item.state.evidence, one.content, one.keys)


def rehash(
    node: Node,
    drawn: list[Drawn],
    keys: list[HpkePrivateKey],
    report: AuditReport,
    progress: Callable[[int], None],
) -> int:
    """Read every block of the drawn items and hash it; with a key at hand, check its commitment;
    bytes that were read.
    """
    total = 0
    for one in drawn:
        try:
            size = 0
            for _, link in dag.leaves(
                node.blocks, dag.root_of(one.content), one.content.ciphertext_size
            ):
                size += len(node.blocks.get(link.cid))  # the store hashes what it reads
                progress(link.size)
            if size != one.content.ciphertext_size:
                found = f"{size} bytes"
                report.add(
                    AuditFinding(
                        "content-differs",
                        one.evidence,
                        f"{one.content.ciphertext_size} bytes of ciphertext",
                        found,
                    )
                )
            total += size
            for data in one.grants:
                grant = grants.parse(data)
                for key in keys:
                    if key.public.digest == grant.recipient:
                        check_commitment(key.open(grant), one.evidence, one.content)
        except NotFoundError as error:
            report.add(
                AuditFinding(
                    "content-missing", one.evidence, "every block of its content", error.message
                )
            )
        except (UnreadableError, NetworkError) as error:
            report.add(
                AuditFinding(
                    "content-unread", one.evidence, "content that can be read", error.message
                )
            )
        except CustodyError as error:
            report.add(
                AuditFinding("content-differs", one.evidence, "what was recorded", error.message)
            )
    return total


def check_pins(node: Node, report: AuditReport) -> int:
    """Everything that the records call pinned is pinned; how many copies were asked for."""
    count = 0
    for name in node.replicas.names():
        try:
            for row, there in replica_status.pins(node, name):
                count += 1
                if not there:
                    report.add(
                        AuditFinding(
                            "pin-missing", f"{row.evidence} at {name}", "pinned there", "not pinned"
                        )
                    )
        except CustodyError as error:
            report.add(
                AuditFinding("copy-unknown", f"IPFS node {name}", "an answer", error.message)
            )
    return count


def copies_kept(node: Node, one: ReconstructedItem, report: AuditReport) -> bool:
    """An item's content lies on the node's own disk, or at as many replicas as it must; whether it
    is one that this agency keeps.
    """
    if one.content is None or one.erased or one.item.state.custodian != node.agency:
        return False
    with node.records.read() as unit:
        try:
            placement.require_kept(node, unit, one.item, one.content)
        except NetworkError as error:
            report.add(
                AuditFinding("copy-unknown", one.item.state.evidence, "an answer", error.message)
            )
        except CustodyError as error:
            report.add(
                AuditFinding(
                    "content-missing",
                    one.item.state.evidence,
                    "its content, here or at a replica",
                    error.message,
                )
            )
    return True
