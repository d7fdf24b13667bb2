"""A token of RFC 3161, read strictly and checked as far as it is checked by itself: what it stamps,
when, under which policy, and that it was signed with the certificate that it names.

- one signer, whose attributes name content, digest and certificate (ESS, RFC 5816)
- SHA-256, SHA-384 or SHA-512; RSA (PKCS #1 v1.5) from 2,048 bits, ECDSA or Ed25519
- whom the certificate belongs to, and whether it counts, is for ``authorities``

A token stands as RFC 9921 has it: the TimeStampToken in DER, without the response around it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1, sha256
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from ledger.domain.codecs.digests import same
from ledger.domain.codecs.text import require
from ledger.domain.errors import FormatError
from ledger.domain.identity.certificate import MALFORMED, load
from ledger.domain.timestamps import forms

#: A token with a whole chain of certificates takes some 6 KiB.
LIMIT: Final = 32 << 10
_MOST: Final = 8  # certificates
_WHAT: Final = "time stamp"
_HASHES: Final[dict[str, Callable[[], hashes.HashAlgorithm]]] = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256,
    "2.16.840.1.101.3.4.2.2": hashes.SHA384,
    "2.16.840.1.101.3.4.2.3": hashes.SHA512,
}
#: Signature algorithms, and the digest that each names; None where the signer's own stands.
_RSA: Final = {
    "1.2.840.113549.1.1.1": None,
    "1.2.840.113549.1.1.11": "2.16.840.1.101.3.4.2.1",
    "1.2.840.113549.1.1.12": "2.16.840.1.101.3.4.2.2",
    "1.2.840.113549.1.1.13": "2.16.840.1.101.3.4.2.3",
}
_ECDSA: Final = {
    "1.2.840.10045.4.3.2": "2.16.840.1.101.3.4.2.1",
    "1.2.840.10045.4.3.3": "2.16.840.1.101.3.4.2.2",
    "1.2.840.10045.4.3.4": "2.16.840.1.101.3.4.2.3",
}
_ED25519: Final = "1.3.101.112"
_ATTRIBUTES: Final = {
    forms.CONTENT_TYPE,
    forms.MESSAGE_DIGEST,
    forms.SIGNING_CERTIFICATE,
    forms.SIGNING_CERTIFICATE_V2,
}


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says, signed with ``signer`` (a certificate in DER).

    Attributes:
        imprint: SHA-256 of what it stamps.
        time: genTime, seconds since 1970, rounded down; ``latest``: genTime and the accuracy that
            it states, rounded up.
        others: certificates that came along, to lead from the signer to a root.
    """

    der: bytes
    imprint: bytes
    policy: str
    time: int
    latest: int
    nonce: int | None
    serial: int
    signer: bytes
    others: tuple[bytes, ...]

    @property
    def digest(self) -> bytes:
        """SHA-256 of the token: what a token over it stamps."""
        return sha256(self.der).digest()


@lru_cache(maxsize=256)
def parse(der: bytes) -> Token:
    """Parse a token, and check that the certificate that it names signed it.

    Returns:
        what it says; nothing is known yet of whose the certificate is.

    Raises:
        FormatError: not a token that we read, or its signature is not good: it proves nothing.
    """
    require(len(der) <= LIMIT, f"{_WHAT}: {len(der)} bytes, at most {LIMIT} allowed")
    whole = forms.decode(forms.ContentInfo, der, _WHAT)
    require(whole.type == forms.SIGNED_DATA, f"{_WHAT}: not signed data")
    content, signers = whole.content.content, whole.content.signers.as_list()
    require(content.type == forms.TST_INFO, f"{_WHAT}: it signs something else than a time")
    require(len(signers) == 1, f"{_WHAT}: expected one signature in it")
    raw = whole.content.certificates or []
    require(len(raw) <= _MOST, f"{_WHAT}: more than {_MOST} certificates in it")
    certificates = [forms.encode(element) for element in raw]
    for certificate in certificates:
        load(certificate, what=f"certificate of a {_WHAT}")
    signer = _find_signer(signers[0], certificates)
    _check_signature(signers[0], content.content, signer)
    return _read(der, content.content, signer, certificates)


