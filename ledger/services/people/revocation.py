"""From when on verifiers refuse the certificates of whoever was suspended or lost a role.

- a person is shut out first, in one transaction with a list that names their certificates as of a
  date a year ahead: a row of the database is no proof that anybody asked for it, and whoever can
  write rows cannot sign lists, so what is still to do follows from the newest list alone
- then what they signed before is anchored, and only then their certificates get their date, so that
  nothing of theirs can come in between; this is taken up again after a crash
- the date lies ahead by as long as another agency may take to anchor what they signed there as its
  guest: their own agency cannot know of that work, and a verifier asks about the block's time. It
  gives nobody a way in: whoever is on the list at all, whatever the date, begins nothing new
  anywhere (`revocation_lists.verify_current`)
- a certificate that a renewal made superfluous, without a role less, is not revoked: the new one is
  for the same key and rights, and what was signed under the old one, here or as a guest, goes on
  verifying

A date that somebody names (`membership.suspend`, since) is for stolen keys and spares nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ledger.domain.errors import (
    AlteredError,
    ChainError,
    CustodyError,
    FormatError,
    FrozenError,
    NetworkError,
)
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.person import PersonId
from ledger.rows.people import PersonRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.onchain import checkpoint_anchoring
from ledger.services.partners import directory
from ledger.services.people.signing_keys import certificate_of
from ledger.services.registration import agency_statements

#: Seconds in which other nodes learn of a list: they believe what they know for an hour at most.
_LEARNING: Final = 7200
#: Seconds of another agency's delay that count at most: none may put our dates off for a year.
_LONGEST_DELAY: Final = 7 * 86400
#: Seconds by which a date lies ahead until the chain can be asked; a later list moves it nearer.
_UNTIL_ANCHORED: Final = 366 * 86400


def shut_out(node: Node, unit: UnitOfWork, who: PersonId) -> AlteredError | None:
    """Put what somebody may use no more on the list, in the transaction that takes it from them:
    every certificate, where they are suspended, and each with a role that they lost.

    Returns:
        why there is no list that could be signed: they are shut out here all the same, and whoever
        asked for it is told.
    """
    date = _date(node, unit) + _UNTIL_ANCHORED
    try:
        agency_statements.newest_list(node, unit)
        issued = _issued(node, unit, lambda one: one.subject == who and _is_lost(unit, one))
        fresh = [one for one in issued if agency_statements.revoked_since(unit, one) is None]
        if fresh:
            agency_statements.publish_crl(node, unit, [(serial, date) for serial in sorted(fresh)])
    except AlteredError as error:
        return error
    return None


def settle(node: Node) -> None:
    """Date for good every certificate of ours that is on the list as of a later time: of whoever is
    suspended, and one with a role that they lost. Does nothing where all of them are dated.

    Raises:
        NetworkError, ChainError: what was signed before cannot be anchored now. The certificates
            are on the list all the same, for all who ask whether somebody may act, with a date that
            the next call moves nearer.
    """
    if node.keys.authority is None:  # whoever suspends or renews was told so before
        return
    if not unsettled(node):
        return
    try:
        checkpoint_anchoring.anchor_now(node)
    except FrozenError:
        raise
    except (NetworkError, ChainError) as error:
        raise NetworkError(
            "whoever was suspended or lost a role is shut out from now on, here and at other "
            f"agencies; what they signed before is not anchored yet: {error.message}",
            hint="the home does it by itself while it is served: see custody status",
        ) from error
    with node.records.write() as unit:
        date = _date(node, unit)
        if serials := _dated_later(unit, date):
            agency_statements.publish_crl(node, unit, [(serial, date) for serial in serials])


def unsettled(node: Node) -> int:
    """How many certificates of ours have no date yet as of when they are revoked for good."""
    with node.records.read() as unit:
        return len(_dated_later(unit, _date(node, unit) + AHEAD))


def unlisted(node: Node, unit: UnitOfWork) -> list[PersonId]:
    """Whom the database alone suspends, or takes a role from: no list of ours says so."""
    found = set[PersonId]()
    for certificate in _certificates(node, unit, lambda one: _is_lost(unit, one)):
        if agency_statements.revoked_since(unit, _serial(certificate)) is None:
            found.add(certificate.subject)
    return sorted(found, key=str)


def revoke_all(node: Node, unit: UnitOfWork, who: PersonId, since: int) -> None:
    """Revoke every certificate of somebody as of a time: a thief signs with the key, which all of
    them were issued for. What was revoked earlier stays so.
    """
    issued = _issued(node, unit, lambda certificate: certificate.subject == who)
    if late := [serial for serial in issued if _is_later(unit, serial, since)]:
        agency_statements.publish_crl(node, unit, [(serial, since) for serial in sorted(late)])


def date_of(unit: UnitOfWork, person: PersonRow) -> int:
    """As of when the certificate that somebody had last is revoked.

    Raises:
        AlteredError: that certificate is not in the database, or was not revoked with the others.
    """
    certificate = certificate_of(unit, person)
    serial = certificates.load(certificate.der).serial_number
    date = agency_statements.revoked_since(unit, serial)
    if date is None:
        raise AlteredError(
            f"the certificate of {person.person} in the database is not one that our CA issued",
            hint="the database was altered: custody doctor says where; restore a backup",
        )
    return date


def _dated_later(unit: UnitOfWork, latest: int) -> list[int]:
    """Serial numbers on the newest list that it has revoked only as of a later time."""
    newest = unit.authority.newest_crl()
    listed = revocation_lists.load_crl(newest.der) if newest is not None else ()
    return sorted(
        entry.serial_number
        for entry in listed
        if int(entry.revocation_date_utc.timestamp()) > latest
    )


def _is_lost(unit: UnitOfWork, certificate: Certificate) -> bool:
    person = unit.people.get(certificate.subject)
    if person is None:
        return False
    if not person.active:
        return True
    try:
        return not certificate.roles <= certificate_of(unit, person).roles
    except (AlteredError, FormatError):  # which roles they have cannot be told, and audits say so
        return False


def _is_later(unit: UnitOfWork, serial: int, latest: int) -> bool:
    known = agency_statements.revoked_since(unit, serial)
    return known is None or known > latest


def _issued(node: Node, unit: UnitOfWork, wanted: Callable[[Certificate], bool]) -> Iterator[int]:
    """Serial numbers of certificates of our people that are wanted."""
    return map(_serial, _certificates(node, unit, wanted))


def _serial(certificate: Certificate) -> int:
    return certificates.load(certificate.der).serial_number


def _certificates(
    node: Node, unit: UnitOfWork, wanted: Callable[[Certificate], bool]
) -> Iterator[Certificate]:
    """Certificates of our people that are wanted and that our CA issued: a row that somebody put
    into the database revokes nobody and stops no revocation.
    """
    authorities = node.descriptor(unit).authorities
    for row in unit.tables.rows("certificate"):
        try:
            certificate = certificates.parse(row["der"])
        except (CustodyError, TypeError):
            continue
        # Signatures last, and of few.
        ours = certificate.kind == "person" and certificate.agency == node.agency
        if not (ours and wanted(certificate)):
            continue
        try:
            certificates.verify_issued(certificate, authorities, certificate.not_before)
        except CustodyError:
            continue
        yield certificate


def _date(node: Node, unit: UnitOfWork) -> int:
    """As of when a certificate is revoked now: after what is anchored here, and after what another
    agency can have taken of its owner and has to anchor still.
    """
    now = node.clock.now()
    newest = unit.checkpoints.newest(node.log_id, ("final",))
    delays = [node.descriptor(unit).max_anchoring_delay]
    for partner in unit.partners.all():
        descriptor = directory.in_force(unit.partners.descriptors(partner.agency), now)
        if descriptor is not None:
            delays.append(descriptor.max_anchoring_delay)
    begun = max(now, newest.time + 1 if newest is not None else 0)
    return begun + _LEARNING + min(max(delays), _LONGEST_DELAY)
