"""An event as the history of its item has it."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.domain.codecs.text import parse_time
from ledger.domain.event.document import Event
from ledger.domain.identity.person import PersonId


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event with its statement digest. ``person``: who stands behind its actor, where that is
    known: people may be enrolled twice.
    """

    digest: bytes
    event: Event
    person: PersonId | None = None

    @property
    def agency(self) -> str:
        """The agency of whoever recorded it."""
        return str(self.event.value["actor"]["agency"])

    @property
    def role(self) -> str:
        """In which it was recorded."""
        return str(self.event.value["actor"]["role"])

    @property
    def time(self) -> int:
        """When it was signed, seconds since 1970."""
        return parse_time(self.event.value["time"], what="time")

    @property
    def actor(self) -> PersonId:
        """Who stands behind the event, else who recorded it."""
        if self.person is not None:
            return self.person
        actor = self.event.value["actor"]
        return PersonId(actor["agency"], actor["id"])
