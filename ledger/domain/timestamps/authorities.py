"""Authorities that a trust root believes about time: whose a token is, and what became of the
certificate that signed it.

- a token is judged at the time that it says: that a certificate ended later does not matter
- its certificate is for time stamps alone (RFC 3161, section 2.3), and leads to a root of the
  trust root
- a list of revoked certificates that was made at that time or up to a week later shows that the
  certificate was good then; without one the authority's revocation is not checked
- a certificate revoked for what needs no thief (RFC 3161, section 4: superseded, no longer in use)
  is good for tokens before that; revoked for anything else it is good for none
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from ledger.domain.codecs.text import (
    b64url,
    format_time,
    from_b64url,
    parse_time,
    quoted,
    require,
    told_time,
)
from ledger.domain.errors import FormatError, VerificationError
from ledger.domain.identity.certificate import MALFORMED, load, seconds
from ledger.domain.identity.revocation_list import is_whole, load_crl
from ledger.domain.timestamps.tokens import Token

#: Bytes of a revocation list; authorities of many certificates divide theirs.
LIST_LIMIT: Final = 1 << 20
#: How long after a token a revocation list still shows what was true when it was signed.
WINDOW: Final = 7 * 86400
MOST: Final = 64  # authorities of a trust root
_ROOTS: Final = 8
_ADDRESSES: Final = 4  # of a revocation list, as one certificate names them
_STEP: Final = 10
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")
_OID: Final = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]{0,9})){1,30}")
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_HARMLESS: Final = {
    x509.ReasonFlags.unspecified,
    x509.ReasonFlags.affiliation_changed,
    x509.ReasonFlags.superseded,
    x509.ReasonFlags.cessation_of_operation,
}


@dataclass(frozen=True, slots=True)
class TimeAuthority:
    """An authority that says what time it is (RFC 3161).

    Attributes:
        roots: certificates (DER) that its own lead to.
        policies: dotted object identifiers of the policies whose tokens count.
        distrusted_from: seconds since 1970; a token counts from then on only where another
            authority stamped the token itself before. None where it is trusted.
    """

    name: str
    roots: tuple[bytes, ...]
    policies: tuple[str, ...]
    distrusted_from: int | None = None


def encode(authority: TimeAuthority) -> dict[str, Any]:
    """An authority as a trust root names it."""
    until = authority.distrusted_from
    return {
        "name": authority.name,
        "roots": [b64url(root) for root in authority.roots],
        "policies": list(authority.policies),
        "distrustedFrom": None if until is None else format_time(until),
    }


def parse(value: object, what: str) -> tuple[TimeAuthority, ...]:
    """The authorities of a trust root, in its order.

    Raises:
        FormatError: they are malformed, or a name stands twice.
    """
    if not isinstance(value, list) or len(value) > MOST:
        raise FormatError(f"{what}: expected a list of at most {MOST}")
    found = tuple(_parse_one(member, what) for member in value)
    names = [authority.name for authority in found]
    require(len(set(names)) == len(names), f"{what}: an authority stands twice")
    return found


def _parse_one(value: object, what: str) -> TimeAuthority:
    members = {"name", "roots", "policies", "distrustedFrom"}
    if not isinstance(value, dict) or set(value) != members:
        raise FormatError(f"{what}: expected {', '.join(sorted(members))}")
    roots, policies, until = value["roots"], value["policies"], value["distrustedFrom"]
    if not isinstance(roots, list) or not 0 < len(roots) <= _ROOTS:
        raise FormatError(f"{what}: expected 1 to {_ROOTS} roots")
    if not isinstance(policies, list) or not 0 < len(policies) <= MOST:
        raise FormatError(f"{what}: expected 1 to {MOST} policies")
    authority = TimeAuthority(
        check_name(value["name"], what),
        tuple(check_root(from_b64url(root, what=what)) for root in roots),
        tuple(check_policy(policy, what) for policy in policies),
        None if until is None else parse_time(until, what=what),
    )
    unique = len(set(authority.roots)) == len(roots) and len(set(policies)) == len(policies)
    require(unique, f"{what}: a root or policy stands twice")
    return authority


def check_name(name: object, what: str) -> str:
    """The name of an authority: it stands in reports.

    Raises:
        FormatError: it could say something else there.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise FormatError(
            f"{what}: a name has 1 to 64 letters, digits, blanks, dots, hyphens or underscores, "
            f"found {quoted(name)}"
        )
    return name


def check_policy(policy: object, what: str) -> str:
    """The identifier of a policy.

    Raises:
        FormatError: no dotted object identifier.
    """
    if not isinstance(policy, str) or not _OID.fullmatch(policy):
        raise FormatError(f"{what}: expected a policy like 1.2.3.4.1, found {quoted(policy)}")
    return policy


def check_root(der: bytes) -> bytes:
    """A certificate that may stand as an authority's root.

    Raises:
        FormatError: none in DER, or it may not issue certificates.
    """
    what = "root of a time authority"
    try:
        held = load(der, what=what).extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound as error:
        raise FormatError(f"{what}: it may not issue certificates") from error
    require(held.value.ca, f"{what}: it may not issue certificates")
    return der


def read_certificates(data: bytes) -> tuple[bytes, ...]:
    """Certificates of a file: one in DER, or any number in PEM.

    Raises:
        FormatError: there is none in it.
    """
    if b"-----BEGIN" not in data:
        require(data[:1] == b"\x30", "certificates: this file is neither PEM nor DER")
        return (check_root(data),)
    found = _PEM.findall(data)
    try:
        decoded = [binascii.a2b_base64(b"".join(body.split())) for body in found]
    except binascii.Error as error:
        raise FormatError("certificates: not PEM") from error
    require(bool(decoded), "certificates: there is none in this file")
    return tuple(check_root(der) for der in decoded)


