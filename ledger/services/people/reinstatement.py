"""Somebody who was suspended may come back, and an invitation may be taken back.

- a suspension is lifted as it was made: the agency's CA signs. The revoked certificates stay on the
  list, since no entry is ever dropped, and count no more; a new one is issued for the same keys, in
  the same roles, by which every verifier and every audit sees that the person may sign again
- keys that were called stolen are never good again: whoever had them would come back as well. Such
  a person joins anew, with new keys
- what a suspension ended stays ended: sessions, the linked account, invitations, a custody key on
  its way
"""

from __future__ import annotations

from dataclasses import replace

from ledger.domain.errors import ConflictError, NotFoundError, RuleError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.identity.person import PersonId
from ledger.rows.people import PersonRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import custody_keys
from ledger.services.access.service_numbers import Persons, open_number
from ledger.services.access.still_enrolled import require_still
from ledger.services.node.context import Node
from ledger.services.people import admission
from ledger.services.people.admission import (
    reference_of,
    require_apart,
    require_issuing,
    require_unshared,
)
from ledger.services.people.signing_keys import certificate_of, signing_key
from ledger.services.records.documents import hpke_key
from ledger.services.registration import agency_statements


def reinstate(node: Node, who: PersonId, *, by: PersonId) -> str:
    """Lift the suspension of one of our people: they have a new certificate for the keys that they
    had, in the same roles, and fetch it themselves.

    Returns:
        how they stand to the custody key; see `custody_keys.standing`.

    Raises:
        NotFoundError: no such person of ours. ConflictError: they are not suspended. RuleError:
            oneself, or keys that were called stolen. KeyringError: no CA here.
    """
    authority = require_issuing(node)
    with node.records.write() as unit:
        require_still(node, unit, by, "administrator")
        person = _suspended(node, unit, who)
        persons = Persons(node, unit)
        if persons.behind(who) == persons.behind(by):
            raise RuleError("nobody reinstates themselves", hint="ask another administrator")
        old = certificate_of(unit, person)
        if _called_stolen(unit, certificates.load(old.der).serial_number):
            raise RuleError(
                "their keys were called stolen, and are never good again",
                hint="let them join anew, with new keys: custody person invite NUMBER",
            )
        require_unshared(node, unit, hpke_key(person), spki=signing_key(unit, person))
        number = open_number(node, person.number, who.pseudonym.encode())
        custody_keys.require_one_side(node, unit, number, set(old.roles), but=who)
        der = authority.issue(
            old.key,
            agency=node.agency,
            pseudonym=who.pseudonym,
            roles=sorted(old.roles),
            service=False,
            now=node.clock.now(),
        )
        fresh = certificates.parse(der)
        unit.people.put_certificate(fresh.digest, der)
        back = replace(person, certificate=fresh.digest, active=True)
        unit.people.put(back)
        require_apart(node, unit, who)
        return custody_keys.standing(node, unit, back, fresh)


def _suspended(node: Node, unit: UnitOfWork, who: PersonId) -> PersonRow:
    if who.agency != node.agency:
        raise RuleError(
            f"{who} is a guest: their own agency says whether they still work there",
            hint="let them make a new card, and admit it as the first one was",
        )
    person = unit.people.get(who)
    if person is None:
        raise NotFoundError("no such person of this agency", hint="see: custody person list")
    if person.active:
        raise ConflictError("that person is not suspended", hint="see: custody person list")
    return person


def _called_stolen(unit: UnitOfWork, serial: int) -> bool:
    """Whether a list ever had a certificate revoked as of a time before the list itself, as
    ``since`` says; every other date lies ahead of the list that first has it.
    """
    known: int | None = None
    for row in sorted(unit.tables.rows("crl"), key=lambda row: int(row["number"])):
        listed = revocation_lists.load_crl(row["der"])
        entry = listed.get_revoked_certificate_by_serial_number(serial)
        if entry is None:
            continue
        date = int(entry.revocation_date_utc.timestamp())
        if date != known and date <= agency_statements.crl_row(row["der"]).issued:
            return True
        known = date
    return False


def revoke_invitation(node: Node, reference: str, *, by: PersonId) -> None:
    """Take an invitation back, also where somebody has asked to join with it already: its code is
    good no more.

    Raises:
        NotFoundError: no open invitation under that reference.
    """
    with node.records.write() as unit:
        require_still(node, unit, by, "administrator")
        for row in unit.people.enrolments():
            is_asked = row.state != "approved" and admission.is_open(row, node.clock.now())
            if is_asked and reference_of(row) == reference:
                unit.people.drop_enrolment(row.code)
                return
        raise NotFoundError(
            "no invitation under that reference is open",
            hint="see: custody person list; whoever joined already: custody person suspend WHO",
        )
