"""Where the node of a home serves now."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from ledger.adapters import filelock
from ledger.app import settings
from ledger.domain.codecs import strict_json
from ledger.domain.errors import BusyError, NetworkError, UnconfirmedError
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


@contextmanager
def unreached(url: str) -> Iterator[None]:
    """Tell somebody who was invited, and reaches nobody at an address of this machine, that it is
    that of the machine where the invitation was made.
    """
    try:
        yield
    except NetworkError as error:
        if not isinstance(error, UnconfirmedError | BusyError) and only_here(url):
            error.hint = (
                f"the invitation names {url}, which is the machine itself: where the node is on "
                "another one, ask the administrator for an invitation with --url and an address "
                "that you reach; else have it served here: `custody serve`"
            )
        raise


def only_here(url: str) -> list[str]:
    """What to do about an address that only this machine reaches, for whoever wants colleagues to
    work from theirs; nothing for another one.
    """
    if not hosts.is_here(urlsplit(url).hostname or ""):
        return []
    return [
        f"{url} is reached from this machine alone.",
        "For colleagues at others put a TLS proxy before it (docs/operations.md), and",
        "invite them with --url and the address of that.",
    ]
