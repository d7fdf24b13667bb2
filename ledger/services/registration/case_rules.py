"""What a case's own history is judged by before an event of it is sequenced.

- one number has one open case among those that the signer may see: of a case that is hidden from
  them nothing is told, and whoever sees both is told of both. That is its number as its record
  stands: what was corrected away is free, and what a correction gives is judged like an opening
- a case is assigned to somebody who is active here
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ledger.domain.codecs.text import is_case
from ledger.domain.errors import ConflictError, RuleError
from ledger.domain.event import corrections, same_record
from ledger.domain.event.document import Event
from ledger.domain.identity.person import PersonId
from ledger.domain.item.item_history import ItemHistory
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node
from ledger.services.records import record_keys

#: Cases that are looked at under one number.
_LOOKED_AT: Final = 100


def require(
    node: Node, unit: UnitOfWork, event: Event, signer: Caller, life: Callable[[str], ItemHistory]
) -> None:
    """Check an event by what holds for cases alone.

    Args:
        life: reads a case's history, without the event.

    Raises:
        RuleError, ConflictError: why it may not follow.
    """
    evidence = event.value["evidence"]
    if event.type == "case-opened":
        _require_free(node, unit, _number(event.value), signer)
    elif event.type == "case-assigned":
        _require_colleague(node, unit, event)
    elif event.type == "corrected" and is_case(evidence):
        shown = {digest: one.event.value for digest, one in life(evidence).events.items()}
        opening = next(iter(shown))
        had = _number(corrections.standing(shown, opening))
        gets = _number(corrections.standing({**shown, "": event.value}, opening))
        if gets != had:
            _require_free(node, unit, gets, signer)


def _require_colleague(node: Node, unit: UnitOfWork, event: Event) -> None:
    """Check that a case is assigned to somebody who is active here.

    Raises:
        RuleError: otherwise.
    """
    to = event.body["to"]
    row = unit.people.get(PersonId(to["agency"], to["person"]))
    if to["agency"] != node.agency or row is None or not row.active:
        raise RuleError(
            "a case is assigned to a person who is active here", hint="see: custody person list"
        )


def _number(opening: Mapping[str, Any]) -> str:
    """The number of a case, by its opening event.

    Raises:
        RuleError: it has none, or more than one.
    """
    numbers = same_record.numbers_of(same_record.identifiers(opening), same_record.CASE)
    if len(numbers) != 1:
        raise RuleError(
            "a case has one number",
            hint="custody case open NUMBER; or custody correct ID --case NUMBER --reason WHY",
        )
    return numbers[0]


def _require_free(node: Node, unit: UnitOfWork, number: str, signer: Caller) -> None:
    """Check that no open case has a number.

    Raises:
        ConflictError: there is one, which the signer may see.
    """
    token = record_keys.derived_token(node, same_record.CASE_NOW, number)
    found = authorization.found_items(node, unit, signer, [token], each=_LOOKED_AT)
    if any(not row.closed for row in found.get(token, ())):
        raise ConflictError(
            "a case is open under that number already", hint="see which: custody case list"
        )
