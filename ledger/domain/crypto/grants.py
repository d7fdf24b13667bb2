"""Grants: a key sealed with HPKE to one recipient (RFC 9180; MLKEM768-X25519 of its post-quantum
draft).

The HPKE `info` binds item, scope, recipient and content commitment, so that a grant cannot be
passed off as another.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, get_args

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from ledger.domain.codecs import cbor
from ledger.domain.codecs.text import is_version, quoted, require
from ledger.domain.errors import KeyringError
from ledger.domain.identity.descriptor import HPKE_KEY_SIZES, HpkeKey

#: What a sealed key opens: the content, the whole record, one document, or one disclosure.
GrantScope = Literal["content", "record", "document", "disclosure"]
_VERSION: Final = 1
_KEMS: Final = {"MLKEM768-X25519": (0x647A, KEM.MLKEM768_X25519), "X25519": (0x0020, KEM.X25519)}
_KDF_ID: Final = 0x0001  # HKDF-SHA256
_AEAD_ID: Final = 0x0002  # AES-256-GCM
_MEMBERS: Final = {"v", "evidence", "scope", "kem", "kdf", "aead", "recipient", "binding", "sealed"}
_MLKEM_SEED: Final = 64


@dataclass(frozen=True, slots=True)
class Grant:
    """A sealed key.

    ``binding``: the content commitment for "content", None for "record", the digest of the one
    document or disclosure otherwise; ``recipient``: HpkeKey.digest.
    """

    evidence: bytes
    scope: GrantScope
    kem: str
    recipient: bytes
    binding: bytes | None
    sealed: bytes

    def encode(self) -> bytes:
        """The grant as it is sent and stored, in deterministic CBOR."""
        return cbor.encode(
            {
                "v": _VERSION,
                "evidence": self.evidence,
                "scope": self.scope,
                "kem": _KEMS[self.kem][0],
                "kdf": _KDF_ID,
                "aead": _AEAD_ID,
                "recipient": self.recipient,
                "binding": self.binding,
                "sealed": self.sealed,
            }
        )


def parse(data: bytes) -> Grant:
    """Parse a grant.

    Returns:
        the grant, its key still sealed.

    Raises:
        FormatError: unknown version, suite or member.
    """
    what = "grant"
    value = cbor.decode(data, what=what)
    require(
        isinstance(value, dict) and set(value) == _MEMBERS, f"{what}: unknown or missing member"
    )
    require(
        is_version(value["v"], _VERSION),
        f"{what}: version {quoted(value['v'])}, expected {_VERSION}",
    )
    kems = {number: name for name, (number, _) in _KEMS.items()}
    require(
        all(type(value[name]) is int for name in ("kem", "kdf", "aead"))
        and value["kem"] in kems
        and value["kdf"] == _KDF_ID
        and value["aead"] == _AEAD_ID,
        f"{what}: unknown suite",
    )
    require(
        isinstance(value["evidence"], bytes) and len(value["evidence"]) == 16,
        f"{what}: malformed evidence",
    )
    require(
        isinstance(value["recipient"], bytes) and len(value["recipient"]) == 32,
        f"{what}: malformed recipient",
    )
    require(
        isinstance(value["sealed"], bytes) and len(value["sealed"]) < 4096,
        f"{what}: malformed ciphertext",
    )
    scope, binding = value["scope"], value["binding"]
    require(scope in get_args(GrantScope), f"{what}: unknown scope")
    bound = isinstance(binding, bytes) and len(binding) == 32
    require(binding is None if scope == "record" else bound, f"{what}: malformed binding")
    return Grant(
        value["evidence"], scope, kems[value["kem"]], value["recipient"], binding, value["sealed"]
    )


def _info(evidence: bytes, scope: GrantScope, recipient: bytes, binding: bytes | None) -> bytes:
    return cbor.encode([_VERSION, evidence, scope, recipient, binding])


def _suite(kem: str) -> Suite:
    return Suite(_KEMS[kem][1], KDF.HKDF_SHA256, AEAD.AES_256_GCM)


@lru_cache(maxsize=256)  # unpacking a lattice key takes longer than sealing to it
def _public(key: HpkeKey) -> Any:
    if key.kem == "X25519":
        return X25519PublicKey.from_public_bytes(key.key)
    lattice, curve = key.key[:-32], key.key[-32:]
    return MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(lattice), X25519PublicKey.from_public_bytes(curve)
    )


class HpkePrivateKey:
    """An HPKE private key. ``seed`` is 32 bytes for X25519, 64 + 32 for MLKEM768-X25519."""

    def __init__(self, kem: str, seed: bytes) -> None:
        self.kem = kem
        self.seed = seed
        curve = X25519PrivateKey.from_private_bytes(seed[-32:])
        self._key: Any = curve
        public = curve.public_key().public_bytes_raw()
        if kem == "MLKEM768-X25519":
            lattice = MLKEM768PrivateKey.from_seed_bytes(seed[:_MLKEM_SEED])
            self._key = MLKEM768X25519PrivateKey(lattice, curve)
            public = lattice.public_key().public_bytes_raw() + public
        self.public = HpkeKey(kem, public)
        assert len(public) == HPKE_KEY_SIZES[kem]

    @classmethod
    def generate(cls, kem: str = "MLKEM768-X25519") -> HpkePrivateKey:
        """A fresh key; the lattice part protects victims' data against tomorrow's machines."""
        curve = X25519PrivateKey.generate().private_bytes_raw()
        lattice = (
            MLKEM768PrivateKey.generate().private_bytes_raw() if kem == "MLKEM768-X25519" else b""
        )
        return cls(kem, lattice + curve)

    def open(self, grant: Grant) -> bytes:
        """Open a grant made to this key; the 32-byte key inside.

        Returns:
            the 32-byte key inside.

        Raises:
            KeyringError: made to another key, or altered.
        """
        if grant.kem != self.kem or grant.recipient != self.public.digest:
            raise KeyringError("the grant was made to another key")
        key = self.hpke_open(
            _info(grant.evidence, grant.scope, grant.recipient, grant.binding), grant.sealed
        )
        if len(key) != 32:
            raise KeyringError("the grant holds no 32-byte key")
        return key

    def hpke_open(self, info: bytes, sealed: bytes) -> bytes:
        """Open what was sealed to this key under ``info``.

        Returns:
            what was sealed.

        Raises:
            KeyringError: altered, or sealed to another key or for something else.
        """
        try:
            return bytes(_suite(self.kem).decrypt(sealed, self._key, info))
        except (InvalidTag, ValueError) as error:
            raise KeyringError("the grant was altered") from error


def hpke_seal(to: HpkeKey, info: bytes, plain: bytes) -> bytes:
    """Seal bytes to a key (RFC 9180 base mode); ``info`` says what they are and for whom.

    Raises:
        KeyringError: its bytes are no key to seal to: a point of small order, under which everybody
            would open it, or no key of the lattice. Others publish them.
    """
    try:
        return _suite(to.kem).encrypt(plain, _public(to), info)
    except ValueError as error:
        raise KeyringError(
            "nothing can be sealed to the encryption key that the recipient published: it is no "
            "sound key",
            hint="ask the recipient for a new key; nothing was handed over",
        ) from error


def seal(
    key: bytes,
    recipient: HpkeKey,
    *,
    evidence: bytes,
    scope: GrantScope,
    binding: bytes | None = None,
) -> Grant:
    """Seal a 32-byte key to one recipient."""
    info = _info(evidence, scope, recipient.digest, binding)
    return Grant(
        evidence, scope, recipient.kem, recipient.digest, binding, hpke_seal(recipient, info, key)
    )
