"""Items with the same content, as far as whoever asks may see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node
from ledger.services.records import record_keys
from ledger.services.registration.registration import Registered

#: Items that are named for one content.
_NAMED: Final = 100


def with_content(
    node: Node, unit: UnitOfWork, caller: Caller, digests: Iterable[str]
) -> dict[str, list[str]]:
    """Items that the caller may see and whose content has one of these SHA-256, by it."""
    tokens = {record_keys.index_token(node, "sha-256", one): one for one in digests}
    found = authorization.found_items(node, unit, caller, list(tokens), each=_NAMED + 1)
    return {tokens[token]: [row.state.evidence for row in rows] for token, rows in found.items()}


def duplicates_of(
    node: Node, unit: UnitOfWork, caller: Caller, registered: Sequence[Registered]
) -> list[list[str]]:
    """For each of the items just opened others that the caller may see with the same content."""
    opened = {one.content for one in registered if one.content is not None}
    found = with_content(node, unit, caller, opened)
    return [
        [other for other in found.get(one.content or "", ()) if other != one.evidence][:_NAMED]
        for one in registered
    ]
