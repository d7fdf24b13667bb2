"""Who belongs to an agency changes: new certificates and roles, guests, suspension."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ledger.domain.codecs.digests import same
from ledger.domain.errors import (
    ConflictError,
    DeniedError,
    KeyringError,
    NotFoundError,
    RuleError,
    UsageError,
    VerificationError,
)
from ledger.domain.event.normalization import number_form
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import enrolment
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.names import log_urn
from ledger.domain.identity.person import PersonId
from ledger.rows.people import EnrolmentRow, PersonRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import custody_keys
from ledger.services.access.service_numbers import NUMBER, Persons, open_number
from ledger.services.access.sessions import identity_token
from ledger.services.access.still_enrolled import require_still
from ledger.services.node.context import Node
from ledger.services.partners import directory
from ledger.services.people import let_in, owner, revocation
from ledger.services.people.admission import (
    require_apart,
    require_authority,
    require_issuing,
    require_room,
    require_unshared,
    roles_named,
)
from ledger.services.people.signing_keys import (
    certificate_of,
    keys_of_others,
    own_people_with,
    signing_key,
)
from ledger.services.records.documents import encode_hpke, hpke_key


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of somebody: from when their certificate counts no more, in seconds; for one that
    was renewed, here.

    ``keeps_custody``: they are no custodian any more, and keep the custody key that they have.
    ``custody``: see `custodykeys.standing`. ``others``: further enrolments of a suspended person,
    under the same service number, that are active. ``let_in``: see `let_in.certified_since`.
    """

    revoked: int
    keeps_custody: bool = False
    custody: str = ""
    others: tuple[PersonId, ...] = ()
    let_in: tuple[PersonId, ...] = ()


def renew(node: Node, who: PersonId, *, roles: list[str] | None, by: PersonId | None) -> Changed:
    """Issue somebody a new certificate for the key that they have, with other roles where some are
    given.

    From now on only the new one counts here; what they signed under the old one goes on verifying.
    The old one is revoked only where it has a role that the new one lacks (`revocation`).

    Args:
        by: an administrator; None for the node's owner at the home itself, who is needed where no
            administrator can log in any more, makes people administrators again, suspended ones
            too, and changes no other roles.

    Raises:
        NotFoundError: no such person. RuleError: one's own roles, so that an administrator is left.
            UsageError: roles that nobody can have. NetworkError, ChainError: they have the new
            certificate, and the old one is not revoked for good yet: see `revocation.settle`.
    """
    authority = require_issuing(node)
    if roles is not None:
        roles = roles_named(node, roles)
    with node.records.write() as unit:
        if roles is not None and by is not None and _is_one_person(node, unit, who, by):
            raise RuleError("nobody changes their own roles", hint="ask another administrator")
        require_still(node, unit, by, "administrator")
        person = _own(node, unit, who)
        if not person.active and by is not None:
            raise NotFoundError("that person is suspended", hint="see: custody person list")
        old = certificate_of(unit, person)
        kept = sorted(old.roles) if roles is None else roles
        if by is None:
            owner.require_allowed(person, old.roles, set(kept))
            require_unshared(node, unit, hpke_key(person), spki=signing_key(unit, person))
        if roles is not None or not person.active:
            number = open_number(node, person.number, who.pseudonym.encode())
            custody_keys.require_one_side(node, unit, number, set(kept), but=who)
        now = node.clock.now()
        der = authority.issue(
            old.key, agency=node.agency, pseudonym=who.pseudonym, roles=kept, service=False, now=now
        )
        fresh = certificates.parse(der)
        unit.people.put_certificate(fresh.digest, der)
        unit.people.put(replace(person, certificate=fresh.digest, active=True))
        if roles is not None or not person.active:
            require_apart(node, unit, who)
        unit.sessions.drop_all_of(who)
        if "administrator" in old.roles - fresh.roles:
            _drop_invitations_by(unit, who)
        lost = "custodian" in old.roles and "custodian" not in fresh.roles
        if lost:
            unit.people.drop_custody_key(who)
        unsigned = revocation.shut_out(node, unit, who)
        changed = Changed(
            now,
            lost and custody_keys.holds(node, unit, person),
            custody_keys.standing(node, unit, person, fresh),
        )
    if unsigned is not None:
        raise unsigned
    revocation.settle(node)
    return changed


def certificate_for(node: Node, data: bytes) -> bytes:
    """The certificate that somebody has now, for whoever proves that they hold its key; nobody
    needs a session for that.

    Raises:
        FormatError, VerificationError: no proof, or for another node. DeniedError: the key belongs
            to nobody who is active here.
    """
    parsed = enrolment.parse(data)
    if parsed.server != log_urn(node.log_id):
        raise VerificationError(3, "the proof is made for another node")
    with node.records.read() as unit:
        active = [row for row in own_people_with(node, unit, parsed.spki) if row.active]
        ders = [unit.people.certificate(row.certificate) for row in active]
    if len(active) > 1:
        raise ConflictError(
            "two people here have that key", hint="ask an administrator to suspend one of them"
        )
    for row, der in zip(active, ders, strict=True):
        if der is None:
            continue
        if not row.proof and same(row.hpke, encode_hpke(parsed.hpke)):
            _keep_proof(node, row.person, data)
        return der
    raise DeniedError(
        "that key belongs to nobody who is active here",
        hint=(
            "if you asked to join, an administrator has to approve you first; then: custody person "
            "enrol INVITATION; else ask the administrator"
        ),
    )


