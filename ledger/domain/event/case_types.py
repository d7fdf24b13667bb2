"""What is recorded about a case, which is a history of its own in its agency's log: who opened it,
who works on it, under which purpose its sealed lists were read, and its end.

Its number and title are sealed like those of an item. Nothing of it is handed over: items are.
"""

from __future__ import annotations

from typing import Final, Literal

from ledger.domain.codecs.text import is_case
from ledger.domain.event.event_type import EventType
from ledger.domain.event.schema import agency, members, text
from ledger.domain.log.statement import Effect

#: What a history is about.
Subject = Literal["item", "case", "agency"]
_WORDS: Final = text()

CASE_TYPES: Final[dict[str, EventType]] = {
    "case-opened": EventType("open", members({}, {"name": text(256), "note": _WORDS})),
    "case-assigned": EventType(
        "none",
        members({"to": members({"agency": agency, "person": text(256)})}, {"reason": _WORDS}),
    ),
    "listed": EventType("none", members({}, {"extent": _WORDS})),
    "case-closed": EventType("close", members({"reason": _WORDS})),
}
#: What is recorded about an item and about a case alike.
_ALIKE: Final = frozenset({"accessed", "note", "corrected"})


def subject_of(urn: str) -> Subject:
    """What a history is about, by how it is called."""
    if is_case(urn):
        return "case"
    return "agency" if urn.startswith("urn:custody:") else "item"


def subjects(event_type: str, effect: Effect) -> frozenset[Subject]:
    """What an event of a known type, with its effect, may be about."""
    if effect == "agency":
        return frozenset({"agency"})
    if event_type in CASE_TYPES:
        return frozenset({"case"})
    return frozenset({"item", "case"} if event_type in _ALIKE else {"item"})
