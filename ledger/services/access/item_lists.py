"""Lists of items by what somebody looks for, among those that they may see.

What is clear of an item is looked through as it stands. What its sealed record says is found by the
blind index alone, by numbers that the caller knows already; a list opens nothing, and so signs
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ledger.domain.codecs.text import is_case
from ledger.domain.errors import DeniedError
from ledger.domain.event import same_record
from ledger.rows.items import ItemFilter, ItemKind, ItemRow
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node
from ledger.services.records import record_keys

#: Of an item that is several of these, what it is told as.
_KINDS: tuple[ItemKind, ...] = ("derived", "copy", "part")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for.

    ``clear``: by what is clear of items. ``case``, ``exhibit``: their numbers. ``text``: any of
    both, or an exhibit whose part an item is.
    """

    clear: ItemFilter = field(default_factory=ItemFilter)
    case: str = ""
    exhibit: str = ""
    text: str = ""


def page(
    node: Node,
    unit: UnitOfWork,
    caller: Caller,
    wanted: Wanted,
    *,
    after: int | None,
    newest: bool,
    limit: int,
) -> tuple[list[ItemRow], int | None]:
    """A page of the items that are looked for, among those that the caller may see, and where the
    next one begins; None behind the last.

    Whoever only watches finds by numbers what they have a part in alone, as in every search. Among
    items that are named by their ids also what is on offer to the caller is found: it is named
    before it is taken.

    Raises:
        DeniedError: they look for what was shared with somebody, and do not see everything.
    """
    tokens = _tokens(node, wanted)
    person, recipient = authorization.seen_by(node, unit, caller, by_content=bool(tokens))
    if wanted.clear.shared is not None and person is not None:
        raise DeniedError(
            "with whom items were shared is told to whoever sees all of them",
            hint="ask a custodian, or an administrator",
        )
    named = bool(wanted.clear.beginning or wanted.clear.among)
    by_id = named and caller.agency == node.agency
    rows, following = unit.items.filtered(
        replace(wanted.clear, tokens=tokens),
        after=after,
        newest=newest,
        limit=limit,
        person=person,
        recipient=recipient,
        asked=caller.id if by_id else None,
    )
    if by_id and person is not None:
        rows = [
            row
            for row in rows
            if authorization.parts_of(node, unit, caller, row.state.evidence, row)
        ]
    return rows, following


def _tokens(node: Node, wanted: Wanted) -> tuple[tuple[bytes, ...], ...]:
    """By which tokens of the blind index an item is found: one of each group."""
    exhibit = ("exhibit", same_record.PARTS)
    case = same_record.CASE_ITSELF if wanted.clear.kind == "case" else same_record.CASE
    groups = (
        (wanted.case, (case,)),
        (wanted.exhibit, exhibit),
        (wanted.text, (case, *exhibit)),
    )
    return tuple(
        tuple(record_keys.searched_token(node, scheme, value) for scheme in schemes)
        for value, schemes in groups
        if value
    )


@dataclass(frozen=True, slots=True)
class Clear:
    """What is clear of an item besides its row: the entry that opened it, and what it is."""

    opening: EntryRow | None
    kind: ItemKind


def clear_of(unit: UnitOfWork, rows: Sequence[ItemRow]) -> dict[str, Clear]:
    """What is clear of some items, in two queries for all of them."""
    named = [row.state.evidence for row in rows]
    openings, links = unit.logs.openings(named), unit.copies.links_from(named)
    return {
        row.state.evidence: Clear(
            openings.get(row.state.evidence), _kind(row, links.get(row.state.evidence, ()))
        )
        for row in rows
    }


def _kind(row: ItemRow, links: Sequence[str]) -> ItemKind:
    """What an item is, by its own record alone: of what others made from it nothing is told."""
    if is_case(row.evidence):
        return "case"
    for kind in _KINDS:
        if kind in links:
            return kind
    return "thing" if row.cid is None else "file"
