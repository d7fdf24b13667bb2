"""What the items of a case are called in their sealed records, for a list: read under one purpose,
which is signed once a day and case (`listed`, about the case), and not once for each item.

- the names of an item are told to whoever could read its record: not to those who only watch
  or to whom it is only on offer, whose look is written down, and none of what was disposed of, or
  went to another agency
- of an item whose mark says so (NAMELESS) nothing is told: such a name may itself be what must not
  spread, and each reading of it has an event of its own
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.domain.errors import DeniedError, NotFoundError
from ledger.domain.event import corrections, same_record
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.item.history_rules import NAMELESS
from ledger.domain.item.participation import Part
from ledger.rows.items import ItemRow
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization, guard_marks, key_release
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node
from ledger.services.records import documents, record_keys

#: Seconds for which a purpose holds once it was signed.
DAY: Final = 86_400
_LOOKED_AT: Final = 500  # latest events of a case among which somebody's own `listed` is looked for


@dataclass(frozen=True, slots=True)
class SealedName:
    """An item as its record calls it; empty where the record says nothing of the kind. ``size``: of
    its content, None where it has none; ``files``: of a folder, how many it has; ``role``: as whom
    its opener recorded it.
    """

    evidence: str
    exhibit: str
    name: str
    size: int | None
    files: int | None
    role: str


@dataclass(frozen=True, slots=True)
class Names:
    """Items of a case. ``purpose``: under which they were read, and ``since``: when that was
    signed.
    """

    names: tuple[SealedName, ...]
    purpose: str
    since: int


def of_items(node: Node, caller: Caller, case: str, evidence: Sequence[str]) -> Names:
    """What these items are called, of those that are of the case and that the caller may read.

    Args:
        case: the URN of the case.

    Raises:
        NotFoundError: it is absent or hidden, or no case. DeniedError: the caller signed no purpose
            within the last day, or their role reads nothing.
    """
    with node.records.read() as unit:
        row = authorization.require_visible(node, unit, caller, case)
        key_release.require_reader(node, unit, caller, row)
        numbers = _numbers(node, unit, case)
        entry, purpose = _purpose(node, unit, caller, row)
        names = tuple(
            told
            for item in _items(node, unit, caller, numbers, evidence)
            if (told := _told(node, unit, caller, item)) is not None
        )
    key_release.note_release(node, entry.digest, caller.id.recipient, "listing", case)
    return Names(names, purpose, entry.time)


def _numbers(node: Node, unit: UnitOfWork, case: str) -> list[str]:
    """The numbers of a case as its record stands."""
    shown = documents.values(node, unit, unit.logs.events(case))
    opening = next(iter(shown), "")
    if not opening or shown[opening]["type"] != "case-opened":
        raise NotFoundError("this is not a case", hint="see: custody case list")
    standing = corrections.standing(shown, opening)
    return same_record.numbers_of(same_record.identifiers(standing), same_record.CASE)


def _purpose(node: Node, unit: UnitOfWork, caller: Caller, case: ItemRow) -> tuple[EntryRow, str]:
    """The caller's own signed purpose of the last day."""
    now, behind = node.clock.now(), case.seq - _LOOKED_AT
    for row in reversed(unit.logs.events(case.evidence, after=max(behind, -1))):
        mine = row.certificate == caller.certificate and row.effect == "none"
        if not mine or not -AHEAD <= now - row.time <= DAY:
            continue
        event = documents.read_event(node, unit, row)
        if event is not None and event.type == "listed" and "basis" in event.value:
            return row, str(event.value["basis"]["purpose"])
    raise DeniedError(
        "nobody said today why you read the names of this case's items",
        hint="say why, once a day: custody list --case CASE --basis WHY",
    )


def _items(
    node: Node, unit: UnitOfWork, caller: Caller, numbers: Sequence[str], evidence: Sequence[str]
) -> list[ItemRow]:
    """Those of some items that are of a case as their records stand; a case has one number."""
    if not numbers:
        return []
    token = record_keys.derived_token(node, same_record.OF_CASE, numbers[0])
    return authorization.visible_items(
        node, unit, caller, limit=len(evidence), token=token, among=evidence
    )


def _told(node: Node, unit: UnitOfWork, caller: Caller, item: ItemRow) -> SealedName | None:
    """What an item is called; None where the caller could not read its record."""
    evidence = item.evidence
    parts = authorization.parts_of(node, unit, caller, evidence, item)
    if not parts - {Part.WATCHER, Part.ASKED} or item.custodian != node.agency:
        return None
    if unit.erasures.get(evidence) is not None:
        return None
    read = [*documents.read_events(node, unit, unit.logs.events(evidence))]
    shown = {row.digest.hex(): event.value for row, event in read if event is not None}
    opening = next(iter(shown), "")
    if not opening or guard_marks.guards_of(node, unit, item, read, among=NAMELESS):
        return None
    standing = corrections.standing(shown, opening)
    body, given = standing["body"], same_record.identifiers(standing)
    exhibits = [one["value"] for one in given if one["scheme"] == "exhibit"]
    name = body.get("path") or body.get("name") or body.get("description") or ""
    return SealedName(
        evidence,
        ", ".join(exhibits),
        str(name),
        body.get("size"),
        body["count"] if standing["type"] == "gathered" else None,
        standing["actor"]["role"],
    )
