"""The proxy of the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY): never for this
machine's own addresses.

With a proxy it is the proxy that resolves names: what it connects to we cannot check
(docs/operations.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed lacks it

from ledger.domain.errors import UsageError
from ledger.domain.untrusted import hosts
from ledger.domain.untrusted.hosts import Address


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where it is, and as whom we ask it; ``auth`` is never shown."""

    url: str
    auth: tuple[str, str] | None


def for_address(address: Address) -> Proxy | None:
    """The proxy that the environment names for an address, or None.

    Raises:
        UsageError: it names something that is no HTTP proxy.
    """
    known = getproxies_environment()
    text = known.get(address.scheme) or known.get("all")
    if not text or hosts.is_here(address.host) or _bypassed(address, known):
        return None
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host = hosts.parse(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", what="the proxy")
    except (ValueError, UsageError) as error:
        raise UsageError(
            "the environment names a proxy that is none for HTTP",
            hint="set HTTPS_PROXY to http://host:port, or NO_PROXY for this address",
        ) from error
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return Proxy(host.origin, auth)


def _bypassed(address: Address, known: dict[str, str]) -> bool:
    """Whether NO_PROXY names it: by name, ending of a name, or network."""
    if proxy_bypass_environment(address.host, known):
        return True
    ip = address.ip
    for text in known.get("no", "").split(","):
        try:
            network = ip_network(text.strip(), strict=False)
        except ValueError:
            continue
        if ip is not None and ip.version == network.version and ip in network:
            return True
    return False
