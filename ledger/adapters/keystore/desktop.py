"""The desktop's key store (Keychain, Credential Manager, Secret Service) by the package `keyring`,
for the passphrase of a home.

It is asked only for homes whose passphrase was put there: asking may open a window.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any, Final

from ledger.domain.errors import CustodyError, KeyringError, UsageError

_SERVICE: Final = "custody-ledger"
#: Stores of the package that keep nothing, or keep it in clear.
_UNSAFE: Final = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")


def _store() -> Any:
    """The store of this desktop that keeps secrets.

    Raises:
        UsageError: the package is not installed, or this desktop has no such store. KeyringError:
            the package fails.
    """
    if importlib.util.find_spec("keyring") is None:
        python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
        raise UsageError(
            "the desktop's key store needs the Python package keyring, which is not installed",
            hint=f"{python} -I -m pip install keyring, or give --passphrase-file FILE",
        )
    try:
        found = importlib.import_module("keyring").get_keyring()
    except Exception as error:  # of its own, or of what it is built on
        raise KeyringError(
            f"the desktop's key store is not there: {type(error).__name__}",
            hint="give --passphrase-file FILE, or set CUSTODY_PASSPHRASE_FILE",
        ) from error
    # Where there are several, the package's own goes through all of them, those in clear too.
    stores = [
        store
        for store in getattr(found, "backends", [found])
        if not type(store).__module__.startswith(_UNSAFE)
    ]
    if not stores:
        raise UsageError(
            "this machine has no key store that keeps a secret",
            hint="give --passphrase-file FILE, or set CUSTODY_PASSPHRASE_FILE",
        )
    return stores[0]


def is_there() -> bool:
    """Whether this desktop has a store that keeps secrets. Opens nothing."""
    try:
        _store()
    except CustodyError:
        return False
    return True


def _call(function: str, home: Path, *values: str) -> Any:
    store = _store()
    try:
        return getattr(store, function)(_SERVICE, str(home.resolve()), *values)
    except Exception as error:  # each store has errors of its own
        raise KeyringError(
            f"the desktop's key store did not do it: {type(error).__name__}",
            hint="unlock it, or give --passphrase-file FILE",
        ) from error


def find(home: Path) -> bytes | None:
    """The passphrase of a home; None where it is not there.

    Raises:
        UsageError: there is no store. KeyringError: it is locked, or refuses.
    """
    kept = _call("get_password", home)
    return str(kept).encode(errors="surrogateescape") if kept else None


def keep(home: Path, passphrase: bytes) -> None:
    """Keep the passphrase of a home.

    Raises:
        UsageError: there is no store. KeyringError: it refuses.
    """
    _call("set_password", home, passphrase.decode(errors="surrogateescape"))


def forget(home: Path) -> None:
    """Forget the passphrase of a home.

    Raises:
        UsageError: there is no store. KeyringError: it refuses, or has none.
    """
    _call("delete_password", home)
