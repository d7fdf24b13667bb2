"""When a thing was handed out to somebody without keys, and what was recorded of it meanwhile.

Returns are often recorded late: what is done with the thing itself, and recorded while no return
is, is taken down and not refused. Whether it can have been so is judged by the times at which the
acts happened, once they are all there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ledger.domain.codecs.text import parse_time
from ledger.domain.event.document import Event

_UNSAID: Final = "(withheld)"
#: Kinds of incident after which a thing does not come back.
GONE: Final = frozenset({"consumed", "destroyed", "loss", "lost", "stolen", "theft"})
#: What is done with the thing itself, where the agency keeps it.
_ACTS: Final = frozenset({"moved", "dispatched", "sealed", "unsealed"})


@dataclass
class _Outing:
    """From when until when somebody had the thing, by when it happened; None: not back yet."""

    since: int
    until: int | None = None


@dataclass
class Outings:
    """``out``: to whom it is handed out at the moment, empty where to nobody. ``accounted``: an
    incident that was discovered since tells why it does not come back: damage, a seal or a breach
    tells nothing of where the thing is. ``told``: digest in hex of what said last that it is back,
    or why it does not come; empty where it was never out, or nothing says so.
    """

    out: str = ""
    accounted: bool = False
    told: str = ""
    _outings: list[_Outing] = field(default_factory=list)
    _acts: list[tuple[int, Event]] = field(default_factory=list)

    def take(self, event: Event, digest: str) -> None:
        """Take an event into account."""
        match event.type:
            case "released":
                party = event.body.get("counterparty")
                self.out = party.get("name", _UNSAID) if isinstance(party, dict) else _UNSAID
                self.accounted = False
                self.told = ""
                self._outings.append(_Outing(_happened(event)))
            case "received" if self._outings:
                self.told = digest
                if self.out:
                    self.out = ""
                    self._outings[-1].until = _happened(event)
            case "incident" if self.out and self._is_gone(event):
                self.accounted = True
                self.told = digest
            case _ if event.type in _ACTS:
                self._acts.append((_happened(event), event))

    def _is_gone(self, event: Event) -> bool:
        told = event.body.get("discovered")  # another agency may withhold it
        return (
            event.body.get("kind") in GONE
            and told is not None
            and parse_time(told, what="discovered") >= self._outings[-1].since
        )

    def elsewhere(self) -> list[Event]:
        """What was done with the thing at a time at which somebody else had it, by the record."""
        return [
            event
            for time, event in self._acts
            for outing in self._outings
            if outing.since < time and (outing.until is None or time < outing.until)
        ]


def _happened(event: Event) -> int:
    told = event.value.get("occurred", {}).get("from", event.value["time"])
    return parse_time(told, what="time")
