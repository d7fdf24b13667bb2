"""Where a request comes from, behind reverse proxies: what limits for each address are counted by.

- nobody is believed who is not in a network that the operator named; without a setting the peer of
  the connection is the client
- of the chain that proxies wrote down the last address counts that is not a proxy's own: what
  stands left of it a client made up
- one header is read, the one that the operator's proxy writes; the other one would be whatever a
  client sent
- an IPv6 client has a network of 2^64 addresses to itself, so it is that network which is counted
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from ledger.domain.errors import UsageError

#: Set in the scope of the CLI's own calls; no server writes it, whatever headers claim.
LOCAL: Final = "custody.local"
HEADERS: Final = ("x-forwarded-for", "forwarded")
_HOPS: Final = 20  # more than any chain of proxies: what is left of them is not looked at
_SITE: Final = 64  # bits of an IPv6 address that name a network
_FOR: Final = re.compile(r'(?:^|;)\s*for\s*=\s*(?:"([^"]*)"|([^";\s]*))', re.IGNORECASE)  # RFC 7239
_Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Trusted:
    """Networks of the operator's own proxies, and the header in which they write whom they speak
    for.
    """

    networks: tuple[IPv4Network | IPv6Network, ...]
    header: str = HEADERS[0]

    def includes(self, address: _Address) -> bool:
        """Whether an address is a proxy's."""
        return any(address in network for network in self.networks)

    def speaks(self, peer: str) -> bool:
        """Whether the peer of a connection is a proxy, which speaks for others."""
        address = _parse(peer)
        return address is not None and self.includes(address)


def trusted(networks: Sequence[str], header: str) -> Trusted | None:
    """The setting; None where nobody is trusted.

    Raises:
        UsageError: not networks, or a header that no proxy writes.
    """
    if header not in HEADERS:
        raise UsageError(
            f"serve.forwarded is {header!r}", hint=f"expected one of: {', '.join(HEADERS)}"
        )
    try:
        found = tuple(ip_network(network) for network in networks)
    except ValueError as error:
        raise UsageError(
            "serve.trusted_proxies holds what is no network",
            hint='write networks like "10.0.0.0/24" or "::1/128"',
        ) from error
    return Trusted(found, header) if found else None


class ProxyMiddleware:
    """Puts the client's address into the scope where a trusted proxy speaks for it; outermost,
    before anything is counted.
    """

    def __init__(self, app: ASGIApp, trusted: Trusted) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] == "http" and scope.get("client"):
            scope = {**scope, "client": (client(scope, self._trusted), 0)}
        await self._app(scope, receive, send)


def client(scope: Scope, trusted: Trusted) -> str:
    """The address that a request comes from."""
    peer = str(scope["client"][0])
    current = _parse(peer)
    if current is None:
        return peer
    for hop in _hops(scope, trusted.header):
        if not trusted.includes(current):
            break
        address = _parse(hop)
        if (
            address is None
        ):  # a proxy that did not know, or hides it: it answers for its clients itself
            break
        current = address
    return str(current)


def _hops(scope: Scope, header: str) -> Iterator[str]:
    """What proxies wrote, the nearest one first."""
    text = ",".join(
        value.decode("latin-1") for name, value in scope["headers"] if name == header.encode()
    )
    for part in reversed(text.split(",")[-_HOPS:]):
        if header == "forwarded":
            match = _FOR.search(part)
            yield (match[1] or match[2] or "") if match is not None else ""
        else:
            yield part


def _parse(text: str) -> _Address | None:
    """An address, with or without a port."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def counted(scope: Scope) -> str:
    """What requests from an address are counted under."""
    peer = str(scope["client"][0]) if scope.get("client") else ""
    address = _parse(peer)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _SITE), strict=False))
    return peer if address is None else str(address)
