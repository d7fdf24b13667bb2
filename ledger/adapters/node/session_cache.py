"""A session kept between commands, sealed under the keyring's journal key."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Final

from ledger.adapters.node.client import Session
from ledger.adapters.sealed_file import SealedFile

_BOUND: Final = b"custody-session-v1"


class FileSession:
    """See client.KeptSession.

    Args:
        key: 32 bytes from the keyring. A thief of the file alone has nothing, and with the token
            alone not much: requests are proven.
        server: the address that it is for: another one must not be shown it.
    """

    def __init__(self, path: Path, key: bytes, server: str) -> None:
        bound = _BOUND + b" " + server.rstrip("/").encode(errors="surrogateescape")
        self._file = SealedFile(path, key, bound)

    def load(self) -> Session | None:
        """The one that goes on; None where there is none, or it has ended."""
        data = self._file.read()
        try:
            found = None if data is None else Session(**json.loads(data))
        except (ValueError, TypeError):
            return None
        return found if found and found.expires > time.time() + found.ahead + 5 else None

    def save(self, session: Session) -> None:
        """Keep one."""
        self._file.write(json.dumps(asdict(session)).encode())