def _read(der: bytes, content: bytes, signer: bytes, certificates: list[bytes]) -> Token:
    info = forms.decode(forms.TstInfo, content, _WHAT)
    require(info.version == 1, f"{_WHAT}: version {info.version}, expected 1")
    require(
        info.imprint.algorithm.oid == forms.SHA256 and len(info.imprint.digest) == 32,
        f"{_WHAT}: it stamps another digest than SHA-256",
    )
    moment = info.time.as_datetime()
    micros = int(moment.timestamp()) * 1_000_000 + moment.microsecond
    return Token(
        der,
        info.imprint.digest,
        info.policy.dotted_string,
        micros // 1_000_000,
        -(-(micros + _accuracy(info.accuracy)) // 1_000_000),
        info.nonce,
        info.serial,
        signer,
        tuple(certificate for certificate in certificates if certificate != signer),
    )


def _accuracy(stated: forms.Accuracy | None) -> int:
    """Microseconds; none where none is stated."""
    if stated is None:
        return 0
    seconds, millis, micros = stated.seconds or 0, stated.millis or 0, stated.micros or 0
    good = 0 <= seconds <= 86400 and 0 <= millis < 1000 and 0 <= micros < 1000
    require(good, f"{_WHAT}: it states no accuracy that a time can have")
    return (seconds * 1000 + millis) * 1000 + micros


def _find_signer(info: forms.SignerInfo, certificates: list[bytes]) -> bytes:
    """The certificate that a signature names, by issuer and serial number or by key identifier."""
    for der in certificates:
        certificate = load(der)
        if info.signer.tag_bytes == b"\x80":
            try:
                known = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
            except x509.ExtensionNotFound:
                continue
            if same(known.value.digest, bytes(info.signer.data)):
                return der
        else:
            named = forms.decode(forms.IssuerAndSerial, forms.encode(info.signer), _WHAT)
            issuer = certificate.issuer.public_bytes()
            if (forms.encode(named.issuer), named.serial) == (issuer, certificate.serial_number):
                return der
    raise FormatError(f"{_WHAT}: the certificate that signed it is not in it")


def _check_signature(info: forms.SignerInfo, content: bytes, signer: bytes) -> None:
    """Check the attributes of a signature, and the signature over them."""
    attributes: dict[object, bytes] = {}
    for attribute in info.attributes.as_list():
        values = attribute.values.as_list()
        require(attribute.type not in attributes, f"{_WHAT}: a signed attribute stands twice")
        if attribute.type in _ATTRIBUTES:
            require(len(values) == 1, f"{_WHAT}: a signed attribute has several values, or none")
            attributes[attribute.type] = forms.encode(values[0])
    digest = hashes.Hash(_hash(info.digest.oid.dotted_string))
    digest.update(content)
    said = attributes.get(forms.MESSAGE_DIGEST, b"")
    require(
        attributes.get(forms.CONTENT_TYPE) == forms.encode(forms.TST_INFO)
        and same(said, forms.encode(digest.finalize())),
        f"{_WHAT}: what was signed is not what it says",
    )
    _check_named(attributes, signer)
    signed = forms.encode(info.attributes)
    try:
        _verify(info, signed, load(signer).public_key())
    except (InvalidSignature, *MALFORMED) as error:
        raise FormatError(f"{_WHAT}: the signature is not good") from error


def _check_named(attributes: dict[object, bytes], signer: bytes) -> None:
    """Check that the signed attributes name the certificate: two can hold one key."""
    named = False
    if (old := attributes.get(forms.SIGNING_CERTIFICATE)) is not None:
        first = forms.decode(forms.SigningCertificate, old, _WHAT).certificates[:1]
        _require_named(first, [sha1(signer, usedforsecurity=False).digest()])
        named = True
    if (new := attributes.get(forms.SIGNING_CERTIFICATE_V2)) is not None:
        second = forms.decode(forms.SigningCertificateV2, new, _WHAT).certificates[:1]
        algorithms = [one.algorithm.oid.dotted_string for one in second if one.algorithm]
        digest = hashes.Hash(_hash(algorithms[0]) if algorithms else hashes.SHA256())
        digest.update(signer)
        _require_named(second, [digest.finalize()])
        named = True
    require(named, f"{_WHAT}: it does not sign which certificate signed it")


def _require_named(
    identifiers: list[forms.EssCertId] | list[forms.EssCertIdV2], digests: list[bytes]
) -> None:
    require(
        [one.digest for one in identifiers] == digests,
        f"{_WHAT}: it names another certificate than the one that signed it",
    )


def _hash(oid: str | None) -> hashes.HashAlgorithm:
    if oid not in _HASHES:
        raise FormatError(f"{_WHAT}: a digest is not accepted: SHA-256, SHA-384 or SHA-512 are")
    return _HASHES[oid]()


def _verify(info: forms.SignerInfo, signed: bytes, key: object) -> None:
    """Check a signature.

    Raises:
        FormatError: an algorithm that is not accepted. InvalidSignature: it is not good.
    """
    oid, own = info.algorithm.oid.dotted_string, info.digest.oid.dotted_string
    if isinstance(key, rsa.RSAPublicKey) and oid in _RSA and key.key_size >= 2048:
        key.verify(info.signature, signed, padding.PKCS1v15(), _hash(_RSA[oid] or own))
    elif isinstance(key, ec.EllipticCurvePublicKey) and oid in _ECDSA:
        key.verify(info.signature, signed, ec.ECDSA(_hash(_ECDSA[oid])))
    elif isinstance(key, ed25519.Ed25519PublicKey) and oid == _ED25519:
        key.verify(info.signature, signed)
    else:
        raise FormatError(f"{_WHAT}: its signature algorithm or key is not accepted")
