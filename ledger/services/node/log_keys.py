"""Which log key signs: that of the descriptor's version in force, or of the one that the chain
names for a checkpoint.

Keys are found by what the descriptors name, and never by their order: a process that was killed
between two steps of a rotation leaves nothing that could be taken for another key.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.domain.errors import KeyringError
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.descriptor import Descriptor
from ledger.rows.agencies import DescriptorRow
from ledger.rows.unit_of_work import UnitOfWork


@lru_cache(maxsize=8)
def _parsed(document: bytes) -> Descriptor:
    """A descriptor; the one in force is asked for with every statement."""
    return descriptors.parse(document)


def in_force(unit: UnitOfWork, now: int) -> Descriptor:
    """The descriptor of our own agency that is in force."""
    known = unit.authority.descriptors()
    active = [row for row in known if row.active_from <= now]
    # None where the clock was set back behind the founding: the first one, so that the answer can
    # be about the clock.
    return _parsed((active or known[:1])[-1].document)


def to_come(unit: UnitOfWork, now: int) -> DescriptorRow | None:
    """The version that is published and not in force yet; there is one at most."""
    newest = unit.authority.descriptors()[-1]
    return newest if newest.version > in_force(unit, now).version else None


def version(unit: UnitOfWork, number: int) -> Descriptor:
    """A version of our descriptor.

    Raises:
        KeyringError: it is not in this home.
    """
    for known in every_version(unit):
        if known.version == number:
            return known
    raise KeyringError(
        f"version {number} of the descriptor is not in this home",
        hint="this home is older than the registry: restore the newest backup",
    )


def every_version(unit: UnitOfWork) -> list[Descriptor]:
    """All versions of our descriptor, those to come included, oldest first."""
    return [_parsed(row.document) for row in unit.authority.descriptors()]


def public(key: Ed25519PrivateKey) -> bytes:
    """A log key as descriptors name it."""
    return key.public_key().public_bytes_raw()


def named_by(descriptor: Descriptor, held: Iterable[Ed25519PrivateKey]) -> Ed25519PrivateKey:
    """The log key that a descriptor names.

    Raises:
        KeyringError: it is not among those that are held.
    """
    for key in held:
        if public(key) == descriptor.log_key:
            return key
    raise KeyringError(
        f"the log key of version {descriptor.version} of the descriptor is not in the keyring",
        hint="restore the newest backup, which holds it",
    )
