"""Which addresses may be spoken to, and how.

- a URL is http or https, with a host that every program reads alike: no user, no fragment, no
  backslash, no 127.1 or 0x7f000001
- without TLS: addresses on this machine alone
- an agency's node is an origin and nothing else: no path, no query
- a host that somebody else chose may lead to public addresses, and beyond those only into networks
  that the operator allowed
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from ledger.domain.errors import UsageError

Ip = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_URL: Final = re.compile(
    r"(?P<scheme>(?i:https?))://(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(?P<port>[0-9]{1,5}))?(?P<target>[/?][!-\"$-\[\]-~]*)?"
)
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC: Final = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")
#: Networks whose addresses are not public (IANA's registries of special-purpose addresses), with a
#: word for messages.
_SPECIAL: Final[tuple[tuple[Network, str], ...]] = tuple(
    (ip_network(text), word)
    for text, word in (
        ("127.0.0.0/8", "loopback"), ("::1/128", "loopback"),
        ("0.0.0.0/8", "unspecified"), ("::/128", "unspecified"),
        ("10.0.0.0/8", "private"), ("172.16.0.0/12", "private"), ("192.168.0.0/16", "private"),
        ("fc00::/7", "unique-local"), ("fec0::/10", "site-local"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("169.254.0.0/16", "link-local"), ("fe80::/10", "link-local"),
        ("224.0.0.0/4", "multicast"), ("ff00::/8", "multicast"),
        ("192.0.0.0/24", "reserved"), ("192.0.2.0/24", "reserved"),
        ("192.88.99.0/24", "reserved"), ("198.18.0.0/15", "reserved"),
        ("198.51.100.0/24", "reserved"), ("203.0.113.0/24", "reserved"),
        ("240.0.0.0/4", "reserved"),
        # RFC 8215: where in it the IPv4 address lies is each network's own choice
        ("64:ff9b:1::/48", "local NAT64"),
        ("2001::/23", "reserved"), ("2001:db8::/32", "reserved"), ("3fff::/20", "reserved"),
    )
)  # fmt: skip
_UNICAST: Final = IPv6Network("2000::/3")  # all that was ever given out
_USUAL_PORTS: Final = {"https": 443, "http": 80}
_NAT64: Final = IPv6Network("64:ff9b::/96")
#: Networks of this machine, as the operator's settings name them.
HERE: Final = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True)
class Address:
    """A URL taken apart; ``host`` is in lower case and without brackets, ``target`` is path and
    query.
    """

    scheme: str
    host: str
    port: int | None
    target: str

    @property
    def origin(self) -> str:
        """Scheme, host and port, as every use of it writes them."""
        port = f":{self.port}" if self.port is not None else ""
        return f"{self.scheme}://{self._host}{port}"

    @property
    def authority(self) -> str:
        """Host and port (RFC 3986, section 3.2), the one that the scheme has anyway, too."""
        return f"{self._host}:{self.port or _USUAL_PORTS[self.scheme]}"

    @property
    def server(self) -> str:
        """The origin without the port that its scheme has anyway: for two spellings of one origin
        the same.
        """
        is_usual = self.port == _USUAL_PORTS[self.scheme]
        return replace(self, port=None).origin if is_usual else self.origin

    @property
    def _host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def ip(self) -> Ip | None:
        """The host where it is an address itself."""
        return literal(self.host)


def literal(host: str) -> Ip | None:
    """An address written as such, or None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def parse(url: str, *, what: str) -> Address:
    """Take a URL apart, strictly.

    Returns:
        scheme, host, port and path.

    Raises:
        UsageError: it is none, or one that two programs could read differently; ``what`` says whose
            it is.
    """
    match = _URL.fullmatch(url) if len(url) <= 2048 else None
    host = match["host"].strip("[]").lower() if match else ""
    if (
        match is None
        or not _is_host(host, bracketed=match["host"].startswith("["))
        or int(match["port"] or 1) not in range(1, 65536)
    ):
        raise UsageError(
            f"the address of {what} is no plain URL",
            hint="give it as https://name.example, in ASCII, without user, password and fragment",
        )
    return Address(
        match["scheme"].lower(),
        host,
        int(match["port"]) if match["port"] else None,
        match["target"] or "",
    )


def _is_host(host: str, *, bracketed: bool) -> bool:
    ip = literal(host)
    if ip is not None or bracketed:
        return ip is not None and bracketed == (ip.version == 6)
    labels = host.split(".")
    # A host whose last label is a number is read as an address by some programs (127.1, 2130706433)
    # and as a name by others.
    return all(_LABEL.fullmatch(label) for label in labels) and not _NUMERIC.fullmatch(labels[-1])


def require_tls(url: str, *, what: str) -> Address:
    """Check that an address is one of https, or of this machine.

    Returns:
        the address taken apart.

    Raises:
        UsageError: it is neither, or no plain URL.
    """
    address = parse(url, what=what)
    if address.scheme != "https" and not is_here(address.host):
        raise UsageError(
            f"{what} is reached over https only", hint="give its address as https://..."
        )
    return address


def origin(url: str, *, what: str) -> str:
    """Check that an address is an origin of https (or of http on this machine) and nothing else.

    Returns:
        the origin in its one spelling.

    Raises:
        UsageError: it is not.
    """
    address = require_tls(url, what=what)
    if address.target:
        raise UsageError(
            f"the address of {what} has a path or a query",
            hint="give scheme, host and port alone: https://custody.example",
        )
    return address.origin


def is_here(host: str) -> bool:
    """Whether a host as it is written means this machine: packets to a tunnelled 127.0.0.1 (NAT64,
    6to4) leave it.
    """
    ip = literal(host)
    return (
        host == "localhost" or host.endswith(".localhost")
        if ip is None
        else _unmapped(ip).is_loopback
    )


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks as settings and command lines name them.

    Raises:
        UsageError: one of them is none.
    """
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise UsageError(
            "this is no network",
            hint="give it as 10.20.0.0/16 or fd00:1::/64, with no bits set behind its length",
        ) from error


def named(address: Address) -> tuple[Network, ...]:
    """The network of one address that an operator wrote down as such: whoever names it allows it. A
    name allows nothing.
    """
    if address.ip is not None:
        return (ip_network(address.ip),)
    return networks(HERE) if is_here(address.host) else ()


def special(ip: Ip) -> str:
    """What kind of address this is, where it is not public: loopback, private, link-local...; empty
    for a public one.
    """
    ip = _embedded(ip)
    for network, word in _SPECIAL:
        if ip.version == network.version and ip in network:
            return word
    return "reserved" if ip.version == 6 and ip not in _UNICAST else ""


def permits(allowed: Iterable[Network], ip: Ip) -> bool:
    """Whether an address may be connected to: it is public, or in a network that is allowed."""
    plain = _unmapped(ip)
    return not special(ip) or any(
        form in network
        for network in allowed
        for form in (ip, plain)
        if form.version == network.version
    )


def _unmapped(ip: Ip) -> Ip:
    """The IPv4 address that an IPv6 address is another spelling of; the system sends its packets as
    IPv4.
    """
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip


def _embedded(ip: Ip) -> Ip:
    """The IPv4 address to which an IPv6 address leads (mapped, 6to4, NAT64): it decides where
    packets end.
    """
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (IPv6Address(int(ip)) if ip.scope_id else ip)
