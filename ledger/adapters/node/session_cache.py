"""A session kept between commands, sealed under the keyring's journal key."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.adapters import files
from ledger.adapters.node.client import Session

_NONCE: Final = 12
_AAD: Final = b"custody-session-v1"


class FileSession:
    """See client.KeptSession.

    Args:
        key: 32 bytes from the keyring. A thief of the file alone has nothing, and with the token
            alone not much: requests are proven.
        server: the address that it is for: another one must not be shown it.
    """

    def __init__(self, path: Path, key: bytes, server: str) -> None:
        self._path = path
        self._bound = _AAD + b" " + server.rstrip("/").encode(errors="surrogateescape")
        self._cipher = AESGCM(key)

    def load(self) -> Session | None:
        """The one that goes on; None where there is none, or it has ended."""
        try:
            sealed = self._path.read_bytes()
            found = Session(
                **json.loads(self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], self._bound))
            )
        except (OSError, InvalidTag, ValueError, TypeError):
            return None
        return found if found.expires > time.time() + found.ahead + 5 else None

    def save(self, session: Session) -> None:
        """Keep one."""
        files.private_folder(self._path.parent)
        nonce = secrets.token_bytes(_NONCE)
        files.write(
            self._path,
            nonce + self._cipher.encrypt(nonce, json.dumps(asdict(session)).encode(), self._bound),
        )
