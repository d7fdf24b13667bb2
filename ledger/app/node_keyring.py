"""Log keys and HPKE keys of a node in the keyring of its home: one of each from the founding on,
and others while one takes another's place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.adapters.keystore.file import FileKeyring
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.errors import KeyringError
from ledger.services.node import log_keys

_LOG: Final = "log"
_HPKE: Final = "hpke-node"


def held_log_keys(keyring: FileKeyring) -> tuple[Ed25519PrivateKey, ...]:
    """The keys that sign receipts and checkpoints, each in its time (services.node.log_keys).

    Raises:
        KeyringError: one of them is no Ed25519 key.
    """
    return tuple(_log_keys(keyring).values())


def keep_log_keys(keyring: FileKeyring, keys: Sequence[Ed25519PrivateKey]) -> None:
    """Hold these log keys, and destroy every other one."""
    wanted = {log_keys.public(key): key for key in keys}
    for name, key in _log_keys(keyring).items():
        if wanted.pop(log_keys.public(key), None) is None:
            keyring.drop(name)
    for public, key in wanted.items():
        keyring.put_signing_key(f"{_LOG}-{public.hex()[:16]}", key)
    keyring.save()


def held_hpke_keys(keyring: FileKeyring) -> tuple[HpkePrivateKey, ...]:
    """The keys that open event documents, each in its time."""
    return tuple(keyring.hpke_key(name) for name in _names(keyring, _HPKE))


def keep_hpke_keys(keyring: FileKeyring, keys: Sequence[HpkePrivateKey]) -> None:
    """Hold these HPKE keys of the node, and destroy every other one."""
    wanted = {key.public.digest: key for key in keys}
    for name in _names(keyring, _HPKE):
        if wanted.pop(keyring.hpke_key(name).public.digest, None) is None:
            keyring.drop(name)
    for digest, key in wanted.items():
        keyring.put_hpke_key(f"{_HPKE}-{digest.hex()[:16]}", key)
    keyring.save()


def _names(keyring: FileKeyring, first: str) -> list[str]:
    return [name for name in keyring.names() if name == first or name.startswith(f"{first}-")]


def _log_keys(keyring: FileKeyring) -> dict[str, Ed25519PrivateKey]:
    found = {}
    for name in _names(keyring, _LOG):
        key = keyring.signing_key(name)
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyringError("a log key in the keyring is not Ed25519")
        found[name] = key
    return found
