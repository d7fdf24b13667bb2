"""How the agency stands with those who say what time it is."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.domain.bundle import trust
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node


@dataclass(frozen=True, slots=True)
class AuthorityStanding:
    """A time authority: how many tokens of it are kept, and of the newest one how many entries the
    checkpoint has that it is over (0 without one), and when it says that this was.
    """

    name: str
    count: int
    size: int = 0
    time: int | None = None


def authorities(node: Node, unit: UnitOfWork) -> list[AuthorityStanding]:
    """The authorities that the home asks, in its order."""
    found = []
    for api in node.time_authorities:
        name = api.authority.name
        newest = unit.timestamps.newest(name)
        count = unit.timestamps.count(name)
        found.append(
            AuthorityStanding(name, count)
            if newest is None
            else AuthorityStanding(name, count, newest.size, newest.time)
        )
    return found


def alone(node: Node, unit: UnitOfWork) -> str | None:
    """The agency, where nobody but itself vouches for its log: one signer seals the chain, and no
    authority that its trust root names, and trusts, has stamped a checkpoint.
    """
    if not trust.is_sealed_by_one(node.seal_rules):
        return None
    believed = (one.authority for one in node.time_authorities)
    stamped = any(
        one.distrusted_from is None and unit.timestamps.newest(one.name) is not None
        for one in believed
    )
    return None if stamped else node.agency
