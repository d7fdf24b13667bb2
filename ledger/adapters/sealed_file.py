"""A small file that is worth nothing without its owner's keyring: AES-256-GCM under one of its
keys.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.adapters import files

_NONCE: Final = 12
_LONGEST: Final = 1 << 20


class SealedFile:
    """A file, bound to what it is for: one that is put in its place does not open.

    Args:
        key: 32 bytes. bound: what it is for, and for whom.
    """

    def __init__(self, path: Path, key: bytes, bound: bytes) -> None:
        self._path = path
        self._cipher = AESGCM(key)
        self._bound = bound

    def read(self) -> bytes | None:
        """What it holds; None where it is not there, or was sealed for something else."""
        try:
            sealed = files.read_small(self._path, _LONGEST)
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], self._bound)
        except (OSError, InvalidTag, ValueError):
            return None

    def write(self, data: bytes) -> None:
        """Replace what it holds.

        Raises:
            StorageError: it cannot be written.
        """
        files.private_folder(self._path.parent)
        nonce = secrets.token_bytes(_NONCE)
        files.write(self._path, nonce + self._cipher.encrypt(nonce, data, self._bound))
