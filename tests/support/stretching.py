"""Each passphrase is stretched once in a run of the tests, by the real scrypt in its real process;
who opens the same keyring again, or a copy of it, gets the key of then.

A derivation takes 128 MiB and half a second, copies of one home are opened a thousand times, and
hundreds of keyrings are made. Those take their salts from a few, in turn: two that are made after
one another differ, as they always do.
The keys lie in a folder of the run, so that processes which tests fork find them too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger.adapters.keystore.kdf import Derivation

#: Where the keys lie; in the environment, since forked processes inherit it.
_FOLDER = "CUSTODY_TEST_STRETCHED"
_SALTS = 8
_really: Callable[[Derivation, bytes], None] = Derivation._run


def keep_in(folder: Path) -> None:
    """Remember keys in this folder, in this process and in those that tests fork."""
    os.environ[_FOLDER] = str(folder)
    remember()


def remember() -> None:
    """Remember keys in this process."""
    folder = Path(os.environ[_FOLDER])

    def run(derivation: Any, data: bytes) -> None:
        kept = folder / sha256(data).hexdigest()
        try:
            derivation._key = kept.read_bytes()
        except FileNotFoundError:
            _really(derivation, data)
            if derivation._key is not None:
                written = kept.with_suffix(f".{os.getpid()}-{id(derivation)}")
                written.write_bytes(derivation._key)
                written.replace(kept)  # whole or not there: others look meanwhile

    def new_salt() -> bytes:
        with (folder / "salts").open("ab", buffering=0) as made:
            made.write(b".")  # appended, also among processes: each sees its own end
            turn = made.tell() % _SALTS
        return sha256(f"{folder} {turn}".encode()).digest()[:16]

    Derivation._run = run  # type: ignore[method-assign]
    Derivation.new_salt = staticmethod(new_salt)  # type: ignore[method-assign]
