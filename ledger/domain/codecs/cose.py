"""COSE_Sign1 (RFC 9052 section 4.2), strictly: tag 18, deterministic headers, two algorithms.

- ES256 signatures are accepted with low S only: otherwise anyone could turn one valid entry into
  another
- the algorithm is taken from the key and compared with the header, never the other way round
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from ledger.domain.codecs import cbor
from ledger.domain.errors import FormatError, VerificationError

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

ES256: Final = -7
EDDSA: Final = -8
SHA256: Final = -16

ALG: Final = 1
KID: Final = 4
CWT_CLAIMS: Final = 15
TYP: Final = 16
X5CHAIN: Final = 33
X5T: Final = 34

_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SIGN1_HEAD: Final = b"\xd2\x84"


@dataclass(frozen=True, slots=True)
class Sign1:
    """A parsed COSE_Sign1; ``protected`` holds the bytes as received, ``headers`` what they say."""

    protected: bytes
    headers: dict[Any, Any]
    payload: bytes | None
    signature: bytes
    unprotected: dict[Any, Any] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The tagged message (RFC 9052 section 4.2)."""
        return _SIGN1_HEAD + b"".join(
            cbor.encode(part)
            for part in (self.protected, self.unprotected, self.payload, self.signature)
        )


def algorithm_of(key: PublicKey | PrivateKey) -> int:
    """The COSE algorithm that a key signs with.

    Raises:
        FormatError: neither P-256 nor Ed25519.
    """
    if isinstance(key, ed25519.Ed25519PublicKey | ed25519.Ed25519PrivateKey):
        return EDDSA
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey) and isinstance(
        key.curve, ec.SECP256R1
    ):
        return ES256
    raise FormatError("signing key is neither P-256 nor Ed25519")


def sig_structure(protected: bytes, payload: bytes) -> bytes:
    """What is signed (RFC 9052 section 4.4)."""
    return cbor.encode(["Signature1", protected, b"", payload])


def sign_bytes(key: PrivateKey, message: bytes) -> bytes:
    """Sign with ES256 (RFC 6979 nonces, low S) or EdDSA; 64 bytes."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    algorithm_of(key)
    r, s = decode_dss_signature(
        key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    )
    return r.to_bytes(32, "big") + min(s, _P256_ORDER - s).to_bytes(32, "big")


def verify_bytes(key: PublicKey, signature: bytes, message: bytes, *, step: int, what: str) -> None:
    """Check a 64-byte signature.

    Raises:
        VerificationError: with ``step`` and ``what``.
    """
    if len(signature) != 64:
        raise VerificationError(step, f"{what}: signature of {len(signature)} bytes, expected 64")
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
            return
        algorithm_of(key)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        if s > _P256_ORDER // 2:
            raise VerificationError(step, f"{what}: signature is not in its low-S form")
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise VerificationError(step, f"{what}: signature does not verify") from error


def sign(
    key: PrivateKey, headers: dict[Any, Any], payload: bytes, *, detached: bool = False
) -> Sign1:
    """Sign ``payload`` under protected ``headers``, to which the algorithm is added."""
    headers = {ALG: algorithm_of(key), **headers}
    protected = cbor.encode(headers)
    signature = sign_bytes(key, sig_structure(protected, payload))
    return Sign1(protected, headers, None if detached else payload, signature)


def verify(
    message: Sign1, key: PublicKey, *, step: int, what: str, payload: bytes | None = None
) -> None:
    """Check a message's signature; a detached ``payload`` is given by the caller.

    Raises:
        VerificationError: wrong algorithm for the key, or the signature does not verify.
    """
    content = message.payload if payload is None else payload
    if content is None or message.headers.get(ALG) != algorithm_of(key):
        raise VerificationError(
            step, f"{what}: algorithm {message.headers.get(ALG)} does not fit the key"
        )
    verify_bytes(
        key, message.signature, sig_structure(message.protected, content), step=step, what=what
    )


def parse(data: bytes, *, what: str, limit: int = 65535) -> Sign1:
    """Parse a tagged COSE_Sign1 of at most ``limit`` bytes.

    Returns:
        the message, its protected header as received.

    Raises:
        FormatError: any deviation from the deterministic encoding.
    """
    if len(data) > limit:
        raise FormatError(f"{what}: {len(data)} bytes, at most {limit} allowed")
    item = cbor.decode(data, what=what)
    if (
        not isinstance(item, cbor.Tagged)
        or item.tag != 18
        or not isinstance(item.value, list)
        or len(item.value) != 4
    ):
        raise FormatError(f"{what}: not a tagged COSE_Sign1")
    protected, unprotected, payload, signature = item.value
    shapes = (
        isinstance(protected, bytes)
        and isinstance(unprotected, dict)
        and isinstance(signature, bytes)
    )
    if not shapes or not (payload is None or isinstance(payload, bytes)):
        raise FormatError(f"{what}: wrong types in COSE_Sign1")
    headers = cbor.decode(protected, what=f"{what}: protected header")
    if not isinstance(headers, dict):
        raise FormatError(f"{what}: protected header is not a map")
    return Sign1(protected, headers, payload, signature, unprotected)
