"""scrypt (RFC 7914) in a process of its own.

N = 2^17 and r = 8 take 128 MiB for a third of a second. In a child that memory goes back to the system at once; in this
process it would stay in its peak, which is bounded for the sake of small machines (DESIGN section 15).
"""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from ledger.domain.errors import KeyringError

N: Final = 1 << 17
_SALT: Final = 16
_CODE: Final = f"""
import sys, hashlib
data = sys.stdin.buffer.read()
key = hashlib.scrypt(data[{_SALT}:], salt=data[:{_SALT}], n={N}, r=8, p=1, maxmem=1 << 28, dklen=32)
sys.stdout.buffer.write(key)
"""


def derive(passphrase: bytes, salt: bytes) -> bytes:
    """The 32-byte key of a passphrase and a 16-byte salt; both travel by pipe, never by argument or environment.

    Raises:
        KeyringError: there is no memory for it.
    """
    command = [sys.executable, "-I", "-S", "-c", _CODE]
    done = subprocess.run(command, input=salt + passphrase, capture_output=True, check=False, timeout=60, env={})  # noqa: S603
    if done.returncode != 0 or len(done.stdout) != 32:
        raise KeyringError("the passphrase could not be stretched", hint="this takes 128 MiB of free memory for a moment")
    return done.stdout
