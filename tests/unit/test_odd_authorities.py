"""Keys and certificates that an agency's descriptor, or somebody who joins, may name and that are
odd, though they parse.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519
from cryptography.x509.oid import NameOID

from ledger.domain.crypto import grants
from ledger.domain.errors import FormatError, IncompleteError, KeyringError, VerificationError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.identity.descriptor import HPKE_KEY_SIZES, HpkeKey
from ledger.domain.timestamps import authorities

_NOW = datetime(2026, 11, 28, tzinfo=UTC)
_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA")])
_PSEUDONYM = "a" * 26
_CA = ec.generate_private_key(ec.SECP256R1())
_SIGNS = x509.KeyUsage(*[flag in (0, 5, 6) for flag in range(9)])


_BY_NAME = x509.NameConstraints([x509.UniformResourceIdentifier(".example")], None)
#: What limits a certificate in a way that nothing here can judge.
_LIMITS = (
    x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00"),
    x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.5.5.7.3.1")]),
    x509.PolicyConstraints(0, None),
    _BY_NAME,
)


def signed(
    builder: x509.CertificateBuilder, begin: datetime, end: datetime, *, is_ca: bool
) -> bytes:
    made = (
        builder.issuer_name(_NAME)
        .serial_number(7)
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
    )
    return made.sign(_CA, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def authority(
    begin: int, end: int, key: object = None, limit: x509.ExtensionType | None = None, **mark: bool
) -> bytes:
    """A CA certificate, good for these days around now."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .public_key(key or _CA.public_key())  # type: ignore[arg-type]
        .add_extension(_SIGNS, critical=True)
    )
    if limit is not None:
        builder = builder.add_extension(limit, **mark)
    days = (_NOW + timedelta(day) for day in (begin, end))
    return signed(builder, *days, is_ca=True)


def somebody(
    limit: x509.ExtensionType | None = None,
    named: tuple[str, str] = ("person", "officer"),
    **mark: bool,
) -> certificates.Certificate:
    uris = (f"urn:custody:{named[0]}:NL-POL:{_PSEUDONYM}", f"urn:custody:role:{named[1]}")
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _PSEUDONYM)]))
        .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
        .add_extension(x509.KeyUsage(True, *[False] * 8), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris]),
            critical=False,
        )
    )
    if limit is not None:
        builder = builder.add_extension(limit, **mark)
    days = (_NOW - timedelta(1), _NOW + timedelta(99))
    return certificates.parse(signed(builder, *days, is_ca=False))


def test_a_ca_that_ended_does_not_hide_its_renewed_certificate_with_the_same_key() -> None:
    ended, renewed = authority(-900, -2), authority(-2, 900)
    for known in ((ended, renewed), (renewed, ended), (renewed, renewed)):
        assert certificates.verify_issued(somebody(), known, int(_NOW.timestamp())) == renewed
    with pytest.raises(VerificationError, match="the agency CA is good from"):
        certificates.verify_issued(somebody(), (ended, ended), int(_NOW.timestamp()))
    with pytest.raises(VerificationError, match="the certificate is good from"):
        certificates.verify_issued(somebody(), (renewed,), int(_NOW.timestamp()) + 100 * 86400)


@pytest.mark.parametrize("kind", [x25519.X25519PrivateKey, x448.X448PrivateKey])
def test_a_ca_whose_key_signs_nothing_ends_in_a_verdict(kind: type) -> None:
    mute = authority(-2, 900, kind.generate().public_key())  # type: ignore[attr-defined]
    now = int(_NOW.timestamp())
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(_NAME)
        .last_update(_NOW)
        .next_update(_NOW + timedelta(9))
        .sign(_CA, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )
    with pytest.raises(VerificationError, match="not signed by a CA"):
        revocation_lists.require_signed_list(crl, [mute])
    with pytest.raises(IncompleteError):
        revocation_lists.verify_not_revoked(somebody(), mute, [crl], now)
    with pytest.raises(VerificationError, match="not issued by a CA"):
        certificates.verify_issued(somebody(), [mute], now)


@pytest.mark.parametrize("limit", _LIMITS)
def test_a_certificate_with_a_critical_limit_that_nobody_here_can_judge_is_refused(
    limit: x509.ExtensionType,
) -> None:
    for named in (("person", "officer"), ("service", "service")):
        with pytest.raises(FormatError, match="critical"):
            somebody(limit, named, critical=True)
        assert somebody(limit, named, critical=False).pseudonym == _PSEUDONYM
    with pytest.raises(FormatError, match="critical"):
        certificates.check_authority(authority(-2, 900, limit=limit, critical=True))


@pytest.mark.parametrize(
    "of_list",
    [
        x509.DeltaCRLIndicator(1),
        x509.IssuingDistributionPoint(None, None, False, True, None, False, False),
        x509.IssuingDistributionPoint(None, None, False, False, None, True, False),
        None,
    ],
)
def test_a_revocation_list_of_a_part_of_the_certificates_shows_nobody_as_not_revoked(
    of_list: x509.ExtensionType | None,
) -> None:
    """None stands for a whole list with an entry of another issuer's certificate: taken for our
    CA's it would revoke who bears the same serial number.
    """
    ca, now, who = authority(-2, 900), int(_NOW.timestamp()), somebody()
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(_NAME)
        .last_update(_NOW)
        .next_update(_NOW + timedelta(9))
    )
    if of_list is not None:
        builder = builder.add_extension(of_list, critical=True)
    else:
        entry = x509.RevokedCertificateBuilder().serial_number(7).revocation_date(_NOW)
        other = x509.CertificateIssuer([x509.DirectoryName(_NAME)])
        builder = builder.add_revoked_certificate(entry.add_extension(other, critical=True).build())
    crl = builder.sign(_CA, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    with pytest.raises(IncompleteError, match="critical"):
        revocation_lists.verify_not_revoked(who, ca, [crl], now)
    with pytest.raises(VerificationError, match="critical"):
        revocation_lists.verify_current(who, [ca], [crl], now)
    with pytest.raises(VerificationError, match="critical"):
        revocation_lists.require_signed_list(crl, [ca])


def test_of_many_addresses_of_a_revocation_list_a_few_are_asked() -> None:
    """Each may take half a minute to answer, and a certificate holds hundreds."""
    uris = [x509.UniformResourceIdentifier(f"http://{number}.example/crl") for number in range(99)]
    points = x509.CRLDistributionPoints([x509.DistributionPoint(uris, None, None, None)])
    der = somebody(points, critical=False).der
    assert authorities.list_addresses(der) == tuple(uri.value for uri in uris[:4])


@pytest.mark.parametrize("kem", HPKE_KEY_SIZES)
@pytest.mark.parametrize("byte", [b"\0", b"\xff"])
def test_nothing_is_sealed_to_a_key_that_is_none_and_that_is_told(kem: str, byte: bytes) -> None:
    """A point of small order would let everybody open what is sealed to it."""
    lattice = byte * (HPKE_KEY_SIZES[kem] - 32)
    for curve in (bytes(32), b"\1" + bytes(31)):
        with pytest.raises(KeyringError, match="no sound key"):
            grants.seal(
                os.urandom(32), HpkeKey(kem, lattice + curve), evidence=bytes(16), scope="record"
            )
