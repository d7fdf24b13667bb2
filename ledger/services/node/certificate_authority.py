"""The agency's certification authority: certificates of people and services, revocation lists (RFC
5280).
"""

from __future__ import annotations

import base64
import datetime
import secrets
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ledger.domain.codecs.cose import PublicKey
from ledger.domain.identity import names

_YEAR: Final = 365 * 86400
#: Seconds for which a certificate of a person or of the node is good.
CERTIFICATE_LIFE: Final = 2 * _YEAR
_SKEW: Final = 300  # a certificate is good at once on machines whose clocks run a little behind


def new_pseudonym() -> str:
    """A random pseudonym: 130 bits in base32."""
    return base64.b32encode(secrets.token_bytes(17)).decode()[:26].lower()


def _moment(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _usage(*, signing: bool, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signing,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass(frozen=True)
class Authority:
    """A CA key (P-256) with its self-signed certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        """The CA certificate."""
        return _der(self.certificate)

    @property
    def begin(self) -> int:
        """From when on the CA certificate is good, seconds since 1970."""
        return int(self.certificate.not_valid_before_utc.timestamp())

    @property
    def end(self) -> int:
        """Until when it is good: nothing that it issued counts for longer."""
        return int(self.certificate.not_valid_after_utc.timestamp())

    @classmethod
    def found(cls, agency: str, now: int) -> Authority:
        """A new CA for an agency, valid ten years."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"custody CA {agency}")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_moment(now - _SKEW))
            .not_valid_after(_moment(now + 10 * _YEAR))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signing=False, authority=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    def issue(
        self,
        public: PublicKey,
        *,
        agency: str,
        pseudonym: str,
        roles: list[str],
        service: bool,
        now: int,
    ) -> bytes:
        """A certificate (DER) for a person or a service, valid two years, or until the CA's own
        ends.
        """
        identity = (
            names.service_urn(agency, pseudonym) if service else names.person_urn(agency, pseudonym)
        )
        uris = [identity, *(names.role_urn(role) for role in roles)]
        return _der(
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, pseudonym)]))
            .issuer_name(self.certificate.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(_moment(now - _SKEW))
            .not_valid_after(_moment(min(now + CERTIFICATE_LIFE, self.end)))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signing=True, authority=False), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris]),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
        )

    def issue_crl(
        self, previous: bytes | None, revoked: list[tuple[int, int]], *, number: int, now: int
    ) -> bytes:
        """A revocation list (DER): all entries of the previous one, which are never dropped, and
        new (serial, time) pairs. Of two times for one certificate the earlier one holds: it may
        turn out later since when a key was stolen.
        """
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(_moment(now))
            .next_update(_moment(now + 86400))
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
        )
        times = dict[int, int]()
        for entry in x509.load_der_x509_crl(previous) if previous is not None else ():
            times[entry.serial_number] = int(entry.revocation_date_utc.timestamp())
        for serial, time in revoked:
            times[serial] = min(time, times.get(serial, time))
        for serial, time in times.items():
            entry = (
                x509.RevokedCertificateBuilder()
                .serial_number(serial)
                .revocation_date(_moment(time))
                .build()
            )
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
