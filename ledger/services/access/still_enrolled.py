"""Whether whoever asked for something is still an active person with the role for it, in the
transaction that does it.
"""

from __future__ import annotations

from ledger.domain.errors import DeniedError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.person import PersonId
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node


def require_still(node: Node, unit: UnitOfWork, who: PersonId | None, *roles: str) -> None:
    """Check that whoever asked is still an active person of our agency with one of these roles.

    Called in the transaction that does what they asked for: the request may have waited minutes for
    a chain or another node, and they may have been suspended meanwhile. None is the node's owner,
    at the home itself.

    Raises:
        DeniedError: they are not, or no longer.
    """
    if who is None:
        return
    row = unit.people.get(who)
    der = unit.people.certificate(row.certificate) if row is not None and row.active else None
    if who.agency != node.agency or der is None or not certificates.parse(der).roles & set(roles):
        raise DeniedError(
            "this person is not, or no longer, enrolled here for that", hint="ask an administrator"
        )
