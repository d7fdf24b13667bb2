"""Who belongs to the agency: invited by an administrator, enrolled with keys that never leave the
person, suspended at once.

- an invitation is a secret code, good once, for a week; the node keeps its hash alone
- the person makes the keys and proves possession; an administrator compares the fingerprint and
  approves
- nobody approves themselves: invitations and people carry the sealed service number, and these are
  compared
- a person is (agency, pseudonym): a guest may have the pseudonym of one of ours, and stays somebody
  else
- who is suspended can do nothing from that moment; what they signed before is anchored before the
  revocation takes its date
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from hashlib import sha256
from typing import Final

from ledger.domain.codecs.digests import same
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import (
    ConflictError,
    DeniedError,
    KeyringError,
    NotFoundError,
    RuleError,
    UsageError,
)
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import enrolment
from ledger.domain.identity.descriptor import HpkeKey
from ledger.domain.identity.names import ROLES, log_urn
from ledger.domain.identity.person import PersonId, read_reference
from ledger.rows.people import MAX_PEOPLE, EnrolmentRow, PersonRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import custody_keys
from ledger.services.access.service_numbers import Persons, folded, open_number, seal_number
from ledger.services.access.still_enrolled import require_still
from ledger.services.node.certificate_authority import Authority, new_pseudonym
from ledger.services.node.context import Node
from ledger.services.onchain import agency_standing
from ledger.services.people.signing_keys import keys_of_others, own_people_with
from ledger.services.records.documents import encode_hpke, hpke_key

LIFE: Final = 7 * 86400  # seconds


def invite(node: Node, *, number: str, roles: list[str], inviter: PersonId) -> tuple[str, int]:
    """Invite somebody; returns (code, expiry). The code is shown once and kept nowhere.

    Raises:
        UsageError: no service number, or roles that nobody can have. KeyringError: the CA is not at
            hand here.
    """
    require_authority(node)
    if not folded(number) or len(number) > 100:
        raise UsageError(
            "a service number has 1 to 100 characters, and one at least that can be seen"
        )
    roles = roles_named(node, roles)
    code, expires = secrets.token_urlsafe(24), node.clock.now() + LIFE
    hashed = _hash(code)
    sealed = seal_number(node.keys.people, number.strip(), hashed)
    with node.records.write() as unit:
        require_still(node, unit, inviter, "administrator")
        custody_keys.require_one_side(node, unit, number, set(roles))
        now = node.clock.now()
        unit.people.drop_stale_enrolments(now, _latest(now))
        _require_room(len(unit.people.enrolments()), "invitations")
        unit.people.put_enrolment(
            EnrolmentRow(hashed, ",".join(sorted(roles)), sealed, inviter, "invited", expires)
        )
    return code, expires


def roles_named(node: Node, names: list[str]) -> list[str]:
    """Roles by their own names or by those of the agency's profile.

    Raises:
        UsageError: none, one twice, or one that nobody can have. RuleError: an administrator's
            with others, where the profile keeps them apart.
    """
    roles = [node.profile.role(name) for name in names] if node.profile is not None else names
    if not roles or not set(roles) <= ROLES - {"service"} or len(set(roles)) != len(roles):
        raise UsageError(
            f"roles are one or more of {', '.join(sorted(ROLES - {'service'}))}",
            hint="or a name of your profile",
        )
    if node.profile is not None:
        node.profile.require_apart(roles)
    return sorted(roles)


def _hash(code: str) -> bytes:
    return sha256(b"custody-invitation-v1" + code.encode()).digest()


def request(node: Node, code: str, data: bytes) -> str:
    """Take in the keys of whoever holds an invitation; returns their fingerprint. The same request
    again changes nothing.

    Raises:
        FormatError, VerificationError: a malformed request, or one for another agency.
        DeniedError: no such invitation, or it has expired. ConflictError: somebody used it with
            other keys.
        RuleError: see require_unshared.
    """
    parsed = enrolment.parse(data)
    if parsed.server != log_urn(node.log_id):
        raise DeniedError("the request is for another node")
    with node.records.write() as unit:
        row = _invitation(node, unit, code)
        if row.request and not same(row.request, data):
            raise ConflictError(
                "this invitation was used with other keys",
                hint="tell the administrator: somebody else may have the code",
            )
        if not row.request:
            _require_nobodys(node, unit, parsed.spki)
            require_unshared(node, unit, parsed.hpke, spki=parsed.spki)
            unit.people.put_enrolment(replace(row, state="requested", request=data))
    return parsed.fingerprint


def _require_nobodys(node: Node, unit: UnitOfWork, spki: bytes) -> None:
    """One signing key is one person here, suspended ones too: their keys may be stolen ones, and
    whoever has two names would be their own second person.

    Raises:
        RuleError: the key is somebody's already.
    """
    if own_people_with(node, unit, spki):
        raise RuleError(
            "these keys are enrolled here already",
            hint="your certificate: custody person fetch; for new keys enrol in a new folder",
        )


def require_unshared(node: Node, unit: UnitOfWork, key: HpkeKey, *, spki: bytes) -> None:
    """Check that what is sealed to somebody is sealed to them alone: whoever is sealed an item's
    key has a part in the item.

    A request proves possession of the signing key, and names the other one: without this check,
    anybody could name the node's, the custodians' or a colleague's, which are public, and would
    have a part in whatever was ever sealed to it.

    Args:
        spki: their signing key: whoever has the same one is the same person.

    Raises:
        RuleError: the key is another person's, or an agency's.
    """
    if key.digest in keys_of_others(node, unit, spki=spki):
        raise RuleError(
            "that key belongs to somebody else already",
            hint="make keys of your own: custody --home NEW-FOLDER person enrol INVITATION",
        )


def outcome(node: Node, code: str) -> tuple[str, bytes | None]:
    """How far an enrolment is: (state, once approved the certificate that they have now). Whoever
    asks again, from a laptop of then, is told what became of them.

    Raises:
        DeniedError: no such invitation, it has expired, or they were suspended since.
    """
    with node.records.read() as unit:
        row = _invitation(node, unit, code)
        issued = unit.people.certificate(row.certificate) if row.certificate else None
        if issued is None:
            return row.state, None
        person = unit.people.get(certificates.parse(issued).subject)
        if person is None or not person.active:
            raise DeniedError(
                "you were approved by this invitation, and suspended since",
                hint="ask the administrator; once they let you back: custody person fetch",
            )
        return row.state, unit.people.certificate(person.certificate)


def require_room(unit: UnitOfWork) -> None:
    """Check that one more person can be kept.

    Raises:
        RuleError: beyond that, not everybody would be looked at who may have the same key or
            number.
    """
    _require_room(unit.tables.count("person"), "people and guests")


def _require_room(count: int, what: str) -> None:
    if count >= MAX_PEOPLE:
        raise RuleError(
            f"this version keeps {MAX_PEOPLE} {what}, and there are as many",
            hint="ask whoever maintains this software for you",
        )


def _latest(now: int) -> int:
    return now + LIFE + AHEAD


def is_open(row: EnrolmentRow, now: int) -> bool:
    """Whether an invitation can be used still. One that says to expire later than one that is made
    now was made while the clock was wrong, and has expired.
    """
    return now <= row.expires <= _latest(now)


def _invitation(node: Node, unit: UnitOfWork, code: str) -> EnrolmentRow:
    row = unit.people.enrolment(_hash(code))
    if row is None or not is_open(row, node.clock.now()):
        raise DeniedError(
            "no such invitation, or it has expired", hint="ask the administrator for a new one"
        )
    return row


def approve(node: Node, reference: str, *, approver: PersonId) -> PersonId:
    """Issue the certificate of somebody whose fingerprint was compared; returns who they are from
    now on.

    Raises:
        NotFoundError: nobody waits under that reference. RuleError: one's own request, or roles
            that the profile keeps apart.
            KeyringError: the CA is not at hand here. UsageError: it is not good now.
    """
    authority = require_issuing(node)
    with node.records.write() as unit:
        row = next(
            (
                one
                for one in unit.people.enrolments()
                if reference_of(one) == reference and one.state == "requested"
            ),
            None,
        )
        if row is None or not is_open(row, node.clock.now()):
            raise NotFoundError(
                "nobody waits for approval under that reference", hint="see: custody person list"
            )
        require_still(node, unit, approver, "administrator")
        require_room(unit)
        _require_nobodys(node, unit, enrolment.parse(row.request).spki)
        number, person = open_number(node, row.number, row.code), unit.people.get(approver)
        if person is not None and folded(number) == folded(
            open_number(node, person.number, approver.pseudonym.encode())
        ):
            raise RuleError("nobody approves their own enrolment", hint="ask another administrator")
        parsed = enrolment.parse(row.request)
        require_unshared(
            node, unit, parsed.hpke, spki=parsed.spki
        )  # again: two may have asked with one key
        made = PersonId(node.agency, new_pseudonym())
        roles = row.roles.split(",")
        custody_keys.require_one_side(node, unit, number, set(roles))  # others joined meanwhile
        now = node.clock.now()
        der = authority.issue(
            parsed.key,
            agency=made.agency,
            pseudonym=made.pseudonym,
            roles=roles,
            service=False,
            now=now,
        )
        certificate = certificates.parse(der)
        unit.people.put_certificate(certificate.digest, der)
        sealed = seal_number(node.keys.people, number, made.pseudonym.encode())
        unit.people.put(
            PersonRow(
                made,
                certificate.digest,
                encode_hpke(parsed.hpke),
                sealed,
                active=True,
                proof=row.request,
            )
        )
        require_apart(node, unit, made)
        unit.people.put_enrolment(replace(row, state="approved", certificate=certificate.digest))
    return made


def require_apart(node: Node, unit: UnitOfWork, person: PersonId) -> None:
    """Check that somebody who was just given roles does not join those that the profile keeps
    apart, under whichever enrolments of theirs.

    Raises:
        RuleError: they do.
    """
    if node.profile is not None and node.profile.administrator_apart:
        node.profile.require_apart(Persons(node, unit).roles(person))


def reference_of(row: EnrolmentRow) -> str:
    """By what commands take somebody who asks to join: the first half of the hash of the code."""
    return row.code.hex()[:16]


def require_authority(node: Node) -> Authority:
    """The CA, where it is at hand.

    Raises:
        KeyringError: it is not.
    """
    if node.keys.authority is None:
        raise KeyringError(
            "the CA key is not at hand on this node", hint="enrol people where the CA is"
        )
    return node.keys.authority


def require_issuing(node: Node) -> Authority:
    """The CA, where it is at hand and good by the node's clock: nothing that it issues at another
    time is.

    Raises:
        KeyringError: it is not at hand. UsageError: it is not good now.
    """
    authority, now = require_authority(node), node.clock.now()
    if not authority.begin <= now <= authority.end:
        raise UsageError(
            f"the agency's CA is good from {format_time(authority.begin)} until "
            f"{format_time(authority.end)}, and the node's clock says {format_time(now)}",
            hint="set the clock of the node, in UTC, then try again",
        )
    return authority


def key_of(node: Node, reference: str) -> tuple[PersonId, HpkeKey]:
    """Who is meant by a reference, and their HPKE key, for somebody who is active here. A bare
    pseudonym is one of ours, never a guest.

    Raises:
        UsageError: no reference. NotFoundError: nobody under that reference. DeniedError: a guest
            whose agency is suspended or retired.
    """
    person = read_reference(reference, home=node.agency)
    with node.records.read() as unit:
        agency_standing.require_active(unit, person.agency)
        row = unit.people.get(person)
    if row is None or not row.active:
        raise NotFoundError(
            f"nobody under that reference is active here: {person.shown_at(node.agency)}",
            hint="a guest is named with the agency: WHO@AGENCY",
        )
    return person, hpke_key(row)
