"""What is known of an event type: its public effect and the check of its body."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.domain.event.schema import Check
from ledger.domain.log.statement import Effect


@dataclass(frozen=True, slots=True)
class EventType:
    """An event type: its public effect and the check of its body."""

    effect: Effect
    body: Check
