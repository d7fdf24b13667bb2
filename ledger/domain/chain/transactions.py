"""Transactions of a node, as their bytes say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: What a node sends a transaction for.
TransactionKind = Literal["anchor", "handover"]
#: Previous size, size, root and map root.
Anchored = tuple[int, int, bytes, bytes]


@dataclass(frozen=True, slots=True)
class SentCall:
    """A signed transaction of a node taken apart. ``anchored``: previous size, size, root and
    map root of an anchor; ``digest``: the statement of a step of a handover.
    """

    hash: bytes
    sender: bytes
    nonce: int
    anchored: Anchored | None = None
    digest: bytes = b""
