"""Alarms: many items opened by one person within an hour, for auditors to look into. No case data
in any of it.
"""

from __future__ import annotations

import logging
import secrets
from typing import Final

from ledger.domain.identity.person import PersonId
from ledger.rows.releases import AlarmRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node

_LOG: Final = logging.getLogger("custody.alarm")
HOUR: Final = 3600
BULK_ACCESS: Final = "bulk-access"


def note_access(
    node: Node, unit: UnitOfWork, statement: bytes, person: PersonId, evidence: str
) -> None:
    """Count an access that is being registered, and raise an alarm where they are too many: once an
    hour and person.
    """
    now = node.clock.now()
    unit.releases.put_access(statement, person, evidence, now)
    count = unit.releases.accesses(person, now - HOUR)
    if (
        node.profile is None
        or count <= node.profile.bulk_access
        or unit.releases.alarms(after=now - HOUR, limit=1, person=person)
    ):
        return
    unit.releases.put_alarm(AlarmRow(secrets.token_hex(8), BULK_ACCESS, person, count, now))
    _LOG.warning("%s: %d items within an hour by one person: custody alarms", BULK_ACCESS, count)
