"""Random samples, drawn with a seed that the report names, so that anyone can draw them again:
content re-hashed, cases walked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

from ledger.domain.audit.findings import AuditFinding
from ledger.domain.crypto import grants
from ledger.domain.crypto.content_encryption import Content, check_commitment
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.errors import CustodyError, NetworkError, NotFoundError, UnreadableError
from ledger.services.audit import checks
from ledger.services.audit.checks import Fault
from ledger.services.audit.stored_items import ReconstructedItem
from ledger.services.node.context import Node

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

    def offer(self, item: Drawn) -> None:
        """Take an item into the sample, or leave it out, as chance will have it."""
        self.seen += 1
        if len(self.taken) < self.size:
            self.taken.append(item)
        elif (place := self.random.randrange(self.seen)) < self.size:
            self.taken[place] = item


@dataclass(frozen=True, slots=True)
class Drawn:
    """An item with content, as far as a sample needs it."""

    evidence: str
    content: Content
    grants: tuple[bytes, ...]


def draw(item: ReconstructedItem) -> Drawn | None:
    """An item for the sample; None for one without content here."""
    if item.content is None or item.erased:
        return None
    return Drawn(item.item.state.evidence, item.content, item.keys)


def rehash(
    node: Node, drawn: list[Drawn], keys: list[HpkePrivateKey], progress: Callable[[int], None]
) -> Iterator[AuditFinding | int]:
    """Read every block of the drawn items and hash it; with a key at hand, check its commitment;
    bytes that were read.
    """
    for item in drawn:
        size, fault = 0, None
        for result in checks.content_whole(node, item.evidence, item.content):
            if isinstance(result, Fault):
                fault = result.error
            else:
                size += result
                progress(result)
        if fault is not None:
            yield _content_finding(item.evidence, fault)
            continue
        expected = item.content.ciphertext_size
        if size != expected:
            expected_bytes, found = f"{expected} bytes of ciphertext", f"{size} bytes"
            yield AuditFinding("content-differs", item.evidence, expected_bytes, found)
        yield size
        try:
            _check_commitments(item, keys)
        except CustodyError as error:
            yield _content_finding(item.evidence, error)


def _check_commitments(item: Drawn, keys: list[HpkePrivateKey]) -> None:
    for data in item.grants:
        grant = grants.parse(data)
        for key in keys:
            if key.public.digest == grant.recipient:
                check_commitment(key.open(grant), item.evidence, item.content)


def _content_finding(evidence: str, error: CustodyError) -> AuditFinding:
    if isinstance(error, NotFoundError):
        code, expected = "content-missing", "every block of its content"
    elif isinstance(error, UnreadableError | NetworkError):
        code, expected = "content-unread", "content that can be read"
    else:
        code, expected = "content-differs", "what was recorded"
    return AuditFinding(code, evidence, expected, error.message)


def check_pins(node: Node) -> Iterator[AuditFinding | int]:
    """Everything that the records call pinned is pinned; how many copies were asked for."""
    for name in node.replicas.names():
        try:
            for result in checks.pins_there(node, name):
                if isinstance(result, int):
                    yield result
                else:
                    place = f"{result} at {name}"
                    yield AuditFinding("pin-missing", place, "pinned there", "not pinned")
        except CustodyError as error:
            yield AuditFinding("copy-unknown", f"IPFS node {name}", "an answer", error.message)


def check_copies(node: Node, item: ReconstructedItem) -> Iterator[AuditFinding | int]:
    """The content of an item that this agency keeps lies on the node's own disk, or at a replica,
    and is pinned at as many of them as it shall be; 1 for such an item.
    """
    if item.content is None or item.erased or item.item.state.custodian != node.agency:
        return
    for result in checks.content_kept(node, item.item, item.content):
        if isinstance(result, Fault):
            unknown = isinstance(result.error, NetworkError)
            code = "copy-unknown" if unknown else "content-missing"
            expected = "an answer" if unknown else "its content, here or at a replica"
            yield AuditFinding(code, result.evidence, expected, result.error.message)
    for counts in checks.copies_kept(node, item.item):
        if not isinstance(counts, int):
            kept, wanted = (f"pinned at {number} IPFS nodes" for number in counts)
            yield AuditFinding("copies-few", item.item.state.evidence, wanted, kept)
    yield 1
