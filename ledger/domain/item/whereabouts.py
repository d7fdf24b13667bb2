"""Where a thing lies, as its record says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ledger.domain.event import corrections

#: What says where it lies from then on; and what says that it lies there no more, without where.
_LIES: Final = frozenset({"moved", "received"})
_LEFT: Final = frozenset({"dispatched", "released"})


def lies_at(documents: Mapping[str, dict[str, Any]]) -> str:
    """Where it was moved or brought back to last, after corrections; empty where nothing says so.

    Args:
        documents: of the item's events, in their order, by their statement digests in hex.
    """
    for digest, document in reversed([*documents.items()]):
        if document["type"] in _LEFT:
            return ""
        if document["type"] in _LIES:
            place = corrections.standing(documents, digest)["body"].get("place", "")
            return place if isinstance(place, str) else ""
    return ""
