"""Certificates of people and services, and revocation lists (RFC 5280), in the narrow profile of
DESIGN section 5.

- issued directly by an agency CA that the descriptor names: there are no intermediates
- subject: one common name, a random pseudonym; SAN: URIs only, one identity and one per role
- revoked means revocationDate <= proven time; entries are never dropped, nextUpdate is ignored
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from ledger.domain.codecs.cose import PublicKey, algorithm_of
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import FormatError, VerificationError
from ledger.domain.identity import names
from ledger.domain.identity.person import PersonId

_STEP: Final = 3
#: Whom a certificate names: somebody of the agency, or its node.
CertificateKind = Literal["person", "service"]
MALFORMED: Final = (
    Warning,
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_MAX_DER: Final = 8192
#: What this program reads of a certificate. Anything else that is marked critical limits what the
#: certificate may be used for in a way that it cannot judge (RFC 5280, section 4.2).
_READ: Final = (x509.BasicConstraints, x509.KeyUsage, x509.SubjectAlternativeName)
#: Certificates whose parsed form and signature check are kept: pure functions of their bytes.
_CACHED: Final = 1024


@dataclass(frozen=True, slots=True)
class Certificate:
    """A parsed certificate of a person or a service.

    Times are seconds since 1970; ``digest`` is SHA-256 of the DER.
    """

    der: bytes
    digest: bytes
    agency: str
    pseudonym: str
    kind: CertificateKind
    roles: frozenset[str]
    not_before: int
    not_after: int
    key: PublicKey

    @property
    def subject(self) -> PersonId:
        """Whom it names: a pseudonym alone names nobody, as every agency chooses its own."""
        return PersonId(self.agency, self.pseudonym)


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


@lru_cache(maxsize=_CACHED)
def load(der: bytes, *, what: str = "certificate") -> x509.Certificate:
    """Parse DER, refusing any other encoding of the same certificate.

    Returns:
        the certificate as the library reads it.

    Raises:
        FormatError: not a certificate, or not DER.
    """
    if len(der) > _MAX_DER:
        raise FormatError(f"{what}: {len(der)} bytes, at most {_MAX_DER} allowed")
    try:
        certificate = x509.load_der_x509_certificate(der)
        if certificate.public_bytes(serialization.Encoding.DER) != der:
            raise FormatError(f"{what}: not in DER")
        # The library reads these when they are asked for: what is wrong with them must come out
        # here.
        _ = (
            certificate.extensions,
            list(certificate.subject),
            list(certificate.issuer),
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
        )
        certificate.public_key()
        if certificate.serial_number <= 0:
            raise FormatError(
                f"{what}: the serial number is not positive (RFC 5280 section 4.1.2.2)"
            )
    except MALFORMED as error:
        raise FormatError(f"{what}: not an X.509 certificate") from error
    return certificate


@lru_cache(maxsize=_CACHED)
def parse(der: bytes) -> Certificate:
    """Parse the certificate of a person or a service.

    Returns:
        whom it names, their roles and their key.

    Raises:
        FormatError: it does not follow the profile.
    """
    certificate = load(der)
    try:
        subject = list(certificate.subject)
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        key = certificate.public_key()
    except (x509.ExtensionNotFound, ValueError, UnsupportedAlgorithm) as error:
        raise FormatError("certificate: an extension of the profile is missing") from error
    _require_read(certificate, "certificate")
    uris = [name.value for name in san if isinstance(name, x509.UniformResourceIdentifier)]
    if len(uris) != len(list(san)) or len(set(uris)) != len(uris):
        raise FormatError("certificate: subject alternative names must be distinct URIs")
    if len(subject) != 1 or subject[0].oid != NameOID.COMMON_NAME:
        raise FormatError("certificate: the subject must be one common name")
    if constraints.ca or not usage.digital_signature or usage.key_cert_sign:
        raise FormatError("certificate: must be for digital signatures and no CA")
    pseudonym = names.check_pseudonym(subject[0].value)
    kind, agency = _identity(uris, pseudonym)
    roles = frozenset(uri.rpartition(":")[2] for uri in uris if uri.startswith("urn:custody:role:"))
    if (
        len(roles) + 1 != len(uris)
        or not roles <= names.ROLES
        or (kind == "service") != (roles == {"service"})
    ):
        raise FormatError("certificate: unknown role, or a role that does not fit the subject")
    algorithm_of(key)  # type: ignore[arg-type]
    return Certificate(
        der,
        sha256(der).digest(),
        agency,
        pseudonym,
        kind,
        roles,
        seconds(certificate.not_valid_before_utc),
        seconds(certificate.not_valid_after_utc),
        key,  # type: ignore[arg-type]
    )


def _identity(uris: list[str], pseudonym: str) -> tuple[CertificateKind, str]:
    """Kind and agency of the one URI that names somebody."""
    match [uri.split(":") for uri in uris if not uri.startswith("urn:custody:role:")]:
        case [["urn", "custody", ("person" | "service") as kind, agency, named]]:
            if named != pseudonym:
                raise FormatError("certificate: the subject and its URI name different pseudonyms")
            return kind, names.check_code(agency)
    raise FormatError("certificate: expected one person or service URI")


def verify_issued(certificate: Certificate, authorities: Iterable[bytes], time: int) -> bytes:
    """Check that one of ``authorities`` (CA certificates, DER) issued it, both valid at ``time``.

    Returns:
        that CA certificate.

    Raises:
        VerificationError: step 3.
    """
    leaf = load(certificate.der)
    refusal = "the certificate was not issued by a CA that the agency's descriptor names"
    for der in authorities:
        authority = load(der, what="CA certificate")
        if authority.subject != leaf.issuer or not _issued(certificate.der, der):
            continue
        if not certificate.not_before <= time <= certificate.not_after:
            refusal = f"the certificate is good {_span(leaf)}, and was used at {format_time(time)}"
        elif (
            not seconds(authority.not_valid_before_utc)
            <= time
            <= seconds(authority.not_valid_after_utc)
        ):  # another certificate of the same CA and key, renewed, may stand beside this one
            refusal = (
                f"the agency CA is good {_span(authority)}, and was used at {format_time(time)}"
            )
        else:
            return der
    raise VerificationError(_STEP, refusal)


def _span(certificate: x509.Certificate) -> str:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return f"from {format_time(seconds(begin))} until {format_time(seconds(end))}"


@lru_cache(maxsize=_CACHED)
def _issued(leaf: bytes, authority: bytes) -> bool:
    """Whether the signature on a certificate is the authority's: a fact about bytes, whatever the
    time.
    """
    try:
        load(leaf).verify_directly_issued_by(load(authority, what="CA certificate"))
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def check_authority(der: bytes) -> x509.Certificate:
    """Check a CA certificate: basic constraints CA, may sign certificates and lists.

    Returns:
        the certificate as the library reads it.

    Raises:
        FormatError: it may not.
    """
    authority = load(der, what="CA certificate")
    try:
        constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = authority.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound as error:
        raise FormatError("CA certificate: an extension of the profile is missing") from error
    if not constraints.ca or not usage.key_cert_sign or not usage.crl_sign:
        raise FormatError("CA certificate: may not sign certificates and revocation lists")
    _require_read(authority, "CA certificate")
    return authority


def _require_read(certificate: x509.Certificate, what: str) -> None:
    for extension in certificate.extensions:
        if extension.critical and not isinstance(extension.value, _READ):
            raise FormatError(
                f"{what}: the extension {extension.oid.dotted_string} is critical and not known "
                "here (RFC 5280 section 4.2)"
            )


def require_clock(certificate: Certificate, now: int) -> None:
    """Check that a certificate is good by the clock that says ``now``, and tell both times where it
    is not.

    Raises:
        VerificationError: step 3.
    """
    if now < certificate.not_before:
        raise VerificationError(
            _STEP,
            (
                f"the certificate is good from {format_time(certificate.not_before)}, and this "
                f"computer's clock says {format_time(now)}"
            ),
            hint=(
                "the clock is wrong, or was when the certificate was made: set it, in UTC, and try "
                "again; if it is right, an administrator renews the certificate: "
                "`custody person renew WHO`; the only one does it where the home is, with: "
                "`custody person renew WHO --at-home`"
            ),
        )
    if now > certificate.not_after:
        raise VerificationError(
            _STEP,
            (
                f"the certificate was good until {format_time(certificate.not_after)}, and this "
                f"computer's clock says {format_time(now)}"
            ),
            hint=(
                "if the clock is right, an administrator renews it: `custody person renew WHO`; "
                "the only one does it where the home is, with: `custody person renew WHO --at-home`"
            ),
        )
