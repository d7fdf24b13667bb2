"""Sessions on the node: a challenge is answered with the person's key, a short-lived token follows."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Final

from ledger.domain import cose, login
from ledger.domain.errors import DeniedError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.names import log_urn
from ledger.domain.records import SessionRow
from ledger.services.access import Caller, hpke_key
from ledger.services.node import Node

CHALLENGE_LIFE: Final = 120  # seconds
SESSION_LIFE: Final = 900
_REFUSED: Final = "login refused"
_HINT: Final = "check that your certificate is valid and enrolled at this agency"


def challenge(node: Node) -> tuple[str, bytes, int]:
    """A new challenge: (server name, nonce, expiry)."""
    nonce, expires = secrets.token_bytes(32), node.clock.now() + CHALLENGE_LIFE
    with node.records.write() as unit:
        unit.put_challenge(nonce, expires)
    return log_urn(node.log_id), nonce, expires


def open_session(node: Node, answer: bytes) -> tuple[str, int]:
    """Check an answer; returns (token, expiry). The token's hash alone is stored.

    Raises:
        FormatError: not a login.
        DeniedError: anything wrong with it; the same message whatever it was.
    """
    parsed = login.parse(answer)
    certificate = certificates.parse(parsed.certificate)
    now = node.clock.now()
    cose.verify(parsed.message, certificate.key, step=3, what="login")
    with node.records.write() as unit:
        known = parsed.server == log_urn(node.log_id) and unit.take_challenge(parsed.nonce, now)
        person = unit.person(certificate.pseudonym)
        if not known or person is None or not person.active or person.certificate != certificate.digest:
            raise DeniedError(_REFUSED, hint=_HINT)
        crls = [row.der for row in unit.crls()[-1:]]
        certificates.verify_current(certificate, node.descriptor(unit).authorities, crls, now)
        token = secrets.token_urlsafe(32)
        expires = now + SESSION_LIFE
        unit.put_session(SessionRow(sha256(token.encode()).digest(), certificate.pseudonym, certificate.digest, expires))
    return token, expires


def caller_of(node: Node, token: str) -> Caller | None:
    """Whose token this is, or None. Looked up by its hash, so that timing tells nothing about stored tokens."""
    with node.records.read() as unit:
        row = unit.session(sha256(token.encode()).digest())
        if row is None or row.expires < node.clock.now():
            return None
        person, der = unit.person(row.pseudonym), unit.certificate(row.certificate)
        if person is None or not person.active or der is None:
            return None
    return Caller(row.pseudonym, certificates.parse(der).roles, row.certificate, hpke_key(person))
