"""Settings: the home's own file, and what the environment may say. Read when asked for, never on import."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from ledger.adapters import files
from ledger.domain.errors import StorageError, UsageError

CONFIG = "home.json"
KEYRING = "keyring.json"


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """Which chain: ``kind`` "local" or "rpc"; ``url`` for rpc; confirmations that make a block final."""

    kind: str
    id: int
    url: str = ""
    confirmations: int = 0


@dataclass(frozen=True, slots=True)
class HomeSettings:
    """What a home is: its agency, chain and contracts (0x addresses)."""

    v: int
    agency: str
    log_number: int
    chain: ChainSettings
    registry: str
    ledger: str


def read(home: Path) -> HomeSettings:
    """The settings of a home.

    Raises:
        UsageError: no home there. StorageError: its settings are damaged.
    """
    path = home / CONFIG
    try:
        value = json.loads(path.read_bytes())
        return HomeSettings(**{**value, "chain": ChainSettings(**value["chain"])})
    except FileNotFoundError as error:
        raise UsageError(
            f"{home} is not a custody home", hint=f"create one: custody --home {home} init --agency NL-POL --person 4711"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path} cannot be read", hint="restore it from a backup") from error


def write(home: Path, settings: HomeSettings) -> None:
    """Write the settings of a home."""
    files.write(home / CONFIG, json.dumps(asdict(settings), indent=1).encode() + b"\n")


def passphrase(file: Path | None) -> bytes | None:
    """The passphrase from a file or from CUSTODY_PASSPHRASE; None where neither is given.

    Raises:
        UsageError: the file cannot be read or is empty.
    """
    if file is not None:
        try:
            found = file.read_bytes().rstrip(b"\r\n")
        except OSError as error:
            raise UsageError(f"cannot read the passphrase file: {error.strerror}", hint="check its path and permissions") from error
        if not found:
            raise UsageError("the passphrase file is empty", hint="write the passphrase into it")
        return found
    text = os.environ.get("CUSTODY_PASSPHRASE")
    return text.encode() if text else None
