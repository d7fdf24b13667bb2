"""The agency descriptor: who an agency is and which keys speak for it (DESIGN section 5).

A JSON document whose SHA-256 is on chain for every version, for ever.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from ledger.domain.codecs import strict_json
from ledger.domain.codecs.text import b64url, from_b64url, is_version, quoted, require
from ledger.domain.errors import FormatError
from ledger.domain.identity.certificate import check_authority
from ledger.domain.identity.names import check_code

_LIMIT: Final = 262_144
_MEMBERS: Final = (
    ("v", int),
    ("agency", str),
    ("version", int),
    ("jurisdiction", str),
    ("ca", list),
    ("logKey", str),
    ("node", dict),
    ("custody", dict),
    ("crl", str),
    ("service", str),
    ("ipfsPeers", list),
    ("maxAnchoringDelay", int),
)
#: Sizes of HPKE public keys in bytes (RFC 9180 section 7.1, and its post-quantum draft).
HPKE_KEY_SIZES: Final = {"MLKEM768-X25519": 1216, "X25519": 32}


@dataclass(frozen=True, slots=True)
class HpkeKey:
    """An HPKE public key: the name of its KEM and the raw key."""

    kem: str
    key: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 over the KEM name, a zero byte and the key: the recipient hash of grants."""
        return sha256(self.kem.encode() + b"\x00" + self.key).digest()

    def as_json(self) -> dict[str, str]:
        """As it stands in descriptors and grants."""
        return {"kem": self.kem, "key": b64url(self.key)}


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A parsed descriptor; ``raw`` are the bytes whose SHA-256 is on chain. Delays are seconds."""

    raw: bytes
    agency: str
    version: int
    jurisdiction: str
    authorities: tuple[bytes, ...]
    log_key: bytes
    node: HpkeKey
    custody: HpkeKey
    crl: str
    service: str
    ipfs_peers: tuple[str, ...]
    max_anchoring_delay: int

    @property
    def digest(self) -> bytes:
        """SHA-256 of the document."""
        return sha256(self.raw).digest()


def parse_hpke_key(value: Any, *, what: str) -> HpkeKey:
    """Parse {"kem", "key"}.

    Returns:
        the public key.

    Raises:
        FormatError: unknown KEM or wrong key length.
    """
    require(
        isinstance(value, dict) and set(value) == {"kem", "key"}, f"{what}: expected kem and key"
    )
    size = HPKE_KEY_SIZES.get(value["kem"]) if isinstance(value["kem"], str) else None
    require(size is not None, f"{what}: unknown kem")
    return HpkeKey(value["kem"], from_b64url(value["key"], what=what, size=size))


def build(
    *,
    agency: str,
    version: int,
    jurisdiction: str,
    authorities: list[bytes],
    log_key: bytes,
    node: HpkeKey,
    custody: HpkeKey,
    max_anchoring_delay: int,
    crl: str = "",
    service: str = "",
    ipfs_peers: tuple[str, ...] = (),
) -> Descriptor:
    """Write a descriptor and parse it again, so that nothing is published that a verifier would
    refuse.
    """
    return parse(
        strict_json.dump(
            {
                "v": 1,
                "agency": agency,
                "version": version,
                "jurisdiction": jurisdiction,
                "ca": [base64.b64encode(der).decode() for der in authorities],
                "logKey": b64url(log_key),
                "node": node.as_json(),
                "custody": custody.as_json(),
                "crl": crl,
                "service": service,
                "ipfsPeers": list(ipfs_peers),
                "maxAnchoringDelay": max_anchoring_delay,
            }
        )
    )


def following(before: Descriptor, **changed: Any) -> Descriptor:
    """The version that follows another, with other keys where ``changed`` says so, as ``build``
    takes them; the same bytes for the same keys, so that what was interrupted goes on.
    """
    members: dict[str, Any] = {
        "agency": before.agency,
        "jurisdiction": before.jurisdiction,
        "authorities": list(before.authorities),
        "log_key": before.log_key,
        "node": before.node,
        "custody": before.custody,
        "max_anchoring_delay": before.max_anchoring_delay,
        "crl": before.crl,
        "service": before.service,
        "ipfs_peers": before.ipfs_peers,
    }
    return build(version=before.version + 1, **{**members, **changed})


def parse(raw: bytes) -> Descriptor:
    """Parse a descriptor.

    Returns:
        the descriptor, with its digest.

    Raises:
        FormatError: unknown version or member, or a value out of range.
    """
    what = "descriptor"
    value = strict_json.parse(raw, what=what, limit=_LIMIT)
    require(isinstance(value, dict), f"{what}: not an object")
    require(
        is_version(value.get("v"), 1),
        f"{what}: version {quoted(value.get('v'))}, expected 1",
    )
    require(set(value) == {name for name, _ in _MEMBERS}, f"{what}: unknown or missing member")
    for name, kind in _MEMBERS:
        require(
            isinstance(value[name], kind) and not isinstance(value[name], bool),
            f"{what}: {name} has the wrong type",
        )
    agency = check_code(value["agency"])
    require(
        value["jurisdiction"] == agency[:2],
        f"{what}: jurisdiction {quoted(value['jurisdiction'])}, expected {agency[:2]!r}",
    )
    require(1 <= value["version"] <= 65535, f"{what}: version out of range")
    require(
        0 < value["maxAnchoringDelay"] <= 366 * 86400,
        f"{what}: maximum anchoring delay out of range",
    )
    require(0 < len(value["ca"]) <= 16, f"{what}: expected 1 to 16 CA certificates")
    require(
        all(isinstance(peer, str) for peer in value["ipfsPeers"]), f"{what}: peers must be text"
    )
    authorities = tuple(_authority(text) for text in value["ca"])
    return Descriptor(
        raw,
        agency,
        value["version"],
        value["jurisdiction"],
        authorities,
        from_b64url(value["logKey"], what=f"{what}: log key", size=32),
        parse_hpke_key(value["node"], what=f"{what}: node key"),
        parse_hpke_key(value["custody"], what=f"{what}: custody key"),
        value["crl"],
        value["service"],
        tuple(value["ipfsPeers"]),
        value["maxAnchoringDelay"],
    )


def _authority(text: object) -> bytes:
    try:
        der = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError) as error:
        raise FormatError("descriptor: CA certificate is not base64") from error
    check_authority(der)
    return der
