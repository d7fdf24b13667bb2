"""Who of the agency has a role, for a colleague who lacks it: otherwise a refusal leads nowhere."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

from ledger.domain.errors import AlteredError, FormatError, KeyringError
from ledger.services.access.authorization import Caller
from ledger.services.access.service_numbers import open_number
from ledger.services.node.context import Node
from ledger.services.people.colleagues import may_be_told
from ledger.services.people.signing_keys import certificate_of

_MOST: Final = 3  # enough to ask; nobody lists the agency's people by what they may not do


#: Of a home that was founded without one.
NO_ADMINISTRATOR: Final = (
    "nobody here has it: who has the node's home and its passphrase makes somebody administrator, "
    "`custody person renew WHO --role administrator --role ROLE --at-home`"
)


def told(node: Node, caller: Caller, roles: AbstractSet[str]) -> list[tuple[str, str]]:
    """Colleagues who have one of some roles; whoever may not be told is told of nobody.

    Returns:
        service number and role of at most three who are active; never a pseudonym, so that nobody
        learns from a refusal whose events are whose.
    """
    if not may_be_told(node, caller):
        return []
    found = list[tuple[str, str]]()
    with node.records.read() as unit:
        for row in unit.people.all():
            person = row.person
            if not row.active or person.agency != node.agency or person == caller.id:
                continue
            try:
                held = certificate_of(unit, row).roles & roles
                if held:
                    number = open_number(node, row.number, person.pseudonym.encode())
                    found.append((number, max(held)))
            except (AlteredError, FormatError, KeyringError):
                continue  # the list of people and the doctor tell of it
            if len(found) == _MOST:
                break
    return sorted(found)
