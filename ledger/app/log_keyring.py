"""Log keys in the keyring of a home: one from the founding on, and others while one takes another's
place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.adapters.keystore.file import FileKeyring
from ledger.domain.errors import KeyringError
from ledger.services.node import log_keys

_FIRST: Final = "log"
_LATER: Final = "log-"


def held(keyring: FileKeyring) -> tuple[Ed25519PrivateKey, ...]:
    """The keys that sign receipts and checkpoints, each in its time (services.node.log_keys).

    Raises:
        KeyringError: one of them is no Ed25519 key.
    """
    return tuple(key for _, key in _named(keyring))


def keep(keyring: FileKeyring, keys: Sequence[Ed25519PrivateKey]) -> None:
    """Hold these log keys, and destroy every other one."""
    wanted = {log_keys.public(key): key for key in keys}
    for name, key in _named(keyring):
        if wanted.pop(log_keys.public(key), None) is None:
            keyring.drop(name)
    for public, key in wanted.items():
        keyring.put_signing_key(f"{_LATER}{public.hex()[:16]}", key)
    keyring.save()


def _named(keyring: FileKeyring) -> list[tuple[str, Ed25519PrivateKey]]:
    found = []
    for name in keyring.names():
        if name == _FIRST or name.startswith(_LATER):
            key = keyring.signing_key(name)
            if not isinstance(key, Ed25519PrivateKey):
                raise KeyringError("a log key in the keyring is not Ed25519")
            found.append((name, key))
    return found
