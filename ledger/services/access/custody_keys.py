"""The custody key of the agency on its way from one custodian to another: the node carries it
sealed, and never holds it.

- it goes to people of the agency who are custodians now, sealed to the key that they signed for
  when they joined
- the node keeps it until its owner has it; whoever loses the role before finds nothing
- who said that they hold it is written down: taking a role away takes no key out of anybody's hands
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from typing import Final

from ledger.domain.codecs.digests import same
from ledger.domain.crypto import custody_key
from ledger.domain.errors import (
    ConflictError,
    DeniedError,
    KeyringError,
    NotFoundError,
    RuleError,
    UsageError,
)
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.person import PersonId, read_reference
from ledger.domain.identity.roles import OUTSIDE, keeps_custody
from ledger.rows.people import CustodyKeyRow, PersonRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access.service_numbers import Persons, numbered
from ledger.services.access.still_enrolled import require_still
from ledger.services.node.context import Node
from ledger.services.records.documents import hpke_key

ROLE: Final = "custodian"
_WHO: Final = "an administrator sees who is who: `custody person list`"
#: What `standing` says: nobody sealed the key to them yet, it waits to be fetched, they have it,
#: they have it though no custodian now.
WAITS, SEALED, HOLDS, KEPT = "waits", "sealed", "holds", "kept"


def holds(node: Node, unit: UnitOfWork, person: PersonRow) -> bool:
    """Whether somebody said that they hold the custody key in force."""
    return bool(person.custody) and same(person.custody, node.descriptor(unit).custody.digest)


def require_one_side(
    node: Node,
    unit: UnitOfWork,
    number: str,
    roles: AbstractSet[str],
    *,
    but: PersonId | None = None,
) -> None:
    """Check that whoever has a service number, under all enrolments of theirs, would not be a
    custodian and stand for the defence with these roles.

    Args:
        but: an enrolment of theirs that gets these roles in the place of those that it has.

    Raises:
        UsageError: they would. KeyringError: a number was altered, so that it cannot be told.
    """
    if not roles & {ROLE, *OUTSIDE}:  # an altered number keeps nobody else from joining
        return
    others = Persons(node, unit).roles(numbered(node, number), but=but)
    if ROLE in roles | others and not keeps_custody(roles | others):
        raise UsageError(
            "a custodian keeps what the defence may not have, and does not stand for it as well, "
            "under whichever enrolment",
            hint=f"give these roles to two people; {_WHO}",
        )


def standing(
    node: Node,
    unit: UnitOfWork,
    person: PersonRow,
    certificate: Certificate,
    persons: Persons | None = None,
) -> str:
    """How somebody stands to the custody key; empty for whoever has none and needs none, which is
    told by all of their enrolments.

    Args:
        persons: where many are asked about.
    """
    ours = person.active and person.person.agency == node.agency
    needs = ours and ROLE in certificate.roles
    if needs:
        # Whose number was altered is listed all the same: `_custodian` asks again, and refuses.
        with suppress(KeyringError):
            roles = (persons or Persons(node, unit)).roles(person.person)
            needs = keeps_custody(certificate.roles | roles)
    if holds(node, unit, person):
        return HOLDS if needs else KEPT
    if not needs:
        return ""
    row = unit.people.custody_key(person.person)
    return (
        SEALED
        if row is not None and same(row.custody, node.descriptor(unit).custody.digest)
        else WAITS
    )


def card_of(node: Node, reference: str) -> tuple[bytes, bytes]:
    """Certificate and signed keys of a custodian, for whoever seals the custody key to them.

    Raises:
        UsageError: no reference. NotFoundError: no such person of the agency. RuleError: no
            custodian.
        ConflictError: what they signed when they joined was not kept.
    """
    with node.records.read() as unit:
        row, certificate = _custodian(node, unit, read_reference(reference, home=node.agency))
    if not row.proof:
        raise ConflictError(
            "this node did not keep what they signed for their keys",
            hint="they run: `custody person fetch`",
        )
    return certificate.der, row.proof


def keep(node: Node, data: bytes, *, by: PersonId) -> None:
    """Keep the custody key sealed to a custodian until they fetch it.

    Raises:
        FormatError: no sealed key. NotFoundError, RuleError: for nobody who is a custodian here.
        ConflictError: another custody key than the one in force, or sealed to another key than the
            person's.
    """
    sealed = custody_key.parse(data)
    with node.records.write() as unit:
        require_still(node, unit, by, ROLE, "administrator")
        row, _ = _custodian(node, unit, sealed.person)
        if not same(sealed.custody, node.descriptor(unit).custody.digest):
            raise ConflictError("that is not the custody key in force", hint="see: custody status")
        if not same(sealed.recipient, hpke_key(row).digest):
            raise ConflictError(
                "the custody key is sealed to another key than this person's",
                hint=_WHO,
            )
        unit.people.put_custody_key(CustodyKeyRow(row.person, sealed.custody, data, by))


def waiting_for(node: Node, person: PersonId) -> bytes | None:
    """The custody key sealed to a person, if one waits for them.

    Raises:
        NotFoundError, RuleError: for nobody who is a custodian here by now.
    """
    with node.records.read() as unit:
        row = unit.people.custody_key(person)
        if row is not None:
            _custodian(node, unit, person)
    return row.sealed if row is not None else None


def confirm(node: Node, person: PersonId, custody: bytes) -> None:
    """A custodian says that they hold the custody key: it waits for them no longer.

    Raises:
        ConflictError: another one than that in force. NotFoundError, RuleError: no custodian of the
            agency.
    """
    with node.records.write() as unit:
        row, _ = _custodian(node, unit, person)
        if not same(custody, node.descriptor(unit).custody.digest):
            raise ConflictError("that is not the custody key in force", hint="see: custody status")
        unit.people.put(replace(row, custody=custody))
        unit.people.drop_custody_key(person)


def _custodian(node: Node, unit: UnitOfWork, person: PersonId) -> tuple[PersonRow, Certificate]:
    row = unit.people.get(person)
    if person.agency != node.agency:
        raise DeniedError("the custody key stays among the custodians of the agency")
    if row is None or not row.active:
        raise NotFoundError("no such person of this agency", hint=_WHO)
    certificate = certificates.parse(unit.people.certificate(row.certificate) or b"")
    if ROLE not in certificate.roles:
        roles = " ".join(f"--role {role}" for role in sorted({*certificate.roles, ROLE}))
        hint = f"an administrator makes them one: `custody person renew {person.pseudonym} {roles}`"
        raise RuleError("the custody key is for custodians only", hint=hint)
    if not keeps_custody(certificate.roles | Persons(node, unit).roles(person)):
        raise RuleError(
            "the custody key opens guarded material, and is not for whoever stands for the defence",
            hint=f"an administrator: `custody person renew {person.pseudonym} --role {ROLE}`",
        )
    return row, certificate
