"""How the agency stands with those who say what time it is."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.domain.bundle import trust
from ledger.domain.timestamps.authorities import TimeAuthority
from ledger.rows.timestamps import TimeStampRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.timestamps import stamping


@dataclass(frozen=True, slots=True)
class AuthorityStanding:
    """A time authority: how many tokens are kept under its name, and of the newest one that counts
    how many entries the checkpoint has that it is over (0 without one), and when it says that this
    was. ``distrusted_from`` as in trust roots.
    """

    name: str
    count: int
    size: int = 0
    time: int | None = None
    distrusted_from: int | None = None


def authorities(node: Node, unit: UnitOfWork) -> list[AuthorityStanding]:
    """The authorities that the trust root of the home names, in its order."""
    found = []
    for one in (api.authority for api in node.time_authorities):
        count, until = unit.timestamps.count(one.name), one.distrusted_from
        newest = _newest_good(unit, one)
        found.append(
            AuthorityStanding(one.name, count, distrusted_from=until)
            if newest is None
            else AuthorityStanding(one.name, count, newest.size, newest.time, until)
        )
    return found


def alone(node: Node, unit: UnitOfWork) -> str | None:
    """The agency, where nobody but itself vouches for its log: one signer seals the chain, and no
    authority that its trust root names, and trusts, has stamped a checkpoint.
    """
    if not trust.is_sealed_by_one(node.seal_rules):
        return None
    stamped = any(_newest_good(unit, api.authority) is not None for api in stamping.asked(node))
    return None if stamped else node.agency


def _newest_good(unit: UnitOfWork, authority: TimeAuthority) -> TimeStampRow | None:
    """Of the newest tokens that are kept under any name the one over the most entries that counts
    by this authority's roots: a name says nothing of whose key signed.
    """
    good = [row for row in unit.timestamps.newest() if stamping.judged(unit, row, authority).counts]
    return max(good, key=lambda row: (row.size, row.time), default=None)
