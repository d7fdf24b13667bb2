"""What a node answers about the items of a case, as their sealed records call them."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.domain.ports.answers import Count, Evidence, Time


@dataclass(frozen=True, slots=True)
class SealedName:
    """An item of a case as its sealed record calls it; ``size``: of its content, None where it has
    none; ``files``: of a folder, how many it has; ``role``: as whom its opener recorded it.
    """

    evidence: Evidence
    exhibit: str
    name: str
    size: Count | None
    files: Count | None
    role: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Items of a case as their sealed records call them. ``purpose``: under which they are read, as
    it was signed at ``since``.
    """

    items: tuple[SealedName, ...]
    purpose: str
    since: Time
