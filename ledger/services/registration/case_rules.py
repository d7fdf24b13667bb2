"""What a case's own history is judged by before an event of it is sequenced.

- one number has one open case among those that the signer may see: of a case that is hidden from
  them nothing is told, and whoever sees both is told of both
- a case is assigned to somebody who is active here
"""

from __future__ import annotations

from typing import Final

from ledger.domain.errors import ConflictError, RuleError
from ledger.domain.event import same_record
from ledger.domain.event.document import Event
from ledger.domain.identity.person import PersonId
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node
from ledger.services.records import record_keys

#: Cases that are looked at under one number.
_LOOKED_AT: Final = 100


def require(node: Node, unit: UnitOfWork, event: Event, signer: Caller) -> None:
    """Check an event by what holds for cases alone.

    Raises:
        RuleError, ConflictError: why it may not follow.
    """
    if event.type == "case-opened":
        _require_free(node, unit, event, signer)
    elif event.type == "case-assigned":
        _require_colleague(node, unit, event)


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


def _require_free(node: Node, unit: UnitOfWork, event: Event, signer: Caller) -> None:
    """Check that a case which is opened has a number, and that no open case has it.

    Raises:
        RuleError: it has none, or more than one. ConflictError: there is one, which the signer may
            see.
    """
    numbers = same_record.numbers_of(same_record.identifiers(event.value), same_record.CASE)
    if len(numbers) != 1:
        raise RuleError("a case is opened under one number", hint="custody case open NUMBER")
    token = record_keys.case_token(node, numbers[0])
    found = authorization.found_items(node, unit, signer, [token], each=_LOOKED_AT)
    if any(not row.closed for row in found.get(token, ())):
        raise ConflictError(
            "a case is open under that number already", hint="see which: custody case list"
        )
