"""An exhibit number stands once in a case: what would give it to a second item is refused, with the
item that bears it, unless its own record says that it is a part of that item, is derived from it,
or replaces it.

- it is decided in the transaction that appends, so that of two who record at once one is refused
- whoever may not see the item that bears a number is refused nothing: hidden and absent items are
  one answer. Those who see both are told (`custody list --case`)
- numbers of another agency are its own: what was opened there bears none of ours
- what was recorded without network is reported, never refused: the label is on the bag already. So
  is a further number from an agency or a court (`identified`), and a copy that another agency gave
- what was voided bears no number, and neither does what was corrected to another one
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ledger.domain.event import corrections, same_record
from ledger.domain.event.document import Event
from ledger.domain.identity.person import PersonId
from ledger.rows.items import ItemRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node
from ledger.services.records import documents, record_keys

#: A case and an exhibit number in it.
Number = tuple[str, str]
#: Items that are named for one number.
_NAMED: Final = 16


def bearers(
    node: Node, unit: UnitOfWork, caller: Caller, numbers: Iterable[Number]
) -> dict[Number, dict[str, dict[str, Any]]]:
    """Items of this agency, among those that the caller may see, that bear exhibit numbers in their
    cases, by the number, each with its opening event as it stands; the numbers as
    ``same_record.borne`` gives them.

    Where more items were ever recorded under one than are looked at, those that were looked at are
    named whatever became of them: another one may bear it that is not among them.
    """
    found = {
        number: _bearing(node, unit, number, rows)
        for number, rows in _recorded(node, unit, caller, numbers).items()
    }
    return {number: borne for number, borne in found.items() if borne}


def _recorded(
    node: Node, unit: UnitOfWork, caller: Caller, numbers: Iterable[Number]
) -> dict[Number, list[ItemRow]]:
    """Items that were ever recorded under each number, the first of them; one query for all."""
    tokens = {record_keys.number_token(node, *number): number for number in numbers}
    found = authorization.found_items(node, unit, caller, list(tokens), each=_NAMED)
    return {tokens[token]: rows for token, rows in found.items()}


def _bearing(
    node: Node, unit: UnitOfWork, number: Number, rows: Sequence[ItemRow]
) -> dict[str, dict[str, Any]]:
    openings = {
        item.state.evidence: _standing(node, unit, item)
        for item in rows
        if item.state.origin == node.agency
    }
    return {
        evidence: opening or {}
        for evidence, opening in openings.items()
        if len(rows) == _NAMED or (opening is not None and number in same_record.borne(opening))
    }


def heads(found: Mapping[str, dict[str, Any]]) -> list[str]:
    """Of the items that bear one number those that it means: no parts of another one that bears it
    too, and none that another one replaced. All of them where there are too many to look at all.

    Whoever records an item says what it replaces. That counts where it is said by a custodian, or
    by whoever recorded the other one: anybody else would have theirs taken for it.
    """
    if len(found) >= _NAMED:
        return list(found)
    replaced = {
        earlier
        for opening in found.values()
        if (earlier := same_record.replaced(opening)) in found
        and same_record.may_replace(opening, found[earlier])
    }
    return [
        evidence
        for evidence, opening in found.items()
        if evidence not in replaced
        and not set(same_record.wholes(opening)) & (set(found) - {evidence})
    ]


def _standing(node: Node, unit: UnitOfWork, item: ItemRow) -> dict[str, Any] | None:
    """The opening of an item after its corrections; None where it was voided."""
    rows = unit.logs.events(item.state.evidence)
    shown = {
        row.digest.hex(): event.value
        for row, event in documents.read_events(node, unit, rows)
        if event is not None
    }
    opening = rows[0].digest.hex()
    voided = any(document["type"] == "voided" for document in shown.values())
    return None if voided or opening not in shown else corrections.standing(shown, opening)


class Numbers:
    """The exhibit numbers of one batch, judged within its transaction.

    Args:
        refuse: otherwise what would be refused is reported only, as of what was recorded without
            network.
    """

    def __init__(self, node: Node, unit: UnitOfWork, *, refuse: bool) -> None:
        self._node, self._unit, self._refuse = node, unit, refuse
        self._found: dict[tuple[PersonId, Number], list[ItemRow]] = {}
        self._given: dict[Number, list[str]] = {}
        self._also: dict[str, list[str]] = {}

    def look_up(self, openings: Iterable[tuple[Event, Caller]]) -> None:
        """Look up all numbers of a batch at once: before any of it is appended."""
        asked: dict[PersonId, tuple[Caller, list[Number]]] = {}
        for event, signer in openings:
            asked.setdefault(signer.id, (signer, []))[1].extend(_judged(event))
        for signer, numbers in asked.values():
            for number, rows in _recorded(self._node, self._unit, signer, numbers).items():
                self._found[signer.id, number] = rows

    def borne_by(self, evidence: str) -> tuple[str, ...]:
        """Items that bear a number of an item of this batch as well, and ought not to."""
        return tuple(dict.fromkeys(self._also.get(evidence, ())))

    def require_free(self, event: Event, signer: Caller) -> None:
        """Judge the numbers of an opening event, and take them into account.

        Raises:
            ConflictError: one is borne by an item that the event does not name.
        """
        evidence = event.value["evidence"]
        for number in _judged(event):
            rows = self._found.get((signer.id, number), ())
            known = _bearing(self._node, self._unit, number, rows)
            found = [*heads(known), *known, *self._given.get(number, [])]
            if found and not set(found) & set(same_record.related(event.value)):
                if self._refuse:
                    raise same_record.taken(found[0])
                self._also.setdefault(evidence, []).extend(found)
            self._given.setdefault(number, []).append(evidence)


def _judged(event: Event) -> list[Number]:
    """The numbers of an opening that are judged: none of what another agency gave."""
    return [] if event.type in same_record.GIVEN else same_record.borne(event.value)
