"""An exhibit number stands once in a case: what would give it to a second item is refused, with the
item that bears it, unless its own record says that it is a part of that item, is derived from it,
or replaces it.

- it is decided in the transaction that appends, so that of two who record at once one is refused
- whoever may not see the item that bears a number is refused nothing: hidden and absent items are
  one answer. Those who see both are told (`custody list --case`)
- numbers of another agency are its own: what was opened there, and a copy of it, takes up none of
  ours. Whoever types the number is told of both, since either may be meant
- a correction, and a further number without an issuer (`identified`), are judged as an opening is
- what was recorded without network is reported, never refused: the label is on the bag already. A
  further number that has an issuer, such as a court, is a number of theirs
- what was voided bears no number, and neither does what was corrected to another one
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.domain.event import corrections, same_record
from ledger.domain.event.document import Event
from ledger.domain.identity.person import PersonId
from ledger.domain.item.item_history import ItemHistory
from ledger.rows.items import ItemRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node
from ledger.services.records import documents, record_keys
from ledger.services.records.item_tokens import RENUMBERING

#: A case and an exhibit number in it.
Number = tuple[str, str]
#: Items that are named for one number.
_NAMED: Final = 16


@dataclass(frozen=True)
class Bearers:
    """Items that bear one exhibit number in one case, each with its opening event as it stands:
    our own, and what other agencies gave.
    """

    own: dict[str, dict[str, Any]]
    given: dict[str, dict[str, Any]]

    def meant(self) -> list[str]:
        """Those that the number means: no parts of another one that bears it too, and none that
        another one replaced. All of them where there are too many to look at all.

        Whoever records an item says what it replaces. That counts where it is said by a custodian,
        or by whoever recorded the other one: anybody else would have theirs taken for it. Of an
        item of ours no other agency says it.
        """
        found = self.own | self.given
        if len(found) >= _NAMED:
            return list(found)
        replaced = {
            earlier
            for evidence, opening in found.items()
            if (earlier := same_record.replaced(opening)) in found
            and same_record.may_replace(opening, found[earlier])
            and (evidence in self.own or earlier in self.given)
        }
        return [
            evidence
            for evidence, opening in found.items()
            if evidence not in replaced
            and not set(same_record.wholes(opening)) & (set(found) - {evidence})
        ]


def bearers(
    node: Node, unit: UnitOfWork, caller: Caller, numbers: Iterable[Number]
) -> dict[Number, Bearers]:
    """Items, among those that the caller may see, that bear exhibit numbers in their cases, by the
    number; the numbers as ``same_record.borne`` gives them.

    Where more items were ever recorded under one than are looked at, those that were looked at are
    named whatever became of them: another one may bear it that is not among them.
    """
    found = {
        number: _bearing(node, unit, number, rows)
        for number, rows in _recorded(node, unit, caller, numbers).items()
    }
    return {number: borne for number, borne in found.items() if borne.own or borne.given}


def _recorded(
    node: Node, unit: UnitOfWork, caller: Caller, numbers: Iterable[Number]
) -> dict[Number, list[ItemRow]]:
    """Items that were ever recorded under each number, the first of them; one query for all."""
    tokens = {record_keys.number_token(node, *number): number for number in numbers}
    found = authorization.found_items(node, unit, caller, list(tokens), each=_NAMED)
    return {tokens[token]: rows for token, rows in found.items()}


def _bearing(node: Node, unit: UnitOfWork, number: Number, rows: Sequence[ItemRow]) -> Bearers:
    bearing = Bearers({}, {})
    for item in rows:
        opening, borne = _standing(node, unit, item)
        if len(rows) == _NAMED or number in borne:
            given = item.state.origin != node.agency or opening.get("type") in same_record.GIVEN
            (bearing.given if given else bearing.own)[item.state.evidence] = opening
    return bearing


def _standing(node: Node, unit: UnitOfWork, item: ItemRow) -> tuple[dict[str, Any], list[Number]]:
    """The opening of an item after its corrections, and the numbers that the item bears; neither
    where it was voided.
    """
    rows = unit.logs.events(item.state.evidence)
    shown = documents.values(node, unit, rows)
    opening = rows[0].digest.hex()
    voided = any(document["type"] == "voided" for document in shown.values())
    if voided or opening not in shown:
        return {}, []
    return corrections.standing(shown, opening), same_record.numbers(shown)


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

    def require_free(
        self,
        event: Event,
        signer: Caller,
        item: ItemRow | None,
        life: Callable[[str], ItemHistory],
    ) -> None:
        """Judge the numbers that an event gives its item, and take them into account.

        Args:
            item: as it was before; None for an opening event.
            life: reads an item's history, with the event as its latest.

        Raises:
            ConflictError: one is borne by an item that the opening event does not name.
        """
        if item is None:
            self._require_opened(event, signer)
        elif event.type in RENUMBERING and item.state.origin == self._node.agency:
            self._require_renumbered(life(event.value["evidence"]), signer)

    def _require_opened(self, event: Event, signer: Caller) -> None:
        for number in _judged(event):
            rows = self._found.get((signer.id, number), ())
            self._judge(number, event.value, _bearing(self._node, self._unit, number, rows))

    def _require_renumbered(self, history: ItemHistory, signer: Caller) -> None:
        """Those that a correction, or a further number, gives to an item that has others."""
        shown = {digest: known.event.value for digest, known in history.events.items()}
        opening = next(iter(shown))
        if shown[opening]["type"] in same_record.GIVEN:
            return
        earlier = dict([*shown.items()][:-1])
        new = sorted({*same_record.numbers(shown)} - {*same_record.numbers(earlier)})
        found = _recorded(self._node, self._unit, signer, new)
        for number in new:
            known = _bearing(self._node, self._unit, number, found.get(number, []))
            self._judge(number, corrections.standing(shown, opening), known)

    def _judge(self, number: Number, opening: dict[str, Any], known: Bearers) -> None:
        evidence = opening["evidence"]
        own = [one for one in known.meant() if one in known.own]
        found = [*own, *known.own, *self._given.get(number, [])]
        found = [one for one in found if one != evidence]
        if found and not {*found, *known.given} & set(same_record.related(opening)):
            if self._refuse:
                raise same_record.taken(found[0])
            self._also.setdefault(evidence, []).extend(found)
        self._given.setdefault(number, []).append(evidence)


def _judged(event: Event) -> list[Number]:
    """The numbers of an opening that are judged: none of what another agency gave."""
    return [] if event.type in same_record.GIVEN else same_record.borne(event.value)
