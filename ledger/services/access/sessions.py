"""Sessions on the node: a challenge is answered with the person's key, a short-lived token
follows.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ledger.domain.codecs import cose
from ledger.domain.codecs.text import b64url
from ledger.domain.errors import CustodyError, DeniedError, NotFoundError
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import login
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.names import log_urn
from ledger.domain.identity.person import PersonId
from ledger.domain.identity.roles import counting_roles
from ledger.domain.ports.node_and_chain import IdentityProvider
from ledger.rows.people import SessionRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node
from ledger.services.partners import directory
from ledger.services.records import record_keys
from ledger.services.records.documents import hpke_key

CHALLENGE_LIFE: Final = 120  # seconds
PERSON_LIFE: Final = 600  # where somebody has to log in with a browser first
SESSION_LIFE: Final = 900
_PATIENCE: Final = 10.0  # seconds for the identity provider's keys
_ID: Final = 32  # hex digits by which a session is named; nobody can log in with them
_REFUSED: Final = "login refused"
_HINT: Final = (
    "if an administrator gave you a new certificate, fetch it: custody person fetch; else check "
    "that yours is valid and enrolled at this agency, or, for a node, that its agency was added "
    "there"
)


def latest_end(now: int) -> int:
    """When a session ends that began just now, by a clock that was a little ahead. One that says to
    end later began while the clock was wrong, or was altered, and has ended.
    """
    return now + SESSION_LIFE + AHEAD


def latest_challenge(now: int) -> int:
    """When a challenge expires that was made just now; see latest_end."""
    return now + PERSON_LIFE + AHEAD


def nonce_for(challenge: bytes) -> str:
    """What an ID token must carry to be good for the login with a challenge."""
    return b64url(sha256(b"custody-oidc-v1" + challenge).digest())


def challenge(node: Node) -> tuple[str, bytes, int]:
    """A new challenge: (server name, nonce, expiry)."""
    life = CHALLENGE_LIFE if node.identity is None else PERSON_LIFE
    now = node.clock.now()
    nonce, expires = secrets.token_bytes(32), now + life
    with node.records.write() as unit:
        # Anybody may ask for one, and need not answer it: the table holds those of two minutes.
        unit.sessions.drop_challenges(now, latest_challenge(now))
        unit.sessions.put_challenge(nonce, expires)
    return log_urn(node.log_id), nonce, expires


def open_session(node: Node, answer: bytes, id_token: str = "") -> tuple[str, int]:
    """Check an answer; returns (token, expiry). The token's hash alone is stored.

    Args:
        id_token: of the agency's identity provider, where it has one; people of the agency need
            both it and their key.

    Raises:
        FormatError: not a login.
        DeniedError: anything wrong with it; the same message whatever it was, but for somebody who
            was suspended.
    """
    parsed = login.parse(answer)
    certificate = certificates.parse(parsed.certificate)
    now = node.clock.now()
    cose.verify(parsed.message, certificate.key, step=3, what="login")
    with node.records.read() as unit:
        # By what is known here: nobody else is asked anything for somebody who has proven nothing.
        if parsed.server != log_urn(node.log_id) or not unit.sessions.has_challenge(
            parsed.nonce, now, latest_challenge(now)
        ):
            raise DeniedError(_REFUSED, hint=_HINT)
        _require_known(node, unit, certificate)
    account: bytes | None = None
    if certificate.agency != node.agency:
        directory.refresh(node, certificate.agency)
    elif node.identity is not None:
        account = _account(node, node.identity, parsed.nonce, id_token)
    with node.records.write() as unit:
        if account is not None and unit.people.identity(account) != certificate.subject:
            raise DeniedError(
                _REFUSED, hint="ask the administrator to link your account: `custody person link`"
            )
        if not unit.sessions.take_challenge(parsed.nonce, now, latest_challenge(now)):
            raise DeniedError(_REFUSED, hint=_HINT)
        _require_known(node, unit, certificate)
        token = secrets.token_urlsafe(32)
        expires = now + SESSION_LIFE
        unit.people.put_certificate(certificate.digest, certificate.der)
        person = certificate.subject if certificate.kind == "person" else None
        unit.sessions.put(
            SessionRow(sha256(token.encode()).digest(), person, certificate.digest, expires)
        )
    return token, expires


def _account(node: Node, provider: IdentityProvider, nonce: bytes, id_token: str) -> bytes:
    """Whom the agency's identity provider let in just now, as links name them.

    Raises:
        DeniedError: nobody. NetworkError: the provider cannot be asked.
    """
    if not id_token:
        raise DeniedError(
            _REFUSED, hint="your agency asks for a login at its identity provider: custody login"
        )
    # The provider's keys may have to be fetched anew.
    subject = node.identities.run(
        provider.issuer,
        lambda: provider.subject(id_token, nonce_for(nonce), node.clock.now()),
        seconds=_PATIENCE,
    )
    return identity_token(node, provider.issuer, subject)


def identity_token(node: Node, issuer: str, subject: str) -> bytes:
    """Under what an account at an identity provider is kept: whoever has the database alone cannot
    tell whose it is.
    """
    return record_keys.index_token(node, "oidc", issuer, subject)


def _require_known(node: Node, unit: UnitOfWork, certificate: Certificate) -> None:
    """Check that somebody is enrolled, and certified and not revoked by what their agency has
    published as far as it is known here.

    Raises:
        DeniedError, VerificationError: otherwise.
    """
    if not is_enrolled(node, unit, certificate):
        person = unit.people.get(certificate.subject) if certificate.kind == "person" else None
        # Told to whoever has the key of the very certificate that was suspended, and nobody else.
        if person is not None and person.certificate == certificate.digest:
            raise DeniedError(
                f"{_REFUSED}: an administrator suspended you",
                hint="ask an administrator of your agency who can lift it; what you recorded stays",
            )
        raise DeniedError(_REFUSED, hint=_HINT)
    directory.CertificateVerifier(node, unit).verify_current(certificate)


def is_from_known_agency(node: Node, answer: bytes) -> bool:
    """Whether who answers a challenge says to come from an agency that is known here. Others cannot
    come in, however often they try.
    """
    agency = certificates.parse(login.parse(answer).certificate).agency
    with node.records.read() as unit:
        return agency == node.agency or unit.partners.get(agency) is not None


def is_enrolled(node: Node, unit: UnitOfWork, certificate: Certificate) -> bool:
    """Whether a person or guest is enrolled here, or a service is another agency's node."""
    if certificate.kind == "service":
        return (
            certificate.agency != node.agency and unit.partners.get(certificate.agency) is not None
        )
    person = unit.people.get(certificate.subject)
    return person is not None and person.active and person.certificate == certificate.digest


