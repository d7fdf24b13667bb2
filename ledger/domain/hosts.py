"""Which addresses may be spoken to without TLS: those on this machine, and no others."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from ledger.domain.errors import UsageError


def require_tls(url: str, *, what: str) -> None:
    """Check that an address is one of https, or of this machine.

    Raises:
        UsageError: it is neither.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.hostname or "")):
        raise UsageError(f"{what} is reached over https only", hint="give its address as https://...")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
