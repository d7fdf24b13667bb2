"""scrypt (RFC 7914) in a process of its own.

N = 2^17 and r = 8 take 128 MiB for a third of a second. In a child that memory goes back to the
system at once; in this process it would stay in its peak, which is bounded for the sake of small
machines (DESIGN section 15).
"""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
from typing import Final

from ledger import system
from ledger.domain.errors import KeyringError

N: Final = 1 << 17
_SALT: Final = 16
_TIMEOUT: Final = 60
_CODE: Final = f"""
import sys, hashlib
data = sys.stdin.buffer.read()
key = hashlib.scrypt(data[{_SALT}:], salt=data[:{_SALT}], n={N}, r=8, p=1, maxmem=1 << 28, dklen=32)
sys.stdout.buffer.write(key)
"""


class Derivation:
    """The 32-byte key of a passphrase and a 16-byte salt, on its way in another process while this
    one does something else.
    """

    def __init__(self, passphrase: bytes, salt: bytes) -> None:
        self._key: bytes | None = None
        self._problem = "the process that does it ended"
        self._thread = threading.Thread(
            target=self._run, args=(salt + passphrase,), name="scrypt", daemon=True
        )
        self._thread.start()

    @staticmethod
    def new_salt() -> bytes:
        """The salt of a new keyring."""
        return secrets.token_bytes(_SALT)

    def _run(self, data: bytes) -> None:
        # Both travel by pipe, never by argument or environment.
        command = [sys.executable, "-I", "-S", "-c", _CODE]
        try:
            done = subprocess.run(  # noqa: S603
                command,
                input=data,
                capture_output=True,
                check=False,
                timeout=_TIMEOUT,
                env=system.least_environment(),
            )
        except OSError as error:
            self._problem = f"no process could be started ({error.strerror})"
            return
        except subprocess.SubprocessError:
            self._problem = f"it took more than {_TIMEOUT} s"
            return
        if done.returncode == 0 and len(done.stdout) == 32:
            self._key = done.stdout

    def result(self) -> bytes:
        """Wait for the key.

        Raises:
            KeyringError: there is no memory for it, or no process could be started.
        """
        self._thread.join()
        if self._key is None:
            raise KeyringError(
                f"the passphrase could not be stretched: {self._problem}",
                hint="this takes 128 MiB of free memory for a moment",
            )
        return self._key
