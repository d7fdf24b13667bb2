"""Other items that an event names: they must be there before it."""

from __future__ import annotations

from typing import Final

from ledger.domain.event.document import Event

#: The member of a body in which an event names other items.
_REFERENCES: Final = {
    "derived": "parents",
    "collected": "photos",
    "analysed": "outputs",
    "voided": "replacement",
}


def references(event: Event) -> list[str]:
    """Other items that an event draws on, or points to; a copy's source is another agency's."""
    named = event.body.get(_REFERENCES.get(event.type, ""), [])
    return [named] if isinstance(named, str) else list(dict.fromkeys(named))
