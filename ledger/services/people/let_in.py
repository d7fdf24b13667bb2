"""Whom a thief of an administrator's key may have let in, or given other roles: nothing that is
signed says which administrator did it, so they are told and somebody looks.
"""

from __future__ import annotations

from ledger.domain.errors import AlteredError, FormatError
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.identity.person import PersonId
from ledger.rows.people import PersonRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.people.signing_keys import certificate_of


def certified_since(
    node: Node, unit: UnitOfWork, administrator: PersonRow, since: int
) -> tuple[PersonId, ...]:
    """People of ours who are active and got their newest certificate at or after a time; nobody
    where whoever lost the key was no administrator.
    """
    try:
        if "administrator" not in certificate_of(unit, administrator).roles:
            return ()
    except (AlteredError, FormatError):  # which roles they had cannot be told: all are named
        pass
    found = []
    for row in unit.people.all():
        if not row.active or row.person.agency != node.agency:
            continue
        try:
            recent = certificate_of(unit, row).not_before + AHEAD >= since
        except (AlteredError, FormatError):
            recent = True
        if recent:
            found.append(row.person)
    return tuple(found)
