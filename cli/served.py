"""Where the node of a home serves now."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from ledger.adapters import filelock
from ledger.app import settings
from ledger.domain.codecs import strict_json
from ledger.domain.untrusted import hosts


def served_at(home: Path) -> str:
    """The address of the `serve` that holds a home now; empty where there is none.

    One that was killed leaves its address behind, and by now another program may listen there.

    Raises:
        StorageError: others can write in the home, so that anybody may have written the address.
    """
    if os.path.lexists(home / settings.SERVER):
        settings.require_private(home)
    try:
        value = strict_json.lenient((home / settings.SERVER).read_bytes())
        url, token = value["url"], value["lock"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return str(url) if token and token == filelock.held(home / settings.LOCK) else ""


def only_here(url: str) -> list[str]:
    """What to do about an address that only this machine reaches, for whoever wants colleagues to
    work from theirs; nothing for another one.
    """
    if not hosts.is_here(urlsplit(url).hostname or ""):
        return []
    return [
        (
            f"{url} is reached from this machine alone. For colleagues at others: put a TLS proxy "
            "before it (docs/operations.md), and invite them with --url and the address of that."
        )
    ]