def caller_of(node: Node, token: str) -> Caller | None:
    """Whose token this is, or None. Looked up by its hash, so that timing tells nothing about
    stored tokens.
    """
    with node.records.read() as unit:
        row = unit.sessions.get(sha256(token.encode()).digest())
        now = node.clock.now()
        if row is None or not now <= row.expires <= latest_end(now):
            return None
        der = unit.people.certificate(row.certificate)
        if der is None:
            return None
        certificate = certificates.parse(der)
        if not is_enrolled(node, unit, certificate) or (
            certificate.agency != node.agency and _is_revoked(node, unit, certificate)
        ):
            return None
        if certificate.kind == "service":
            key = directory.descriptor(node, unit, certificate.agency).node
            return Caller(
                certificate.subject, certificate.roles, row.certificate, key, certificate.key
            )
        person = unit.people.get(certificate.subject)
        assert person is not None
    roles = counting_roles(certificate.roles, guest=certificate.agency != node.agency)
    return Caller(certificate.subject, roles, row.certificate, hpke_key(person), certificate.key)


def _is_revoked(node: Node, unit: UnitOfWork, certificate: Certificate) -> bool:
    """Whether another agency has taken a certificate back, by what is known here: whoever is ours
    is suspended here.
    """
    try:
        directory.CertificateVerifier(node, unit).verify_current(certificate)
    except CustodyError:
        return True
    return False


@dataclass(frozen=True, slots=True)
class Listed:
    """A session that goes on: the first half of its token's hash, whose, since when, until when.

    ``agency``: of the person; ``person``: None where the session is that of this agency's node.
    """

    id: str
    agency: str
    person: PersonId | None
    since: int
    until: int


def listed(node: Node, person: PersonId | None) -> list[Listed]:
    """Sessions that go on, of one person or of all."""
    with node.records.read() as unit:
        now = node.clock.now()
        rows = unit.sessions.listed(person, now, latest_end(now))
        ders = {row.certificate: unit.people.certificate(row.certificate) for row in rows}
    agencies = {
        digest: certificates.parse(der).agency if der is not None else ""
        for digest, der in ders.items()
    }
    return [
        Listed(
            row.token.hex()[:_ID],
            agencies[row.certificate],
            row.person,
            row.expires - SESSION_LIFE,
            row.expires,
        )
        for row in rows
    ]


def end(node: Node, session: str, *, person: PersonId | None) -> None:
    """End a session, of one person or of anybody.

    Raises:
        NotFoundError: no such session that may be ended.
    """
    with node.records.write() as unit:
        now = node.clock.now()
        rows = [
            row
            for row in unit.sessions.listed(person, now, latest_end(now))
            if row.token.hex()[:_ID] == session
        ]
        if not rows:
            raise NotFoundError("no such session", hint="see: custody session list")
        unit.sessions.drop(rows[0].token)
