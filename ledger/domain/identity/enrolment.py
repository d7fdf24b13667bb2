"""Asking to be enrolled: a COSE_Sign1 of its own type, by the new signing key, over both public
keys and the log they are for.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from ledger.domain.codecs import cbor, cose
from ledger.domain.codecs.text import require
from ledger.domain.errors import FormatError
from ledger.domain.identity.descriptor import HPKE_KEY_SIZES, HpkeKey

TYPE: Final = "application/vnd.custody.enrolment+cose"


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed request: the log's URN, the signing key with its SubjectPublicKeyInfo (DER), the
    HPKE key.
    """

    server: str
    key: cose.PublicKey
    spki: bytes
    hpke: HpkeKey

    @property
    def fingerprint(self) -> str:
        """What the person reads to the administrator."""
        return fingerprint(self.spki, self.hpke)


def fingerprint(spki: bytes, hpke: HpkeKey) -> str:
    """What two people compare by voice: 64 bits over both keys of a person, in groups of four hex
    digits.
    """
    digest = sha256(b"custody-enrolment-v1" + spki + hpke.digest).hexdigest()
    return " ".join(digest[at : at + 4] for at in range(0, 16, 4))


def encode_key(key: cose.PublicKey) -> bytes:
    """SubjectPublicKeyInfo in DER (RFC 5280)."""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def sign(key: cose.PrivateKey, *, server: str, hpke: HpkeKey) -> bytes:
    """Prove possession of the signing key."""
    payload = cbor.encode(
        {"server": server, "key": encode_key(key.public_key()), "kem": hpke.kem, "hpke": hpke.key}
    )
    return cose.sign(key, {cose.TYP: TYPE}, payload).encode()


def parse(data: bytes) -> Request:
    """Parse a request and check that it was signed with the key that it names.

    Returns:
        the request, signed by whoever has its key.

    Raises:
        FormatError: not a request. VerificationError: another key signed it (step 3).
    """
    what = "enrolment"
    message = cose.parse(data, what=what, limit=16384)
    require(
        set(message.headers) == {cose.ALG, cose.TYP} and message.headers[cose.TYP] == TYPE,
        f"{what}: wrong headers",
    )
    require(not message.unprotected and message.payload is not None, f"{what}: wrong parts")
    value = cbor.decode(message.payload or b"", what=what)
    require(
        isinstance(value, dict) and set(value) == {"server", "key", "kem", "hpke"},
        f"{what}: malformed payload",
    )
    require(
        isinstance(value["server"], str)
        and isinstance(value["key"], bytes)
        and isinstance(value["hpke"], bytes),
        f"{what}: wrong types",
    )
    require(
        HPKE_KEY_SIZES.get(value["kem"]) == len(value["hpke"])
        if isinstance(value["kem"], str)
        else False,
        f"{what}: no HPKE key",
    )
    try:
        key = serialization.load_der_public_key(value["key"])
        encoded = encode_key(key)  # type: ignore[arg-type]
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise FormatError(f"{what}: no public key") from error
    require(encoded == value["key"], f"{what}: the public key is not in DER")
    cose.algorithm_of(key)  # type: ignore[arg-type]
    cose.verify(message, key, step=3, what=what)  # type: ignore[arg-type]
    return Request(value["server"], key, value["key"], HpkeKey(value["kem"], value["hpke"]))  # type: ignore[arg-type]
