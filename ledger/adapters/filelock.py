"""An exclusive lock on a file that says who holds it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ledger.domain.errors import LockedError


class FileLock:
    """Held from construction to ``release``; the kernel drops it when the process dies.

    Raises:
        LockedError: another process holds it, naming that process.
    """

    def __init__(self, path: Path, *, what: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._fd, 64, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._fd)
            raise LockedError(
                f"{what} is in use by process {holder}", hint="stop that process, or let it serve this home with: custody serve"
            ) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go; harmless when repeated."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
