"""Revocation lists (RFC 5280, section 5) of an agency's CA, and what they say of certificates."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from ledger.domain.codecs.text import format_time, told_time
from ledger.domain.errors import FormatError, IncompleteError, VerificationError
from ledger.domain.identity.certificate import (
    MALFORMED,
    Certificate,
    load,
    require_clock,
    seconds,
    verify_issued,
)

_STEP: Final = 3
_PARTIAL: Final = (
    "the revocation list has a critical extension: it speaks of a part of the certificates, or for "
    "another CA, and counts for none"
)


@lru_cache(maxsize=16)
def _signed_list(der: bytes, authority: bytes) -> x509.CertificateRevocationList | None:
    """A revocation list, if it is the authority's own."""
    issuer, crl = load(authority, what="CA certificate"), load_crl(der)
    try:
        signed = crl.issuer == issuer.subject and crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except (TypeError, ValueError, UnsupportedAlgorithm):  # a descriptor may name a key of any kind
        return None
    return crl if signed else None


@lru_cache(maxsize=16)
def is_whole(der: bytes) -> bool:
    """Whether a revocation list speaks of all certificates of who signed it, and of no others'. One
    of a part of them, of changes alone, or for another CA says so in a critical extension; by
    RFC 5280 (sections 5.2 and 5.3) nobody may use it who does not know that extension.
    """
    crl = load_crl(der)
    lists = (crl.extensions, *(entry.extensions for entry in crl))
    return not any(extension.critical for extensions in lists for extension in extensions)


@lru_cache(maxsize=16)
def load_crl(der: bytes) -> x509.CertificateRevocationList:
    """Parse a DER revocation list.

    Returns:
        the list as the library reads it.

    Raises:
        FormatError: not one, or not DER.
    """
    try:
        crl = x509.load_der_x509_crl(der)
        if crl.public_bytes(serialization.Encoding.DER) != der:
            raise FormatError("revocation list: not in DER")
        _ = (
            crl.extensions,
            list(crl.issuer),
            crl.last_update_utc,
            crl.signature_algorithm_oid,
        )
        for entry in crl:
            _ = entry.serial_number, entry.revocation_date_utc, entry.extensions
    except MALFORMED as error:
        raise FormatError("revocation list: not an X.509 CRL") from error
    return crl


def crl_issued(der: bytes) -> int:
    """When a revocation list was issued, seconds since 1970."""
    return seconds(load_crl(der).last_update_utc)


def crl_number(der: bytes) -> int:
    """Number of a revocation list (RFC 5280, section 5.2.3).

    Raises:
        FormatError: it has none.
    """
    try:
        return load_crl(der).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound as error:
        raise FormatError("revocation list: it has no number") from error


def require_signed_list(der: bytes, authorities: Iterable[bytes]) -> None:
    """Check that a revocation list is signed by one of ``authorities``, and whole.

    Raises:
        FormatError: no list. VerificationError: step 3, somebody else's, or of a part only.
    """
    if all(_signed_list(der, authority) is None for authority in authorities):
        raise VerificationError(
            _STEP, "the revocation list is not signed by a CA that the agency's descriptor names"
        )
    if not is_whole(der):
        raise VerificationError(_STEP, _PARTIAL)


def verify_not_revoked(
    certificate: Certificate, authority: bytes, crls: Iterable[bytes], time: int
) -> None:
    """Check that no list of ``authority`` revokes the certificate at or before ``time``, and that
    one is recent enough.

    Raises:
        VerificationError: revoked in time.
        IncompleteError: no list issued at or after ``time`` is at hand, or none of those that are
            is what the CA signed. Such a list refutes nothing: anybody can add one.
    """
    serial = load(certificate.der).serial_number
    recent = altered = partial = False
    for der in crls:
        crl = _signed_list(der, authority)
        if crl is None:
            altered = altered or load_crl(der).issuer == load(authority).subject
            continue
        if not is_whole(der):
            partial = True
            continue
        entry = crl.get_revoked_certificate_by_serial_number(serial)
        if entry is not None and seconds(entry.revocation_date_utc) <= time:
            revoked = seconds(entry.revocation_date_utc)
            raise VerificationError(
                _STEP,
                f"the certificate was revoked at {format_time(revoked)}, before its use at "
                f"{told_time(time)}",
            )
        recent = recent or seconds(crl.last_update_utc) >= time
    if not recent and partial:
        raise IncompleteError(_STEP, _PARTIAL, hint="ask the agency for its whole list")
    if not recent and altered:
        raise IncompleteError(
            _STEP,
            f"a revocation list in the bundle is said to be of {certificate.agency}, and its CA "
            "did not sign it: it was altered, or damaged on its way",
            hint="get the bundle anew, by another way, and compare both",
        )
    if not recent:
        raise IncompleteError(
            _STEP,
            (
                f"no revocation list of {certificate.agency} issued at or after {told_time(time)} "
                "is in the bundle"
            ),
            hint="ask the agency for a bundle exported after its next revocation list",
        )


def verify_current(
    certificate: Certificate, authorities: Iterable[bytes], crls: Iterable[bytes], now: int
) -> None:
    """Check that a certificate may be used now: issued, valid, and revoked by none of ``crls``.

    Acting now needs no list newer than now. An entry counts though its date lies ahead: chains run
    seconds ahead of clocks, and what was anchored until then shall go on verifying, but nothing new
    shall begin.

    Raises:
        VerificationError: step 3.
    """
    require_clock(certificate, now)
    authority = verify_issued(certificate, authorities, now)
    serial = load(certificate.der).serial_number
    for der in crls:
        crl = _signed_list(der, authority)
        if crl is None:
            raise VerificationError(
                _STEP, "the revocation list is not signed by the CA that issued the certificate"
            )
        if not is_whole(der):
            raise VerificationError(_STEP, _PARTIAL)
        if crl.get_revoked_certificate_by_serial_number(serial) is not None:
            raise VerificationError(_STEP, "the certificate was revoked")
