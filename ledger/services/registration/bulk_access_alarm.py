"""Alarms: many items opened by one person within an hour, for auditors to look into. No case data
in any of it.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from typing import Final

from ledger.domain.identity.person import PersonId
from ledger.rows.releases import AlarmRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node

_LOG: Final = logging.getLogger("custody.alarm")
HOUR: Final = 3600
BULK_ACCESS: Final = "bulk-access"


def note_accesses(
    node: Node, unit: UnitOfWork, person: PersonId, accesses: Sequence[tuple[bytes, str]]
) -> None:
    """Count accesses of somebody's that are being registered, and raise an alarm where they are too
    many: once an hour and person.

    A batch is counted at once, or each of its accesses would go through all those of a day.

    Args:
        accesses: statement and item of each.
    """
    now = node.clock.now()
    unit.releases.forget_accesses(person, now)
    for statement, evidence in accesses:
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