def find(token: Token, known: Sequence[TimeAuthority]) -> tuple[TimeAuthority, tuple[bytes, ...]]:
    """Whose a token is.

    Returns:
        the authority, and certificates from the signer's to a root of it.

    Raises:
        VerificationError: step 10, nobody's that is known, or not by a policy that counts.
    """
    leads = [(authority, way) for authority in known if (way := path(token, authority.roots))]
    if not leads:
        raise VerificationError(
            _STEP,
            f"its certificate leads to no time authority of the trust root, good at "
            f"{told_time(token.time)}",
        )
    for authority, way in leads:
        if token.policy in authority.policies:
            return authority, way
    raise VerificationError(
        _STEP,
        f"it was made under policy {token.policy}, which does not count of {leads[0][0].name}",
    )


@lru_cache(maxsize=256)
def path(token: Token, roots: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Certificates from a token's signer to one of ``roots``, all good at the time that it says;
    empty where there is no such way.
    """
    try:
        moment = datetime.fromtimestamp(token.time, UTC).replace(tzinfo=None)
        verifier = (
            verification.PolicyBuilder()
            .store(verification.Store([load(root) for root in roots]))
            .time(moment)
            .extension_policies(ca_policy=_CA, ee_policy=_SIGNER)
            .build_client_verifier()
        )
        found = verifier.verify(load(token.signer), [load(der) for der in token.others])
    except (verification.VerificationError, *MALFORMED):
        return ()
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in found.chain)


def _for_time_alone(
    _policy: verification.Policy, _of: x509.Certificate, usage: x509.ExtendedKeyUsage
) -> None:
    if list(usage) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise ValueError("not for time stamps alone")


def _may_lead_there(
    _policy: verification.Policy, _of: x509.Certificate, usage: x509.ExtendedKeyUsage | None
) -> None:
    wanted = {ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if usage is not None and not wanted & set(usage):
        raise ValueError("issues certificates for something else")


def _may_issue(
    _policy: verification.Policy, _of: x509.Certificate, usage: x509.KeyUsage | None
) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("may not issue certificates")


def _policies() -> tuple[verification.ExtensionPolicy, verification.ExtensionPolicy]:
    """What the path demands of whoever issues, and of the signer."""
    either, all_ = verification.Criticality.AGNOSTIC, verification.ExtensionPolicy.permit_all()
    issuer = (
        all_.require_present(x509.BasicConstraints, either, None)
        .may_be_present(x509.ExtendedKeyUsage, either, _may_lead_there)
        .may_be_present(x509.KeyUsage, either, _may_issue)
    )
    critical = verification.Criticality.CRITICAL
    return issuer, all_.require_present(x509.ExtendedKeyUsage, critical, _for_time_alone)


_CA, _SIGNER = _policies()


def is_revocation_checked(token: Token, way: Sequence[bytes], lists: Iterable[bytes]) -> bool:
    """Whether lists made in the week behind a token show that no certificate on its way to a root
    was revoked.

    Raises:
        VerificationError: step 10, one was, so that the token counts for nothing.
    """
    usable = [(crl, load_crl(crl)) for crl in lists]
    checked = True
    for der, issuer in pairwise(way):
        recent = False
        for crl, parsed in usable:
            if not is_list_of(crl, issuer):
                continue
            _refuse_revoked(token, load(der), parsed)
            recent = recent or is_in_window(token.time, crl)
        checked = checked and recent
    return checked


def list_addresses(der: bytes) -> tuple[str, ...]:
    """Where the list of revoked certificates that speaks of this one is to be had by HTTP: the
    first few addresses, since each may take its time to answer.
    """
    try:
        points = load(der).extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return ()
    uris = [
        name.value
        for point in points
        for name in point.full_name or ()
        if isinstance(name, x509.UniformResourceIdentifier)
    ]
    return tuple(uri for uri in uris if uri.startswith(("http://", "https://")))[:_ADDRESSES]


def issuer_of(der: bytes) -> bytes:
    """Who issued a certificate: a name, as it is encoded."""
    return load(der).issuer.public_bytes()


def list_issuer(crl: bytes) -> bytes:
    """Whose a list of revoked certificates says that it is."""
    return load_crl(crl).issuer.public_bytes()


def is_in_window(time: int, crl: bytes) -> bool:
    """Whether a list was made at a time or in the week behind it."""
    return time <= seconds(load_crl(crl).last_update_utc) <= time + WINDOW


@lru_cache(maxsize=64)
def is_list_of(crl: bytes, issuer: bytes) -> bool:
    """Whether a list is whole, and a certificate's own."""
    parsed, certificate = load_crl(crl), load(issuer)
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        may_sign = usage.crl_sign
    except x509.ExtensionNotFound:
        may_sign = True
    if not (is_whole(crl) and may_sign and parsed.issuer == certificate.subject):
        return False
    try:
        return parsed.is_signature_valid(certificate.public_key())  # type: ignore[arg-type]
    except MALFORMED:
        return False


def _refuse_revoked(
    token: Token, certificate: x509.Certificate, crl: x509.CertificateRevocationList
) -> None:
    entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    if entry is None:
        return
    revoked = seconds(entry.revocation_date_utc)
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        reason = x509.ReasonFlags.key_compromise  # RFC 3161, section 4: as if it had been stolen
    if reason not in _HARMLESS or revoked <= token.latest:
        raise VerificationError(
            _STEP, f"the authority's certificate was revoked at {format_time(revoked)}"
        )
