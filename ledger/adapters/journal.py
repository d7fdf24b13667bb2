"""Upload journals on the client's disk: append-only, each record sealed with AES-256-GCM under a key of the keyring."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.adapters import files
from ledger.domain.errors import StorageError

_LENGTH: Final = 4
_NONCE: Final = 12


class FileJournal:
    """See ports.Journal. One file a run, locked while the run goes on.

    Args:
        key: 32 bytes from the keyring: content keys lie in the journal until the upload is acknowledged.
    """

    def __init__(self, directory: Path, key: bytes) -> None:
        self._directory = directory
        self._cipher = AESGCM(key)
        self._taken: list[tuple[Path, int]] = []
        self._pending = bytearray()
        self._path: Path | None = None
        self._fd = -1

    def leftovers(self) -> list[dict[str, Any]]:
        """See ports.Journal."""
        found: list[dict[str, Any]] = []
        for path in sorted(self._directory.glob("upload-*.journal"), key=_age):
            if path == self._path:
                continue
            try:
                fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # its run has just finished
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                continue
            self._taken.append((path, fd))
            found += self._read(path.read_bytes())
        return found

    def _read(self, data: bytes) -> list[dict[str, Any]]:
        records, at = [], 0
        while at + _LENGTH <= len(data):
            size = int.from_bytes(data[at : at + _LENGTH], "big")
            sealed = data[at + _LENGTH : at + _LENGTH + size]
            try:
                records.append(json.loads(self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], None)))
            except (InvalidTag, ValueError):
                break  # the torn end of a crash: what follows was never relied on
            at += _LENGTH + size
        return records

    def append(self, record: dict[str, Any]) -> None:
        """See ports.Journal."""
        nonce = secrets.token_bytes(_NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, json.dumps(record).encode(), None)
        self._pending += len(sealed).to_bytes(_LENGTH, "big") + sealed

    def sync(self) -> None:
        """See ports.Journal."""
        if not self._pending:
            return
        try:
            if self._path is None:
                self._open()
            os.write(self._fd, self._pending)
            os.fsync(self._fd)
        except OSError as error:
            raise StorageError(
                f"the upload journal could not be written: {error.strerror}", hint="check the free space of the disk"
            ) from error
        self._pending.clear()

    def _open(self) -> None:
        files.private_folder(self._directory)
        path = self._directory / f"upload-{secrets.token_hex(8)}.journal"
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        self._path = path
        files.sync_directory(self._directory)

    def finish(self, keep: Sequence[dict[str, Any]] = ()) -> None:
        """See ports.Journal."""
        finished = self._held()
        self._pending.clear()
        if keep:
            self._path, self._fd, self._taken = None, -1, finished
            for record in keep:
                self.append(record)
            self.sync()
        for path, _ in finished:
            path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """See ports.Journal."""
        for _, fd in self._held():
            os.close(fd)
        self._taken, self._path, self._fd = [], None, -1
        self._pending.clear()

    def _held(self) -> list[tuple[Path, int]]:
        return [*self._taken, *([(self._path, self._fd)] if self._path is not None else [])]


def _age(path: Path) -> int:
    """When a journal was last written; one whose run has just finished and removed it stands first."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