def _keep_proof(node: Node, who: PersonId, data: bytes) -> None:
    with node.records.write() as unit:
        row = unit.people.get(who)
        if row is not None and not row.proof:
            unit.people.put(replace(row, proof=data))


def admit(node: Node, der: bytes, request: bytes, *, by: PersonId | None = None) -> PersonId:
    """Let somebody of another agency in as a guest: they work here on items that are given to them;
    who they are.

    A guest may come again with a newer certificate for the same keys. Other keys take the place of
    nobody's: the guest who has the name is suspended first, so that an administrator has looked.

    Raises:
        VerificationError: the card is not theirs, for another node, or their agency did not certify
            them.
        RuleError: one of our own; or the key that things are to be sealed to is somebody else's.
        ConflictError: their agency certified other keys under the name of a guest who is here.
    """
    certificate, parsed = certificates.parse(der), enrolment.parse(request)
    if certificate.agency == node.agency or certificate.kind != "person":
        raise RuleError(
            "a guest is a person of another agency",
            hint="invite people of your own: `custody person invite`",
        )
    if parsed.server != log_urn(node.log_id) or not same(
        enrolment.encode_key(certificate.key), parsed.spki
    ):
        raise VerificationError(
            3,
            "the card was made for another node, or with another key",
            hint="they make it anew: `custody person card --for URL -o FILE`",
        )
    directory.refresh(node, certificate.agency)
    with node.records.write() as unit:
        require_still(node, unit, by, "administrator")
        directory.CertificateVerifier(node, unit).verify_current(certificate)
        _require_same_keys(unit, certificate, parsed)
        require_unshared(node, unit, parsed.hpke, spki=parsed.spki)
        if unit.people.get(certificate.subject) is None:
            require_room(unit)
        _drop_what_was_sealed(node, unit, certificate.subject, parsed)
        unit.people.put_certificate(certificate.digest, der)
        unit.sessions.drop_all_of(certificate.subject)
        hpke = encode_hpke(parsed.hpke)
        unit.people.put(
            PersonRow(
                certificate.subject, certificate.digest, hpke, b"", active=True, proof=request
            )
        )
    return certificate.subject


def _require_same_keys(
    unit: UnitOfWork, certificate: Certificate, asked: enrolment.Request
) -> None:
    known = unit.people.get(certificate.subject)
    if known is None or not known.active:
        return
    if not same(signing_key(unit, known), asked.spki) or not same(
        known.hpke, encode_hpke(asked.hpke)
    ):
        raise ConflictError(
            f"{certificate.subject} is a guest here with other keys",
            hint=(
                "if their agency says that they have new keys: custody person suspend "
                f"{certificate.subject}, then admit the card again"
            ),
        )


def _drop_what_was_sealed(
    node: Node, unit: UnitOfWork, who: PersonId, asked: enrolment.Request
) -> None:
    """What was sealed to keys that a guest no longer has is of use to whoever has them now, and to
    nobody else.
    """
    known = unit.people.get(who)
    if known is None or hpke_key(known) == asked.hpke:
        return
    old = hpke_key(known).digest
    if old not in keys_of_others(node, unit, spki=signing_key(unit, known)):
        unit.grants.drop_all_to(old)


def link(node: Node, who: PersonId, subject: str, *, by: PersonId | None = None) -> None:
    """Say which account at the agency's identity provider is somebody's.

    Sessions that began with another account end: whoever has that one may be why it is replaced.

    Raises:
        UsageError: the agency has no provider, or the account is empty. NotFoundError: no such
            person who is active. ConflictError: somebody else's.
    """
    if node.identity is None:
        raise UsageError(
            "this agency has no identity provider",
            hint="custody oidc set --issuer URL --client-id ID --account SUB",
        )
    if not subject.strip() or len(subject) > 255:  # OpenID Connect Core, section 2
        raise UsageError(
            "an account has 1 to 255 characters",
            hint="it is the `sub` that the provider knows the person by",
        )
    token = identity_token(node, node.identity.issuer, subject)
    with node.records.write() as unit:
        require_still(node, unit, by, "administrator")
        if not _own(node, unit, who).active:
            raise NotFoundError("that person is suspended", hint="see: custody person list")
        linked = unit.people.identity(token)
        other = unit.people.get(linked) if linked not in (None, who) else None
        if other is not None and other.active:
            raise ConflictError(
                "that account is linked to somebody else", hint="see: custody person list"
            )
        if linked != who:
            unit.sessions.drop_all_of(who)
        unit.people.put_identity(token, who)


