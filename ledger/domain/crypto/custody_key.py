"""An agency's custody key sealed to one of its custodians by another one who has it.

- HPKE to the key of that person; `info` binds agency, person, their key and the custody key, so
  that no sealed key passes for another
- whoever opens it compares the key with the public one in the agency's descriptor: whoever carried
  it could not swap it
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ledger.domain.codecs import cbor
from ledger.domain.codecs.text import is_version, require
from ledger.domain.crypto.grants import HpkePrivateKey, hpke_seal
from ledger.domain.errors import KeyringError, VerificationError
from ledger.domain.identity.descriptor import HpkeKey
from ledger.domain.identity.names import check_code, check_pseudonym
from ledger.domain.identity.person import PersonId

_KIND: Final = "custody-key"
_VERSION: Final = 1
_MEMBERS: Final = {"kind", "v", "agency", "person", "custody", "recipient", "sealed"}
_LIMIT: Final = 8192
_DIGEST: Final = 32


@dataclass(frozen=True, slots=True)
class SealedCustodyKey:
    """Whose key it is, for whom, and ciphertext. ``custody`` and ``recipient``: HpkeKey.digest of
    both keys.
    """

    person: PersonId
    custody: bytes
    recipient: bytes
    sealed: bytes

    def encode(self) -> bytes:
        """The sealed key as it is sent, in deterministic CBOR."""
        return cbor.encode(
            {
                "kind": _KIND,
                "v": _VERSION,
                "agency": self.person.agency,
                "person": self.person.pseudonym,
                "custody": self.custody,
                "recipient": self.recipient,
                "sealed": self.sealed,
            }
        )


def seal(key: HpkePrivateKey, person: PersonId, to: HpkeKey) -> SealedCustodyKey:
    """Seal a custody key to a person, by the key that they signed for."""
    custody = key.public.digest
    plain = key.kem.encode() + b"\x00" + key.seed
    return SealedCustodyKey(
        person, custody, to.digest, hpke_seal(to, _info(person, custody, to.digest), plain)
    )


def parse(data: bytes) -> SealedCustodyKey:
    """Parse a sealed custody key.

    Returns:
        the key, still sealed.

    Raises:
        FormatError: not one.
    """
    what = "sealed custody key"
    require(len(data) <= _LIMIT, f"{what}: {len(data)} bytes, at most {_LIMIT} allowed")
    value: Any = cbor.decode(data, what=what)
    require(
        isinstance(value, dict) and set(value) == _MEMBERS, f"{what}: unknown or missing member"
    )
    require(
        value["kind"] == _KIND and is_version(value["v"], _VERSION),
        f"{what}: another kind or version",
    )
    for name in ("custody", "recipient"):
        require(
            isinstance(value[name], bytes) and len(value[name]) == _DIGEST,
            f"{what}: malformed {name}",
        )
    require(isinstance(value["sealed"], bytes), f"{what}: malformed ciphertext")
    person = PersonId(check_code(value["agency"]), check_pseudonym(value["person"]))
    return SealedCustodyKey(person, value["custody"], value["recipient"], value["sealed"])


def open_sealed(
    data: bytes, mine: HpkePrivateKey, *, person: PersonId, custody: HpkeKey
) -> HpkePrivateKey:
    """The custody key in ``data``, if it is sealed to ``person`` and is the private key to
    ``custody`` of the agency's descriptor.

    Raises:
        FormatError: not a sealed key. VerificationError: for somebody else, or another key than the
            agency's.
        KeyringError: altered, or sealed to another key.
    """
    sealed = parse(data)
    if sealed.person != person or sealed.recipient != mine.public.digest:
        raise VerificationError(3, "the sealed custody key is for somebody else")
    plain = mine.hpke_open(_info(person, sealed.custody, sealed.recipient), sealed.sealed)
    kem, _, seed = plain.partition(b"\x00")
    try:
        key = HpkePrivateKey(kem.decode("ascii"), seed)
    except (ValueError, KeyError, AssertionError) as error:
        raise KeyringError("what was sealed is no HPKE key") from error
    if key.public != custody:
        raise VerificationError(
            4,
            "the sealed key is not the custody key of the agency's descriptor",
            hint="do not use it: somebody swapped it",
        )
    return key


def _info(person: PersonId, custody: bytes, recipient: bytes) -> bytes:
    return cbor.encode([_KIND, _VERSION, person.agency, person.pseudonym, custody, recipient])
