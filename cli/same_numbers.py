"""Items that bear one exhibit number of one case, as they are told where that is not refused: what
was recorded without network, and what comes from another agency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cli.hints import command
from ledger.domain.event import same_record
from ledger.domain.ports.client import NodeApi


def lines(node: NodeApi, evidence: str, documents: Mapping[str, dict[str, Any]]) -> list[str]:
    """What is told of an item from another agency whose exhibit numbers others bear here.

    Args:
        documents: of the item's events, in their order, by their statement digests in hex.
    """
    borne = [
        found
        for case, exhibit in same_record.numbers(documents)
        if (found := node.numbers(case, [exhibit]).get(exhibit)) is not None
    ]
    others = [one for found in borne for one in (*found.meant, *found.evidence) if one != evidence]
    return told(evidence, dict.fromkeys(others))


def told(evidence: str, others: Iterable[str]) -> list[str]:
    """What is told of an item whose exhibit number others bear in its case as well."""
    return [
        f"{evidence} has an exhibit number that {other} bears in its case too; look at both: "
        f"{command('show', other)}"
        for other in others
    ]
