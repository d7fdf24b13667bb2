"""People and open invitations, as administrators see them: also where somebody altered one of them
in the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.domain.errors import AlteredError, FormatError, KeyringError, VerificationError
from ledger.domain.identity import enrolment
from ledger.domain.identity.certificate import Certificate
from ledger.rows.people import PersonRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import custody_keys
from ledger.services.access.service_numbers import Persons, open_number
from ledger.services.node.context import Node
from ledger.services.people.admission import LIFE, is_open, reference_of
from ledger.services.people.signing_keys import certificate_of

#: In the place of what no program of ours wrote.
ALTERED: Final = "(altered)"


@dataclass(frozen=True, slots=True)
class Listed:
    """A person, or somebody on the way to become one: ``state`` invited, requested, active or
    suspended.

    ``reference``: as commands take it: the pseudonym, of a guest with their agency, or the first
    half of the hash of an invitation's
    code. ``agency``: empty for an invitation. ``custody``: one of the states of
    `custodykeys.standing`.
    """

    reference: str
    agency: str
    number: str
    roles: tuple[str, ...]
    state: str
    fingerprint: str
    since: int
    custody: str = ""


def _shown(node: Node, sealed: bytes, bound: bytes) -> str:
    """A service number as administrators see it, who must see the others too where one of them was
    altered.
    """
    try:
        return open_number(node, sealed, bound)
    except KeyringError:
        return ALTERED


def _fingerprint(request: bytes) -> str:
    """Of the keys that somebody asked to join with; empty where they did not yet."""
    try:
        return enrolment.parse(request).fingerprint if request else ""
    except (FormatError, VerificationError):
        return ALTERED


def _certificate(unit: UnitOfWork, row: PersonRow) -> Certificate | None:
    try:
        return certificate_of(unit, row)
    except (AlteredError, FormatError):
        return None


def list_people(node: Node) -> list[Listed]:
    """People and invitations that are open, as administrators see them."""
    with node.records.read() as unit:
        people, open_ = (
            unit.people.all(),
            [row for row in unit.people.enrolments() if is_open(row, node.clock.now())],
        )
        found = {row.person: _certificate(unit, row) for row in people}
        persons = Persons(node, unit)
        standing = {
            row.person: custody_keys.standing(node, unit, row, certificate, persons)
            for row in people
            if (certificate := found[row.person]) is not None
        }
    listed = []
    for row in people:
        person, certificate = row.person, found[row.person]
        ours = person.agency == node.agency
        number = _shown(node, row.number, person.pseudonym.encode()) if ours else ""
        state = ("active" if ours else "guest") if row.active else "suspended"
        waits = standing.get(person) == custody_keys.WAITS
        fingerprint = _fingerprint(row.proof) if waits else ""
        shown = person.shown_at(node.agency)
        roles = tuple(sorted(certificate.roles)) if certificate is not None else (ALTERED,)
        listed.append(
            Listed(
                shown,
                person.agency,
                number,
                roles,
                state,
                fingerprint,
                certificate.not_before if certificate is not None else 0,
                standing.get(person, ""),
            )
        )
    for request in open_:
        asked = tuple(request.roles.split(","))
        listed.append(
            Listed(
                reference_of(request),
                "",
                _shown(node, request.number, request.code),
                asked,
                request.state,
                _fingerprint(request.request),
                request.expires - LIFE,
            )
        )
    return listed
