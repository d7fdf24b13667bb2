"""What an item is found by, from all of its events: its numbers as they stand after corrections.

- a correction of a number says neither which kind it is of nor of which case: only the whole record
  does. So does a further number, whose case is said by the opening
- an item stays found by each case that it was ever of: nobody takes one out of a case by correcting
  the case's number. Which case it is of now is a token of its own (``same_record.OF_CASE``): what
  is done to a whole case is done to no item that was corrected to another one
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ledger.domain.codecs.text import is_case
from ledger.domain.errors import CustodyError
from ledger.domain.event import same_record
from ledger.domain.event.document import Event
from ledger.domain.event.same_record import CASE
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.records import documents, record_keys

#: Types after which an item is found by other numbers than its opening event says.
RENUMBERING: Final = frozenset({"corrected", "identified"})


def of(node: Node, events: Mapping[str, Event]) -> list[bytes]:
    """Tokens of an item with these events, in their order, by their statement digests in hex: its
    numbers as they stand, its cases as they ever stood, content and file as they were recorded.
    """
    shown = {digest: event.value for digest, event in events.items()}
    found: list[bytes] = []
    opening = next(iter(events.values()), None)
    if opening is not None and is_case(opening.value["evidence"]):
        return _of_case(node, shown)
    standing: dict[str, dict[str, Any]] = {}
    for digest, document in same_record.versions(shown):
        standing[digest] = document
        cases = same_record.numbers_of(same_record.identifiers(document), CASE)
        found += [record_keys.identifier_token(node, CASE, case) for case in cases]
    for digest, event in events.items():
        found += record_keys.tokens(node, event, standing.get(digest))
    cases, exhibits = same_record.found_by(shown)
    for case in cases:
        found.append(record_keys.derived_token(node, same_record.OF_CASE, case))
        found += [record_keys.number_token(node, case, exhibit) for exhibit in exhibits]
    return list(dict.fromkeys(found))


def _of_case(node: Node, shown: Mapping[str, dict[str, Any]]) -> list[bytes]:
    """A case is found by each number that it ever had, and told by the one that it has now."""
    ever, now = list[str](), list[str]()
    for _, document in same_record.versions(shown):
        now = same_record.numbers_of(same_record.identifiers(document), CASE)
        ever += now
    return [
        record_keys.derived_token(node, scheme, one)
        for scheme, numbers in ((same_record.CASE_ITSELF, ever), (same_record.CASE_NOW, now))
        for one in dict.fromkeys(numbers)
    ]


def index(node: Node, unit: UnitOfWork, evidence: str, key: bytes | None = None) -> None:
    """Write down what an item is found by, in the place of what it was found by until now; where
    one of its documents cannot be opened, that stays too.

    Args:
        key: the item's record key, where its grant is not to be looked up.
    """
    events, whole = {}, True
    for row in unit.logs.events(evidence, void=True):
        try:
            [(_, event)] = documents.read_events(node, unit, [row], key=key)
        except CustodyError:
            whole = False  # an audit tells what is wrong with it
            continue
        if event is not None:
            events[row.digest.hex()] = event
    if whole:
        unit.items.drop_tokens(evidence)
    for token in sorted(of(node, events)):
        unit.items.put_token(token, evidence)
