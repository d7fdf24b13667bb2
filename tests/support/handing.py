"""A handover taken back and begun anew while the other agency answers."""

from __future__ import annotations

from ledger.client.handovers import handover_pause
from tests.support.consortium import NL, RO, Consortium
from tests.support.desk import BASIS, Desk


def paused(
    giver: Desk, both: Consortium, evidence: str, *, settle: tuple[str, ...] = (NL, RO)
) -> handover_pause.Reading:
    """Take an offer back as the command does, the agencies exchanging meanwhile."""
    waiting = handover_pause.Waiting(
        60, sleep=lambda seconds: both.settle(*settle, rounds=1) and None
    )
    handover_pause.take_back(
        giver.client, giver.person, giver.clock, evidence, waiting, basis=BASIS
    )
    return handover_pause.begin(
        giver.client, giver.person, giver.clock, evidence, {"purpose": "the court asks"}
    )
