"""Items with the same content, as far as whoever asks may see them."""

from __future__ import annotations

from ledger.domain.unit import Unit
from ledger.services import access, recordkeys
from ledger.services.access import Caller
from ledger.services.node import Node
from ledger.services.registration import Registered


def duplicates(node: Node, unit: Unit, caller: Caller, digest: str, *, beside: str = "") -> list[str]:
    """Items that the caller may see and whose content has this SHA-256, other than ``beside``."""
    token = recordkeys.index_token(node, "sha-256", digest)
    return [item.state.evidence for item in access.visible_items(node, unit, caller, limit=100, token=token, beside=beside)]


def twins(node: Node, unit: Unit, caller: Caller, registered: Registered) -> list[str]:
    """Other items that the caller may see with the content of an item just opened."""
    if registered.content is None:
        return []
    return duplicates(node, unit, caller, registered.content, beside=registered.evidence)
