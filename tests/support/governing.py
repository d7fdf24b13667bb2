"""What the governors of a consortium decide in the registry: an agency suspended, and back."""

from __future__ import annotations

from ledger.services.handovers import sync
from tests.support.consortium import Consortium
from tests.support.desk import Desk
from tests.support.proposals import Governor, carry


def decide(agencies: Consortium, kind: int, code: str) -> None:
    """All other agencies vote for it, and it is carried out."""
    desks = [desk for pair, desk in agencies.desks.items() if pair != code]
    voters = [Governor(desk.node.agency, desk.home.keyring.get("governor")) for desk in desks]
    carry(desks[0].node.contracts, voters, kind, code)


def a_minute_later(desk: Desk, *, exchange: bool = False) -> None:
    """What the node knows of the registry is old enough to be read again, and its loop does."""
    desk.node.standings.clear()
    sync.own(desk.node)
    if exchange:
        sync.sync(desk.node)
