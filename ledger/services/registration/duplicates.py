"""Items with the same content, as far as whoever asks may see them."""

from __future__ import annotations

from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node
from ledger.services.records import record_keys
from ledger.services.registration.registration import Registered


def duplicates(
    node: Node, unit: UnitOfWork, caller: Caller, digest: str, *, beside: str = ""
) -> list[str]:
    """Items that the caller may see and whose content has this SHA-256, other than ``beside``."""
    token = record_keys.index_token(node, "sha-256", digest)
    return [
        item.state.evidence
        for item in authorization.visible_items(
            node, unit, caller, limit=100, token=token, rare=True, beside=beside
        )
    ]


def duplicates_of(
    node: Node, unit: UnitOfWork, caller: Caller, registered: Registered
) -> list[str]:
    """Other items that the caller may see with the content of an item just opened."""
    if registered.content is None:
        return []
    return duplicates(node, unit, caller, registered.content, beside=registered.evidence)