def suspend(node: Node, who: PersonId, *, by: PersonId, since: int | None = None) -> Changed:
    """Suspend a person: from now on they can do nothing here, and every verifier learns it.

    They are shut out first; what they signed until then is anchored before the revocation gets its
    date, so that it still verifies (`revocation`). With ``since`` it is not spared: for stolen
    keys. May be repeated, and goes on by itself after a crash.

    Raises:
        NotFoundError: no such person. RuleError: oneself, so that an administrator is left.
            UsageError: ``since`` lies ahead.
        NetworkError, ChainError: suspended here, but not revoked yet: the chain cannot be reached.
            KeyringError: no CA here. AlteredError: suspended here, and the database was altered:
            their certificate is gone, or the newest list is another than the log announced.
    """
    guest = who.agency != node.agency
    if not guest:
        require_authority(node)
    if since is not None and since > node.clock.now():
        raise UsageError("a revocation cannot lie ahead")
    if since is not None and guest:
        raise UsageError(
            "the certificate of a guest is revoked by their own agency",
            hint="suspend them here without --since, and tell their agency since when",
        )
    with node.records.write() as unit:
        person = unit.people.get(who)
        if person is None:
            raise NotFoundError("no such person", hint="see: custody person list")
        if who == by or _behind(node, unit, who) == (_behind(node, unit, by) or by):
            raise RuleError("nobody suspends themselves", hint="ask another administrator")
        require_still(node, unit, by, "administrator")
        unit.people.put(replace(person, active=False))
        _shut_ways_in(node, unit, who)
        others = _other_enrolments(node, unit, who)
        if guest:  # whether their certificate is revoked is their own agency's affair
            return Changed(node.clock.now())
        keeps = custody_keys.holds(node, unit, person)
        unsigned = None
        if since is None:
            unsigned = revocation.shut_out(node, unit, who)
        else:
            revocation.revoke_all(node, unit, who, since)
    if unsigned is not None:
        raise unsigned
    if since is None:
        revocation.settle(node)
    with node.records.read() as unit:
        date = revocation.date_of(unit, person)
        found = let_in.certified_since(node, unit, person, since) if since is not None else ()
    return Changed(date, keeps, others=others, let_in=found)


def _other_enrolments(node: Node, unit: UnitOfWork, who: PersonId) -> tuple[PersonId, ...]:
    """Told, and not suspended as well: the newer enrolment may be why the older one goes."""
    behind, found = _behind(node, unit, who), list[PersonId]()
    for row in unit.people.all() if behind is not None else ():
        if row.active and row.person != who and _behind(node, unit, row.person) == behind:
            found.append(row.person)
    return tuple(found)


def _drop_invitations_by(unit: UnitOfWork, who: PersonId) -> None:
    """Whoever may invite nobody any more lets nobody in by what they began either."""
    for row in unit.people.enrolments():
        if row.inviter == who:
            unit.people.drop_enrolment(row.code)


def _shut_ways_in(node: Node, unit: UnitOfWork, who: PersonId) -> None:
    """End whatever lets a suspended person in, or would once somebody approved it: sessions, the
    linked account, a custody key that waits, and invitations under way, to them or by them.

    Whoever is to come back is invited after the suspension, by somebody who knows of it.
    """
    unit.sessions.drop_all_of(who)
    unit.people.drop_custody_key(who)
    unit.people.drop_identity(who)
    behind = _behind(node, unit, who)
    for row in unit.people.enrolments():
        theirs = row.inviter == who or behind is None or _invited(node, row) in (behind, None)
        if theirs:
            unit.people.drop_enrolment(row.code)


def _behind(node: Node, unit: UnitOfWork, who: PersonId) -> PersonId | None:
    """Who stands behind a pseudonym; None where their number was altered. Nobody is kept from
    being suspended by that, least of all whoever altered it.
    """
    try:
        return Persons(node, unit).behind(who)
    except KeyringError:
        return None


def _invited(node: Node, row: EnrolmentRow) -> PersonId | None:
    """The person behind an invitation; None where its number was altered, so that nobody can say
    whose it is.
    """
    try:
        return PersonId(node.agency, NUMBER + number_form(open_number(node, row.number, row.code)))
    except KeyringError:
        return None


def _is_one_person(node: Node, unit: UnitOfWork, who: PersonId, by: PersonId) -> bool:
    """Whether two enrolments are one person: under one service number they are."""
    persons = Persons(node, unit)
    return persons.behind(who) == persons.behind(by)


def _own(node: Node, unit: UnitOfWork, who: PersonId) -> PersonRow:
    person = unit.people.get(who)
    if who.agency != node.agency:
        raise NotFoundError(
            f"{who} is a person of another agency", hint="their own agency does that: ask it"
        )
    if person is None:
        raise NotFoundError("no such person of this agency", hint="see: custody person list")
    return person
