"""Items that bear one exhibit number of one case, as they are told where that is not refused: what
was recorded without network, and what comes from another agency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cli.invocation.hints import command
from cli.items import short_ids
from ledger.domain.event import same_record

if TYPE_CHECKING:
    from cli.node.session import Session


def lines(session: Session, evidence: str, documents: Mapping[str, dict[str, Any]]) -> list[str]:
    """What is told of an item from another agency whose exhibit numbers others bear here.

    Args:
        documents: of the item's events, in their order, by their statement digests in hex.
    """
    borne = [
        found
        for case, exhibit in same_record.numbers(documents)
        if (found := session.node.numbers(case, [exhibit]).get(exhibit)) is not None
    ]
    others = dict.fromkeys(
        one for found in borne for one in (*found.meant, *found.evidence) if one != evidence
    )
    ids = short_ids.shorts(session, others)
    return told(short_ids.short_digest(next(iter(documents), "")), ids.values())


def told(name: str, others: Iterable[str]) -> list[str]:
    """What is told of an item whose exhibit number others bear in its case as well, all of them by
    their short ids.
    """
    return [
        f"{name} bears an exhibit number that {other} bears too: {command('show', other)}"
        for other in others
    ]
